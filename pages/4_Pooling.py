"""Pooling: fewer pixels, and what each way of making them keeps."""

from cnnviz.ui import whole_scene
from cnnviz.ui.experiments import pooling, pooling_lesson, pooling_parts, pooling_pictures
from cnnviz.ui.page import controls, page

with page(
    "Pooling",
    "Pooling puts one number in place of a whole window: the largest, the mean or the smallest. Nothing is learned. "
    "Follow one edge from map to map: max keeps what is strongly positive (red), min what is strongly negative (blue), "
    "and the average lets both fade.",
) as view:
    with controls():
        chosen = pooling.controls(view)
    result = pooling.run(view, pooling.setting(chosen))
    covered = pooling_lesson.predict(result)
    pooling_pictures.show(view, result, covered=covered)
    whole_scene.show(view, pooling.networks(result.given), "pooling", covered=covered)
    pooling_parts.show(view, result, covered=covered)
