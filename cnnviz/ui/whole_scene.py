"""“Apply to the whole scene”: what a page shows on a window, as a file of the whole raster.

The part lives in a fragment of its own, so that its progress moves nothing else on the page.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from cnnviz.estimate import duration
from cnnviz.layers import Network
from cnnviz.render import number, size
from cnnviz.ui import runs, watching
from cnnviz.ui.pictures import Room, strip
from cnnviz.ui.runs import Outlook, Request, Running
from cnnviz.ui.settings import settings
from cnnviz.ui.view import View
from cnnviz.ui.visit import visit
from cnnviz.ui.whole_picture import stages
from cnnviz.ui.words import plain

_KEY = "whole_scene"


def show(view: View, network: Network | Mapping[str, Network], page: str, *, covered: bool = False) -> None:
    """The part for ``network``, or for one of several by their labels; ``page`` names its files.

    While a result is covered by a question, the part is too.
    """
    if not covered:
        _part(view, network if isinstance(network, Mapping) else {"": network}, page)


@st.fragment
def _part(view: View, networks: Mapping[str, Network], page: str) -> None:
    with st.expander("Apply to the whole scene", key=_KEY, on_change="rerun") as box:
        if box.open:
            _open(view, networks, page)


def _open(view: View, networks: Mapping[str, Network], page: str) -> None:
    label = next(iter(networks))
    if len(networks) > 1:
        label = st.segmented_control("Which", list(networks), default=label, key="whole_which", required=True) or label
    request = Request(view, networks[label], f"{page} {label}".strip())
    running = runs.current()
    # Every part has a slot of its own: an empty one clears at once what stood in it, and what follows stays in place.
    offer, watch, result = st.empty(), st.empty(), st.empty()
    if running and not running.job.finished:
        with watch.container():
            title = plain(running.request.title)
            watching.watch(running.job, runs.queue_of_runs(), title, "whole_cancel")
    else:
        with offer.container():
            _offer(request, running)
    if running and running.job.finished:
        with result.container():
            _show_result(running, request)
    with st.container():
        _at_home(request)


def _offer(request: Request, running: Running | None) -> None:
    """The estimate and the button that starts the run; not where its result is there already."""
    outlook, problem = runs.complaint(lambda: runs.outlook(request))
    if outlook is None:
        st.error(plain(problem))
        return
    st.markdown(_sentence(request, outlook))
    if outlook.refusal:
        st.warning(f"{outlook.refusal} The command below does it at home.")
        return
    done = running is not None and running.result is not None and running.request.key == request.key
    st.button("Start", key="whole_start", type="primary", disabled=done, on_click=runs.start, args=(request, visit()))


def _sentence(request: Request, outlook: Outlook) -> str:
    rows, cols, maps = outlook.shape
    result = f"{size(rows, cols)} px × {maps} map{'s' * (maps > 1)}"
    said = f"**{plain(request.title)}**, all of {plain(request.view.scene.name)} → {result}"
    if outlook.estimate is None:
        return said
    seconds, held = max(outlook.estimate.seconds, 1), _mb(outlook.estimate.memory)
    disk, output = _mb(outlook.estimate.disk), _mb(outlook.estimate.output)
    return (
        f"{said} · about {duration(seconds)} · up to {held} of memory · {disk} on disk on the way · "
        f"a GeoTIFF of about {output}"
    )


def _mb(count: float) -> str:
    """Bytes in words."""
    if count < 1e6:
        return f"{number(max(count // 1e3, 1))} kB"
    return f"{number(count / 1e6, 2 if count < 1e8 else 3)} MB"


def _show_result(running: Running, request: Request) -> None:
    """Picture and downloads of what has ended, or why there are none."""
    if problem := runs.ended(running):
        st.info(plain(problem))
        return
    result = running.result
    if result is None:
        return
    if running.request.key != request.key:
        st.caption(f"Below is your last run, which is not what the page is set to now: {plain(running.request.title)}.")
    bands = result.band_names
    band = bands[0]
    if len(bands) > 1:
        band = st.selectbox("Map", bands, key=f"whole_map_{running.target.stem}", width=240)
    strip(stages(running, band), "whole_strip", crs=request.view.crs, room=Room(height=520))
    _take(running)


def _take(running: Running) -> None:
    """The file, and the same as a scene of the sidebar."""
    target, megabytes = running.target, running.target.stat().st_size / 1e6
    allowed = settings().runs.download
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            f"GeoTIFF, {_mb(megabytes * 1e6)}",
            target.read_bytes,
            running.request.name,
            "image/tiff",
            key="whole_get",
            on_click="ignore",
            disabled=megabytes > allowed,
        )
        if st.button("Open as current scene", key="whole_use", on_click=runs.open_result, args=(running, visit())):
            st.rerun()
    if megabytes > allowed:
        st.caption(f"Files of more than {number(allowed)} MB are not sent from here; the command below writes it.")
    st.caption(f"Computed in {duration(max(running.job.ended - running.job.started, 1))}.")


def _at_home(request: Request) -> None:
    """The command line that does the same, and the recipe that it wants."""
    st.caption("The same from the command line, in the project's folder, with the recipe beside it:")
    st.code(request.command(), language="sh", wrap_lines=True)
    if remark := runs.remark(request.view.scene):
        st.caption(plain(remark))
    st.download_button(
        "Recipe (JSON)",
        request.network.to_json,
        request.recipe_name,
        "application/json",
        key="whole_recipe",
        on_click="ignore",
    )
