"""The sidebar that every page shares: which scene, which window on it, and how to open a file."""

from __future__ import annotations

import base64

import streamlit as st

from cnnviz import render
from cnnviz.errors import CnnvizError
from cnnviz.first_look import first_window
from cnnviz.samples import sample_of
from cnnviz.scene import Scene, Window
from cnnviz.sensors import NameSource
from cnnviz.ui import link
from cnnviz.ui.browser import component
from cnnviz.ui.settings import settings
from cnnviz.ui.view import View, same_scene
from cnnviz.ui.visit import Visit, open_path, open_upload, upload_key, visit
from cnnviz.ui.words import plain

_navigator = component(
    "navigator",
    '<div class="navigator"><div class="map" tabindex="0" role="application"><img alt="">'
    '<div class="view"></div></div><div class="note"></div></div>',
)

_SOURCES = {NameSource.GUESS: "a guess", NameSource.EDITED: "yours"}
_SIDES = (64, 128, 256, 512, 1024)
_WINDOW = 512


def current_view() -> View:
    """Draw the sidebar and return what it says: the scene and the window on it."""
    here = visit()
    here.arrive()
    with st.sidebar:
        name = link.choose("Scene", here.options(), "scene")
        scene = here.scene(name)
        if here.problem:
            st.error(plain(here.problem))
        describe(scene)
        if sample := sample_of(scene):
            st.caption(sample.about)
        if scene.damaged:
            st.warning("Part of this file cannot be read. It is shown as no data.")
        window = _window(scene)
        view = View(scene, window, here.whole(scene))
        _navigate(view)
        _open_a_file()
        _band_names(here, name, scene)
    return view


def describe(scene: Scene) -> None:
    """What is open, in one line; what a program made is called synthetic."""
    sample = sample_of(scene)
    made = sample is not None and sample.synthetic
    st.caption(":orange-badge[synthetic] " * made + plain(scene.summary()))


def _window(scene: Scene) -> Window:
    rows, cols, _ = scene.shape
    if max(rows, cols) <= _SIDES[0]:
        return Window(0, 0, rows, cols)
    sides = {side: f"{side} × {side} px" for side in _SIDES}
    side = link.choose("Window", sides, "side", default=_WINDOW)
    first = _first_window(scene, side)
    _start(scene, first)
    if max(first[2:]) < side:
        st.caption(f"The scene ends sooner: {render.size(*first[2:])} px.")
    if first[2:] == (rows, cols):
        return first
    with st.expander("Position of the window", key="position"):
        row = _corner("Top row", rows - first.rows, first.row, "row")
        col = _corner("Left column", cols - first.cols, first.col, "col")
    return Window(row, col, first.rows, first.cols)


@st.cache_data(max_entries=64, ttl=3600, show_spinner=False, hash_funcs={Scene: lambda scene: scene.key})
def _first_window(scene: Scene, side: int) -> Window:
    return first_window(scene, side)


def _corner(label: str, last: int, first: int, key: str) -> int:
    if last == 0:
        st.caption(f"{label}: 0, the window holds them all.")
        return 0
    return link.figure(label, 0, last, first, key, step=1)


def _start(scene: Scene, first: Window) -> None:
    """Move the window to the first look when the scene or the window's size is another than a moment ago.

    Only along a side that has a control: what is kept without one would come back with the next page.
    """
    state, now = st.session_state, (scene.key, first.rows, first.cols)
    if state.get("_window_of", now) != now:
        for key, corner, side, whole in zip(("row", "col"), first[:2], first[2:], scene.shape[:2], strict=True):
            if side < whole:
                state[key] = corner
    state["_window_of"] = now


def _navigate(view: View) -> None:
    """The whole raster with the window as a box; only where there is something to move."""
    rows, cols, _ = view.scene.shape
    if view.window[2:] == (rows, cols):
        return
    if view.whole is None:
        _wait_for_overview(view.scene)
        return
    _navigator(
        key="navigator",
        data={
            "png": _thumbnail(view),
            "alt": f"The whole of {view.scene.name}.",
            "help": "Drag the box, or move it with the arrow keys.",
            "rows": rows,
            "cols": cols,
            "row": view.window.row,
            "col": view.window.col,
            "view": view.window[2:],
        },
        on_move_change=_moved,
    )


def _moved() -> None:
    place = st.session_state["navigator"]["move"]
    st.session_state["row"], st.session_state["col"] = place["row"], place["col"]


@st.fragment(run_every=1.0)
def _wait_for_overview(scene: Scene) -> None:
    job = visit().overview_job(scene)
    if job.scene is not None:
        st.rerun()
    elif job.problem:
        st.warning(f"No overview: {plain(job.problem)} The window can be moved by its row and column.")
    else:
        st.progress(job.share, "This file has no overview. Making one, once; the window works meanwhile.")


def _thumbnail(view: View) -> str:
    return _thumbnail_of(view.whole, view.default_bands()) if view.whole else ""


@st.cache_data(max_entries=16, ttl=3600, show_spinner=False, hash_funcs={Scene: same_scene})
def _thumbnail_of(whole: Scene, bands: tuple[str, ...]) -> str:
    patch = whole.read(bands=list(bands), max_size=320)
    limits = [render.percentile_limits(patch.array[..., i]) for i in range(3)]
    return base64.b64encode(render.png(render.composite(patch.array, limits))).decode()


def _open_a_file() -> None:
    with st.expander("Open a file of your own", key="open_file"):
        st.file_uploader(
            "GeoTIFF, JPEG 2000, PNG or JPEG",
            type=["tif", "tiff", "jp2", "j2k", "png", "jpg", "jpeg"],
            key=upload_key(),
            on_change=open_upload,
        )
        if settings().local_root is not None:
            link.text(
                "Path on this computer",
                "",
                "path",
                on_change=open_path,
                placeholder="~/scenes/tile.tif",
                help="Large files open from here without a copy. Only files below the operator's folder.",
            )


def _band_names(here: Visit, name: str, scene: Scene) -> None:
    """Say where the bands' names come from, and let the visitor mend them."""
    if scene.naming.source == NameSource.FILE:
        return
    with st.expander(f"Names of the bands: {_SOURCES[scene.naming.source]}", key="names"):
        st.caption(plain(scene.naming.reason))
        typed = st.text_input("Names, in the file's order", ", ".join(scene.band_names), key=f"_typed_{scene.key}")
        try:
            renamed = scene.with_band_names([part.strip() for part in typed.split(",")])
        except CnnvizError as error:
            st.error(plain(str(error)))
            return
        if renamed.band_names != scene.band_names:
            here.rename(name, renamed)
            st.rerun()
