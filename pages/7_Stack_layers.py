"""Stack them: a network built layer by layer, with every map in view."""

from cnnviz.ui import whole_scene
from cnnviz.ui.experiments import stack, stack_editor, stack_files, stack_lesson, stack_pictures
from cnnviz.ui.page import controls, page

with page(
    "Stack layers",
    "What one layer puts out, the next takes in. Follow one bright spot from left to right: each layer sees further "
    "than the one before, and keeps less of the detail. Add a layer, swap two, and watch how far the last one sees.",
) as view:
    with controls():
        given = stack.controls(view)
    number = stack_editor.edit(given)
    maps = stack.run(view, given)
    covered = stack_lesson.predict(given, maps)
    stack_pictures.show(view, given, maps, number, covered=covered)
    whole_scene.show(view, given.network, "stack", covered=covered)
    stack_files.show(view, given, maps)
    stack_lesson.tasks(view, given, maps)
