"""Volume convolution: a kernel per band, summed over the bands."""

from cnnviz.ui import whole_scene
from cnnviz.ui.experiments import (
    volume,
    volume_bank,
    volume_controls,
    volume_lesson,
    volume_parts,
    volume_pictures,
)
from cnnviz.ui.page import controls, page

with page(
    "Volume convolution",
    "A filter of a CNN has a kernel for every band. Each band adds a term, the terms are summed, a bias and an "
    "activation follow. Look where two bands have opposite signs, as red and near infrared have along fields: they "
    "cancel in the sum. In filter 2 one is turned round, and they add up.",
) as view:
    with controls():
        chosen = volume_controls.controls(view)
    given = volume_controls.setting(view, chosen)
    volume_bank.edit(given)
    result = volume.run(view, given)
    covered, asked = volume_lesson.predict(view, result)
    volume_pictures.show(view, result, covered=covered, asked=asked)
    volume_parts.show(view, result, covered=covered)
    whole_scene.show(view, given.network, "volume convolution", covered=covered)
    volume_lesson.tasks(result)
