"""A visitor's own images: a zip, a folder that the operator allows, or a scene with a raster of labels."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from cnnviz.chip_files import read_folder, read_zip, walked
from cnnviz.chip_scene import Cut, from_scene
from cnnviz.chips import Chips
from cnnviz.errors import CnnvizError, DataError
from cnnviz.scene import Scene, open_scene, save_upload
from cnnviz.ui import labels, link
from cnnviz.ui.settings import settings
from cnnviz.ui.view import View
from cnnviz.ui.visit import visit
from cnnviz.ui.words import plain

#: Data sets of a visitor that are kept, images of each, and bytes that these may take.
KEPT, MOST, MEMORY = 2, 5000, 2**28
#: Name of the control that says which images the page uses.
CHOSEN = "data"
_STATE, _PROBLEM, _TURN = "_own_chips", "_own_problem", "_own_turn"


def own() -> Mapping[str, Chips]:
    """The visitor's data sets by name, the newest last."""
    kept: dict[str, Chips] = st.session_state.setdefault(_STATE, {})
    return kept


def show(view: View) -> None:
    """Ways to bring images, unless controls are hidden; what they give is in :func:`own` from the next run on."""
    if link.hides("controls"):
        return
    with st.expander("Images of your own", key="own_images"):
        if problem := st.session_state.pop(_PROBLEM, ""):
            st.error(plain(problem))
        packed, cut, folder = st.tabs(["A zip", "The scene with labels", "A folder of this server"])
        with packed:
            _field("A zip with one folder of images per class", ["zip"], "zip", _take_zip)
            st.caption(
                f"JPEG, PNG or GeoTIFF of one size, as EuroSAT comes; at most {MOST:,} images, 256 MB of numbers."
            )
        with cut:
            _scene_with_labels(view)
        with folder:
            _folder()


def _scene_with_labels(view: View) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        side = link.figure("Side of a chip, pixels", 8, 128, 16, "cut_side", width=190)
        step = link.figure("One every … pixels", 1, 256, 8, "cut_step", width=190)
        purity = link.slide("Pixels of the middle's class at least, %", 5, 100, 50, "cut_purity", width=320)
    names = link.text("Names of the classes", "", "cut_names", placeholder="1 Water, 2 Forest", help=_NAMES)
    cut = Cut(side=side, step=step, purity=purity / 100, limit=MOST)
    given = (view.scene, cut, names)
    _field("A GeoTIFF of classes on the grid of the current scene", ["tif", "tiff"], "tif", _take_labels, *given)
    st.caption(f"Chips are cut from {plain(view.scene.name)}; 0 and nodata are no label.")


_NAMES = (
    "Each with its value, or in the order of the values. What is not named here is called as the file says in its tags "
    "(CLASS_1, CLASS_2 …), else “class 3”."
)


def _folder() -> None:
    if settings().local_root is None:
        st.caption("The operator of this server allows no paths.")
        return
    st.text_input("Folder with one subfolder of images per class", key="_own_path", on_change=_take_folder)


def _field(label: str, endings: list[str], kind: str, take: Callable[..., None], *given: Any) -> None:
    """An upload field whose key is new after every file, so that Streamlit lets go of its bytes."""
    key = f"_own_{kind}_{st.session_state.setdefault(_TURN, 0)}"
    st.file_uploader(label, type=endings, key=key, on_change=take, args=(key, *given))


def _take_zip(key: str) -> None:
    upload = st.session_state[key]
    if upload is not None:
        _keep(upload.name, lambda: _unzipped(upload))


def _unzipped(upload: Any) -> Chips:
    with tempfile.TemporaryDirectory(dir=visit().folder) as place:
        return read_zip(upload, Path(place), title=upload.name, limit=MOST, memory=MEMORY)


def _take_labels(key: str, scene: Scene, cut: Cut, names: str) -> None:
    upload = st.session_state[key]
    if upload is not None:
        _keep(f"{scene.name}, {upload.name}", lambda: _cut(upload, scene, cut, names))


def _cut(upload: Any, scene: Scene, cut: Cut, typed: str) -> Chips:
    """Chips by an uploaded raster, which is kept as the scene's labels."""
    here = visit()
    path = save_upload(upload, upload.name, here.folder)
    try:
        raster = open_scene(path, name=upload.name)
        names = labels.names_in(raster) | labels.read_names(typed)
        chips = from_scene(scene, raster, cut=cut, names=names)
    except CnnvizError:
        here.let_go(path)
        raise
    labels.keep_labels(scene, labels.Labels(path, names))
    return chips


def _take_folder() -> None:
    text = st.session_state["_own_path"].strip()
    if text:
        _keep(
            Path(text).name, lambda: read_folder(folder_below(settings().local_root, text), limit=MOST, memory=MEMORY)
        )


def folder_below(root: Path | None, text: str) -> Path:
    """The folder that ``text`` names below the operator's; raises DataError for any other, or one with links out."""
    refused = DataError("This is no folder below the one that the operator allows: give its path from there.")
    if root is None or "\0" in text:
        raise refused
    base = root.resolve()
    found = (base / Path(text)).resolve()
    if not found.is_relative_to(base) or not found.is_dir():
        raise refused
    if any(not each.resolve().is_relative_to(base) for each, _ in walked(found)):
        raise DataError("This folder holds links that lead out of what the operator allows: put the files there.")
    return found


def _keep(name: str, read: Callable[[], Chips]) -> None:
    """Keep what ``read`` gives and choose it; where it cannot be had, the next run says why."""
    st.session_state[_TURN] += 1
    try:
        chips = read()
    except CnnvizError as error:
        st.session_state[_PROBLEM] = str(error)
        return
    kept: dict[str, Chips] = st.session_state.setdefault(_STATE, {})
    kept.pop(name, None)
    kept[name] = chips
    while len(kept) > KEPT:
        kept.pop(next(iter(kept)))
    st.session_state[CHOSEN] = name
