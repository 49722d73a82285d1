"""Kernel playground: one kernel, any kernel, on the current scene."""

from cnnviz.ui import whole_scene
from cnnviz.ui.experiments import kernel, kernel_files, kernel_lesson, kernel_pictures
from cnnviz.ui.page import beside, controls, page

with page(
    "Kernel playground",
    "A kernel is a small grid of weights that slides over the picture: at every stop, weights and pixels are "
    "multiplied and summed. Red is a positive sum, blue a negative one, white is 0. Look where the brightness "
    "changes, then turn the kernel.",
) as view:
    with controls():
        chosen = kernel.controls(view)
    given, result = kernel.shown(view, kernel.setting(chosen))
    covered, asked = kernel_lesson.predict(given, result)
    left, right = beside(kernel.width(given), turned=True)
    with left:
        kernel.edit(view, given)
    with right:
        kernel_pictures.show(view, given, result, covered=covered, asked=asked)
    kernel_files.downloads(view, given, covered=covered)
    whole_scene.show(view, given.network, "kernel", covered=covered)
    kernel_lesson.tasks(chosen.kernel, given)
