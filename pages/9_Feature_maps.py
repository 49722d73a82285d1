"""Look inside: every map of every layer of a trained network, and why it says what it says."""

from cnnviz.ui.experiments import (
    maps,
    maps_earth,
    maps_filter,
    maps_graph,
    maps_lesson,
    maps_pictures,
    maps_subjects,
    maps_why,
)
from cnnviz.ui.page import controls, page

with page(
    "Feature maps",
    "A trained network has made its own filters. Go through its layers: the first still shows the image, the last "
    "knows only a class. Which strokes does each map answer to? Point at a cell to see what it saw.",
) as view:
    with controls():
        looked = maps.controls(view)
    given = maps.pick(*looked)
    covered = maps_lesson.predict(given)
    maps_pictures.show(given, covered=covered)
    maps_graph.show(given)
    maps_subjects.upload()
    maps_filter.show(given)
    maps_why.show(given)
    maps_earth.show(view, given)
    maps_lesson.tasks(given)
