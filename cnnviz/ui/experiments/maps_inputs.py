"""What a network is given to look at: an example, a window of the scene, or a picture of the visitor's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
import streamlit as st
from affine import Affine

from cnnviz import render
from cnnviz.errors import CnnvizError, GeometryError
from cnnviz.geometry import ReceptiveField
from cnnviz.paths import save_upload
from cnnviz.render import ColourScale, Palette
from cnnviz.scene import Window, open_scene
from cnnviz.ui import link
from cnnviz.ui.experiments.maps_subjects import Subject
from cnnviz.ui.pictures import Mark, Stage, caption, cells
from cnnviz.ui.view import View
from cnnviz.ui.visit import visit
from cnnviz.weights import Array


class Kind(StrEnum):
    """Where the image comes from."""

    EXAMPLE = "example"
    SCENE = "scene"
    UPLOAD = "upload"


KINDS = {Kind.EXAMPLE: "An example", Kind.SCENE: "The scene", Kind.UPLOAD: "A picture"}


@dataclass(frozen=True, eq=False)
class Image:
    """An image ``(rows, cols, bands)`` as the network is given it, with what was done to it in ``note``."""

    array: Array
    bands: tuple[str, ...]
    note: str
    key: str
    label: int | None = None
    transform: Affine | None = None
    metres: tuple[float, float] | None = None


def controls(given: Subject) -> Kind:
    """Where the image comes from; without examples the scene comes first."""
    kinds = KINDS if given.examples else {kind: KINDS[kind] for kind in (Kind.SCENE, Kind.UPLOAD)}
    if st.session_state.get("maps_from") not in (None, *kinds):
        st.session_state["maps_from"] = next(iter(kinds))
    return link.switch("Image", kinds, "maps_from")


def chosen(view: View, given: Subject, kind: Kind) -> Image:
    """The image; raises a CnnvizError where the scene or the picture does not suit the network."""
    if kind is Kind.EXAMPLE and given.examples is not None:
        return _example(given)
    return _uploaded(view, given) if kind is Kind.UPLOAD else from_scene(view, given)


def _example(given: Subject) -> Image:
    found = given.examples
    if found is None:
        raise GeometryError("this network has no examples: choose the scene")
    images = found.images
    number = link.figure("Example", 1, len(images), min(found.first, len(images)), "maps_example", width=130)
    label = int(found.labels[number - 1])
    note = f"example {number} of {len(images)}, not seen in training: {found.classes[label]}"
    return Image(images[number - 1], found.bands, note, f"{given.name} {number}", label)


def from_scene(view: View, given: Subject) -> Image:
    """The window, or as much of its middle as the network's images have, in the bands that it wants."""
    bands = _bands(view, given)
    window = view.window
    if given.sized:
        rows, cols, _ = given.sized
        if rows > window.rows or cols > window.cols:
            raise GeometryError(
                f"received a window of {render.size(window.rows, window.cols)} pixels: this network takes "
                f"{render.size(rows, cols)}; choose a larger window"
            )
        window = _around(view, rows, cols)
    cut = View(view.scene, window, view.whole)
    array, done = _as_trained(view, given, bands, cut.patch(bands).array)
    note = f"rows {window.row}–{window.row + window.rows - 1}, columns {window.col}–{window.col + window.cols - 1}"
    note += f", {', '.join(bands) if len(bands) <= 3 else f'{len(bands)} bands'}, at the scene's own pixels; {done}"
    transform = cut.transform if view.on_ground else None
    return Image(array, tuple(bands), note, f"{view.scene.key} {window} {bands}", None, transform, view.metres)


def _as_trained(view: View, given: Subject, bands: Sequence[str], array: Array) -> tuple[Array, str]:
    """The window's numbers as the network's images had them, and what was done."""
    known = given.examples
    if known is None:
        return array, "numbers as in the file"
    if tuple(bands) == known.bands:
        done = "numbers as in the file" if known.factor == 1 else f"numbers times {render.number(known.factor)}"
        return (array * np.float32(known.factor), f"{done}, as in training")
    if not known.unit:
        return array, "numbers as in the file, of other bands than in training"
    ends = [view.grey(band) for band in bands]
    low = np.array([scale.low for scale in ends], np.float32)
    reach = np.array([max(scale.high - scale.low, 1e-9) for scale in ends], np.float32)
    return ((array - low) / reach).clip(0, 1), "its 2–98 % became 0 … 1, as the images in training were"


def _around(view: View, rows: int, cols: int) -> Window:
    """A window of that size around the chosen pixel, inside the window that is in view."""
    here = view.window
    down, across = here.rows - rows, here.cols - cols
    row = link.figure("From row", here.row, here.row + down, here.row + down // 2, "maps_row", width=130)
    col = link.figure("From column", here.col, here.col + across, here.col + across // 2, "maps_col", width=130)
    return Window(row, col, rows, cols)


def _bands(view: View, given: Subject) -> list[str]:
    names = view.scene.band_names
    wanted = given.opened.bands or (given.examples.bands if given.examples else None)
    if wanted and set(wanted) <= set(names):
        return list(wanted)
    count = given.opened.input_bands or 1
    if count > len(names):
        raise GeometryError(
            f"received a scene of {len(names)} bands: this network takes {count}"
            + (f" ({', '.join(wanted)})" if wanted else "")
            + "; open another scene or choose another network"
        )
    if count == 1:
        return [view.default_band()]
    return list(view.default_bands() if count == 3 else names[:count])


def _uploaded(view: View, given: Subject) -> Image:
    """The visitor's picture, brought to the network's size and bands; the scene's window until there is one."""
    file = st.file_uploader("PNG, JPEG or GeoTIFF", type=["png", "jpg", "jpeg", "tif", "tiff"], key="maps_picture")
    if file is None:
        return from_scene(view, given)
    path = save_upload(file.getvalue(), file.name, visit().folder)
    try:
        scene = open_scene(path, name=file.name)
        array = scene.read(max_size=512).array
        size = scene.shape[:2]
    finally:
        path.unlink(missing_ok=True)
    return suited(array, given, file.name, size)


def suited(array: Array, given: Subject, name: str, size: tuple[int, int]) -> Image:
    """A picture ``(rows, cols, bands)`` with the bands and the size that a network takes, and what was done to it."""
    bands, done = given.opened.input_bands or 1, [f"{name:.40}, {render.size(*size)} px"]
    array = np.nan_to_num(array)
    if bands == 1 and array.shape[2] > 1:
        array = array[..., :3].mean(axis=2, keepdims=True)
        done.append("mean of its colours")
    if array.shape[2] < bands:
        raise GeometryError(f"received a picture of {array.shape[2]} bands: this network takes {bands}; try another")
    if array.shape[2] > bands:
        array = array[..., :bands]
        done.append(f"its first {bands} bands")
    if given.sized and array.shape[:2] != given.sized[:2]:
        rows, cols = given.sized[:2]
        resized = cv2.resize(array, (cols, rows), interpolation=cv2.INTER_AREA)
        array = np.asarray(resized, np.float32).reshape(rows, cols, bands)
        done.append(f"resampled to {render.size(rows, cols)}")
    elif array.shape[:2] != size:
        done.append(f"reduced to {render.size(*array.shape[:2])}")
    if given.examples is not None and given.examples.unit:
        low, high = float(array.min()), float(array.max())
        array = (array - low) / max(high - low, 1e-9)
        done.append("its range became 0 … 1")
    names = tuple(f"band {n + 1}" for n in range(bands))
    key = f"{name} {array.shape} {float(array.sum(dtype=np.float64))}"
    return Image(np.asarray(array, np.float32), names, "; ".join(done), key)


def stage(image: Image, boxes: tuple[Mark, ...] = ()) -> Stage:
    """The image as a picture: grey, or three of its bands as red, green and blue."""
    shown = _colours(image.bands)
    values = image.array[..., list(shown)]
    limits = [render.percentile_limits(values[..., n]) for n in range(values.shape[2])]
    if len(shown) == 3:
        picture, scale = render.composite(values, limits), None
    else:
        scale = ColourScale(
            Palette.GREY, *limits[0], f"2–98 % of {'this image' if image.metres is None else 'this part'}"
        )
        picture = scale.indices(values[..., 0])
    names = ", ".join(image.bands[n] for n in shown)
    return Stage(
        name=f"input: {names}",
        picture=picture,
        caption=caption(values, image.metres),
        alt=f"The input, {names}: {image.note}.",
        scale=scale,
        cells=cells(values[..., 0]) if len(shown) == 1 else None,
        transform=image.transform,
        boxes=boxes,
        field=ReceptiveField(),
    )


def _colours(bands: tuple[str, ...]) -> tuple[int, ...]:
    """Numbers of the bands that stand for red, green and blue, or of the first."""
    if {"B04", "B03", "B02"} <= set(bands):
        return tuple(bands.index(name) for name in ("B04", "B03", "B02"))
    return (0, 1, 2) if len(bands) >= 3 else (0,)


__all__ = ["CnnvizError", "Image", "Kind", "chosen", "controls", "from_scene", "stage", "suited"]
