"""Image inspection: what is in the file."""

import streamlit as st

from cnnviz.ui.experiments import inspection, inspection_lesson, inspection_parts, inspection_picture
from cnnviz.ui.page import controls, page

with page(
    "Image inspection",
    "An image is a block of numbers: rows × columns × bands. A photo has three bands, a satellite may have thirteen. "
    "Click pixels that look different, such as water and forest, and compare their numbers in every band.",
) as view:
    with controls():
        chosen = inspection.controls(view)
    given = inspection.setting(view, *chosen)
    left, right = st.columns([5, 4])
    with left:
        inspection_picture.show(view, given)
    with right:
        inspection_parts.show(view, given)
    inspection_lesson.tasks(view, given)
