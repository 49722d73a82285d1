"""What can be taken home from the kernel playground; each file is made when it is asked for."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import streamlit as st

from cnnviz.figures import figure, figure_png, gallery
from cnnviz.layers import FeatureMap
from cnnviz.render import span, value_range
from cnnviz.samples import sample_of
from cnnviz.scene import Scene, geotiff_bytes
from cnnviz.ui.experiments.kernel import Setting, Target, run
from cnnviz.ui.experiments.kernel_pictures import coloured, displayed, each_band, how_many
from cnnviz.ui.maps import scaled
from cnnviz.ui.pictures import caption
from cnnviz.ui.view import View


def downloads(view: View, given: Setting, *, covered: bool) -> None:
    """PNG with legend, GeoTIFF in its place, NumPy array, and the Python that makes them; none while covered."""
    if covered:
        return
    with st.container(horizontal=True, key="downloads"):
        st.download_button("PNG with legend", lambda: png(view, given), "result.png", "image/png", on_click="ignore")
        st.download_button("GeoTIFF", lambda: geotiff(view, given), "result.tif", "image/tiff", on_click="ignore")
        st.download_button("NumPy array", lambda: npy(view, given), "result.npy", on_click="ignore")
        st.download_button("Python code", lambda: code(view, given), "result.py", "text/x-python", on_click="ignore")


def png(view: View, given: Setting) -> bytes:
    """Picture of the result with its legend, and with what was done to what."""
    result = run(view, given)
    if given.target is Target.EACH:
        parts = [
            (f"{stage.name} · {span(*value_range(result.band(place).after.array))}", stage.picture, stage.scale)
            for place, stage in enumerate(each_band(view, given, result))
        ]
        return figure_png(gallery(parts, _title(view, given, result.after, how_many(view, given))))
    look = coloured(view, given, displayed(given.show, result.after.array))
    scales = look.scales
    if look.scale is None:  # red, green and blue are told apart by name
        named = zip(given.bands, scales, strict=True)
        scales = tuple(replace(each, rule=f"{name}, {each.rule}") for name, each in named)
    title = _title(view, given, result.after, ", ".join(given.bands), look.note)
    return figure_png(figure(look.picture, title, *scales))


def _title(view: View, given: Setting, after: FeatureMap, bands: str, note: str = "") -> str:
    """Scene and bands; kernel and settings; size, metres per pixel and range."""
    metres = view.metres and scaled(view.metres, after.field)
    return "\n".join(
        [f"{view.scene.name} · {bands}", given.in_words, caption(after.array, metres, note).removeprefix(" · ")]
    )


def geotiff(view: View, given: Setting) -> bytes:
    """Float32 GeoTIFF of the result, one band per map, at its place on the ground."""
    after = run(view, given).after
    return geotiff_bytes(
        after.array,
        transform=after.field.place(view.transform),
        crs=view.scene.crs,
        band_names=after.channels,
        tags={"CNNVIZ_RECIPE": given.network.to_json(), "CNNVIZ_SOURCE": view.scene.name},
    )


def npy(view: View, given: Setting) -> bytes:
    """The result as a ``.npy`` file, float32 ``(rows, cols, bands)``."""
    file = BytesIO()
    np.save(file, run(view, given).after.array, allow_pickle=False)
    return file.getvalue()


def code(view: View, given: Setting) -> str:
    """A script that reads the same window of the same file and gives the same array."""
    row, col, rows, cols = view.window
    numbers = [view.scene.facts[view.scene.band_index(band)].number for band in given.bands]
    return "\n".join(
        [
            given.network.to_code("numpy"),
            "",
            'if __name__ == "__main__":',
            "    import rasterio",
            "    from rasterio.windows import Window",
            "",
            *_opening(view.scene),
            f"        window = Window({col}, {row}, {cols}, {rows})",
            f'        bands = source.read({numbers}, window=window, masked=True).astype("float32")',
            "    image = np.moveaxis(bands.filled(np.nan), 0, -1)",
            "    result = run(image)",
            "    print(result.shape, result.dtype)",
            "",
        ]
    )


def _opening(scene: Scene) -> list[str]:
    """Lines that open the file; a sample is found where it is installed."""
    if sample := sample_of(scene):
        return [
            "    from cnnviz.samples import open_sample",
            "",
            f"    with rasterio.open(open_sample({sample.name!r}).path) as source:",
        ]
    return [f"    with rasterio.open({scene.name!r}) as source:  # the file of that name, where you keep it"]
