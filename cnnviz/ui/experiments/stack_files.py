"""What can be taken home from a stack, and the recipe that can be brought along."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from zipfile import ZIP_STORED, ZipFile

import numpy as np
import streamlit as st

from cnnviz.errors import CnnvizError, RecipeError
from cnnviz.layers import FeatureMap, Network
from cnnviz.recipe import MAX_TEXT
from cnnviz.render import size
from cnnviz.scene import geotiff_bytes
from cnnviz.ui.experiments.stack import Setting, complain, run, take
from cnnviz.ui.keras_file import depends_on_size, keras_file
from cnnviz.ui.view import View

_UPLOADS = "_stack_uploads"


def show(view: View, given: Setting, maps: Sequence[FeatureMap]) -> None:
    """Buttons, what the files hold, the code, and the field for a recipe."""
    st.markdown("##### Take it home")
    grids = by_grid(maps)
    network, problem = given.network, keras_problem(given.network)
    with st.container(horizontal=True):
        _button("Recipe (JSON)", lambda: network.to_json(), "stack.json", "application/json")
        if len(grids) == 1:
            _button("All maps (GeoTIFF)", lambda: geotiff(view, given, 0), "stack.tif", "image/tiff")
        else:
            _button("All maps (GeoTIFFs)", lambda: archive(view, given), "stack.zip", "application/zip")
        _button("Keras model", lambda: model(view, given), "stack.keras", "application/octet-stream", problem)
        _button("NumPy code", lambda: code(view, given, "numpy"), "stack_numpy.py", "text/x-python")
        _button("Keras code", lambda: code(view, given, "keras"), "stack_keras.py", "text/x-python", problem)
    st.caption(contents(maps, grids))
    if problem:
        st.caption(f"No Keras model: {problem}")
    with st.expander("Bring a recipe, see the code"):
        _bring(view)
        if not problem:
            st.code(network.to_code("keras"), height=260)
        st.code(network.to_code("numpy"), height=260)


def _button(label: str, make: Callable[[], bytes | str], name: str, kind: str, problem: str = "") -> None:
    st.download_button(label, make, name, kind, key=f"get_{name}", on_click="ignore", disabled=bool(problem))


def by_grid(maps: Sequence[FeatureMap]) -> list[list[int]]:
    """Numbers of the layers, from 0, whose maps lie on the same grid, in the order in which the grids come up."""
    grids: dict[object, list[int]] = {}
    for number, found in enumerate(maps):
        grids.setdefault((found.array.shape[:2], found.field.jump, found.field.offset), []).append(number)
    return list(grids.values())


def contents(maps: Sequence[FeatureMap], grids: Sequence[Sequence[int]]) -> str:
    """What the GeoTIFF, or each of them, holds."""
    if len(grids) == 1:
        count = sum(found.array.shape[2] for found in maps)
        return f"All layers lie on one grid of {size(*maps[0].array.shape[:2])} pixels: one GeoTIFF of {count} bands."
    parts = []
    for layers in grids:
        names = f"layer{'s' * (len(layers) > 1)} {', '.join(str(number + 1) for number in layers)}"
        parts.append(f"{names} ({size(*maps[layers[0]].array.shape[:2])})")
    return (
        "Layers of different size or place lie on different grids, and a GeoTIFF has one: the ZIP holds "
        f"{len(grids)} files, for {'; '.join(parts)}. Each is in its own place on the ground."
    )


def geotiff(view: View, given: Setting, grid: int) -> bytes:
    """Float32 GeoTIFF of all maps on one of the grids, each a named band."""
    maps = run(view, given)
    layers = by_grid(maps)[grid]
    names = [f"{number + 1} {maps[number].name}: {channel}" for number in layers for channel in maps[number].channels]
    return geotiff_bytes(
        np.concatenate([maps[number].array for number in layers], axis=2),
        transform=maps[layers[0]].field.place(view.transform) if view.on_ground else None,
        crs=view.scene.crs,
        band_names=names,
        tags={"CNNVIZ_RECIPE": given.network.to_json(), "CNNVIZ_SOURCE": view.scene.name},
    )


def archive(view: View, given: Setting) -> bytes:
    """ZIP file with the recipe and one GeoTIFF for each grid; GeoTIFFs are compressed already."""
    file = BytesIO()
    with ZipFile(file, "w", ZIP_STORED) as kept:
        kept.writestr("stack.json", given.network.to_json())
        for grid, layers in enumerate(by_grid(run(view, given))):
            name = "-".join(str(number + 1) for number in layers)
            kept.writestr(f"layers_{name}.tif", geotiff(view, given, grid))
    return file.getvalue()


def model(view: View, given: Setting) -> bytes:
    """The network as a ``.keras`` file; TensorFlow is started for it, elsewhere."""
    return keras_file(given.network, (view.window.rows, view.window.cols, len(given.network.bands or ())))


def keras_problem(network: Network) -> str:
    """Why Keras cannot say this network; empty where it can."""
    try:
        depends_on_size(network)
    except CnnvizError as error:
        return str(error)
    return ""


def code(view: View, given: Setting, target: str) -> str:
    """A script that reads the same window of the same file and gives the last layer's maps."""
    row, col, rows, cols = view.window
    numbers = [view.scene.facts[view.scene.band_index(band)].number for band in given.network.bands or ()]
    lines = [
        given.network.to_code(target),
        "",
        'if __name__ == "__main__":',
        "    import rasterio",
        "    from rasterio.windows import Window",
        "",
        f"    with rasterio.open({view.scene.name!r}) as source:  # the file of that name, where you keep it",
        f"        window = Window({col}, {row}, {cols}, {rows})",
        f'        bands = source.read({numbers}, window=window, masked=True).astype("float32")',
        "    image = np.moveaxis(bands.filled(np.nan), 0, -1)",
        "    result = run(image)",
        "    print(result.shape, result.dtype)",
        "",
    ]
    return "\n".join(lines)


def _bring(view: View) -> None:
    key = f"stack_recipe_{st.session_state.get(_UPLOADS, 0)}"
    st.file_uploader(
        "A recipe (JSON) that you saved",
        type=["json"],
        key=key,
        on_change=_brought,
        args=(view, key),
        max_upload_size=5,
    )


def _brought(view: View, key: str) -> None:
    upload = st.session_state[key]
    if upload is None:
        return
    st.session_state[_UPLOADS] = st.session_state.get(_UPLOADS, 0) + 1  # a new field lets go of the bytes
    try:
        take(view, recipe(upload.getvalue()))
    except CnnvizError as error:
        complain(str(error))


def recipe(data: bytes) -> Network:
    """Network of an uploaded recipe; raises RecipeError that says what is wrong."""
    if len(data) > 4 * MAX_TEXT:
        raise RecipeError(f"received {len(data):,} bytes: a recipe has at most {MAX_TEXT:,} characters")
    return Network.from_json(data)
