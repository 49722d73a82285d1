"""Padding and stride: where a kernel may stand, and what that does to size, border and place."""

from cnnviz.ui import whole_scene
from cnnviz.ui.experiments import padding, padding_edge, padding_lesson, padding_scene, padding_walk
from cnnviz.ui.page import controls, page

with page(
    "Padding and stride",
    "A kernel cannot stand on the outermost cells unless something is put around them. Press play: the left column of "
    "the result is an edge that is not in the image, invented by the zeros around it. Change what fills the border, "
    "then raise the stride until cells are skipped.",
) as view:
    with controls():
        chosen = padding.controls()
    given, band = padding.setting(view, chosen)
    fitting, small = padding.walked(given)
    covered = padding_lesson.predict(fitting, small)
    padding_walk.show(fitting, small, covered=covered)
    result = padding_scene.run(view, given, band)
    padding_scene.show(view, result, band)
    whole_scene.show(view, padding_scene.network(result.given, band), "padding and stride")
    padding_edge.show(view, result, band)
    padding_lesson.tasks(fitting, small)
