"""Convolution as a matrix: a small image, a kernel, and the matrix that does the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import streamlit as st

from cnnviz.convolve import conv2d
from cnnviz.errors import GeometryError
from cnnviz.grids import format_kernel, parse_kernel
from cnnviz.kernels import KERNELS
from cnnviz.matrix import MatrixForm, Sliding, conv_transpose2d, largest_difference, matrix_form
from cnnviz.ui import link
from cnnviz.ui.fallback import good_or_default
from cnnviz.ui.view import View

#: Longest side of the image, of a typed kernel, and how far strides and dilations go; tests walk through them all.
MAX_IMAGE, MAX_KERNEL, MAX_STRIDE, MAX_DILATION = 12, 11, 4, 3
OWN = "own"
KERNEL_TITLES = {name: kernel.title for name, kernel in KERNELS.items()} | {OWN: "Own kernel"}
PADDINGS = {"valid": "valid", "same": "same", "full": "full", "1": "1 pixel", "2": "2 pixels"}


class Source(StrEnum):
    """Where the numbers of the small image come from."""

    DIGITS = "digits"
    STEP = "step"
    SCENE = "scene"
    OWN = "own"


class Direction(StrEnum):
    """Which way the matrix is used."""

    FORWARD = "forward"
    TRANSPOSED = "transposed"


SOURCES = {
    Source.DIGITS: "Digits",
    Source.STEP: "Bright left, dark right",
    Source.SCENE: "Middle of the window",
    Source.OWN: "Own numbers",
}
DIRECTIONS = {Direction.FORWARD: "M · x, convolution", Direction.TRANSPOSED: "Mᵀ · y, transposed"}
DEFAULT_KERNEL = "vertical_edges"
DEFAULT_IMAGE = "0,0,0,9,9;0,0,0,9,9;0,0,9,9,9;0,9,9,9,9"
_SEED = 6


@dataclass(frozen=True)
class Setting:
    """Everything that the board depends on; ``kernel`` and ``image`` are exact text, the latter only when typed."""

    kernel: str
    shape: tuple[int, int]
    padding: str
    stride: tuple[int, int]
    dilation: int
    direction: Direction = Direction.FORWARD
    source: Source = Source.DIGITS
    band: str = ""
    image: str = ""

    @property
    def weights(self) -> np.ndarray:
        """The kernel, float32 ``(rows, cols)``."""
        return parse_kernel(self.kernel)

    @property
    def sliding(self) -> Sliding:
        """How the kernel slides."""
        padding = int(self.padding) if self.padding.isdigit() else self.padding
        return Sliding(padding=padding, stride=self.stride, dilation=self.dilation)


@dataclass(frozen=True, eq=False)
class Result:
    """A setting with its numbers: ``product`` is what the matrix gives, ``direct`` what needs no matrix.

    ``source`` is the image, or the convolution's output where the matrix is transposed; all are ``(rows, cols)``.
    """

    given: Setting
    form: MatrixForm
    source: np.ndarray
    product: np.ndarray
    direct: np.ndarray

    @property
    def difference(self) -> float:
        """Largest difference between the two ways."""
        return largest_difference(self.product, self.direct)

    @property
    def equal(self) -> bool:
        """Whether that difference is no more than float32 rounds: 10⁻⁶ of what the products can add up to."""
        reach = np.abs(self.given.weights).sum() * np.nanmax(np.abs(self.source), initial=0.0)
        return self.difference <= 1e-6 * float(reach)


def controls(view: View) -> Setting:
    """The row for what the page is about; a kernel or an image of the visitor's own is text as it was typed."""
    kernel = link.choose("Kernel", KERNEL_TITLES, "matrix_kernel", default=DEFAULT_KERNEL, on_change=_chosen)
    source = link.choose("Image", SOURCES, "matrix_source")
    sized = source is Source.OWN  # then the numbers say how many rows and columns
    rows = link.figure("Image rows", 1, MAX_IMAGE, 4, "matrix_rows", disabled=sized)
    cols = link.figure("Image columns", 1, MAX_IMAGE, 4, "matrix_cols", disabled=sized)
    padding = link.choose("Padding", PADDINGS, "matrix_padding")
    dilation = link.figure("Dilation", 1, MAX_DILATION, 1, "matrix_dilation")
    down = link.figure("Stride down", 1, MAX_STRIDE, 1, "matrix_stride_down")
    across = link.figure("Stride across", 1, MAX_STRIDE, 1, "matrix_stride_across")
    direction = link.switch("Direction", DIRECTIONS, "matrix_direction")
    band, image = _image(view, source)
    stride = (down, across)
    return Setting(_kernel(kernel), (rows, cols), padding, stride, dilation, direction, source, band, image)


def _kernel(name: str) -> str:
    if name != OWN:
        st.session_state["_matrix_last"] = name
        return format_kernel(KERNELS[name].weights)
    return link.text("Own kernel", _default_kernel(), "matrix_w", help="Rows apart by ; and weights by spaces.")


def _image(view: View, source: Source) -> tuple[str, str]:
    if source is Source.SCENE:
        bands = {name: name for name in view.scene.band_names}
        return link.choose("Band", bands, "band", default=view.default_band()), ""
    if source is Source.OWN:
        return "", link.text(
            "Own numbers", DEFAULT_IMAGE, "matrix_image", help="Rows apart by ; and numbers by spaces."
        )
    return "", ""


def setting(typed: Setting) -> Setting:
    """The same with texts that can be read; one that cannot is said, and the last good one stays."""
    kernel = good_or_default("matrix_w", lambda: _grid(typed.kernel, "a kernel", MAX_KERNEL), _default_kernel)
    if not typed.image:
        return replace(typed, kernel=kernel)
    image = good_or_default("matrix_image", lambda: _grid(typed.image, "an image", MAX_IMAGE), lambda: DEFAULT_IMAGE)
    return replace(typed, kernel=kernel, image=image)


def _grid(text: str, what: str, most: int) -> str:
    values = parse_kernel(text)
    if max(values.shape) > most:
        size = " × ".join(map(str, values.shape))
        raise GeometryError(f"received {what} of {size}: at most {most} × {most} is expected here; leave some out")
    return format_kernel(values)


def _default_kernel() -> str:
    return format_kernel(KERNELS[DEFAULT_KERNEL].weights)


def _chosen() -> None:
    """Choosing “own” starts from the kernel that was in view."""
    if st.session_state["matrix_kernel"] == OWN:
        last = KERNELS[st.session_state.get("_matrix_last", DEFAULT_KERNEL)]
        st.session_state["matrix_w"] = format_kernel(last.weights)


def image_of(view: View, given: Setting) -> np.ndarray:
    """The small image, float32 ``(rows, cols)``; nodata is NaN. A window smaller than asked for gives what it has."""
    rows, cols = given.shape
    match given.source:
        case Source.DIGITS:
            return np.random.default_rng(_SEED).integers(0, 10, (MAX_IMAGE, MAX_IMAGE))[:rows, :cols].astype(np.float32)
        case Source.STEP:
            return np.tile(np.repeat(np.array([10, 0], np.float32), [(cols + 1) // 2, cols // 2]), (rows, 1))
        case Source.OWN:
            return parse_kernel(given.image)
        case Source.SCENE:
            window = view.patch([given.band]).array[..., 0]
            top, left = max(window.shape[0] - rows, 0) // 2, max(window.shape[1] - cols, 0) // 2
            return window[top : top + rows, left : left + cols]


def run(view: View, given: Setting) -> Result:
    """Both ways of a setting; one that cannot be is said, and the last good one stays."""
    start = Setting(_default_kernel(), (4, 4), "valid", (1, 1), 1)
    return good_or_default("matrix", lambda: compute(view, given), lambda: compute(view, start))


def compute(view: View, given: Setting) -> Result:
    """Both ways of a setting; raises GeometryError where the kernel does not fit the image."""
    image, weights, sliding = image_of(view, given), given.weights, given.sliding
    form = matrix_form(weights, (image.shape[0], image.shape[1]), sliding)
    forward = conv2d(image, weights, **sliding.options())
    if given.direction is Direction.FORWARD:
        return Result(given, form, image, (form.matrix @ image.ravel()).reshape(form.out), forward)
    product = (form.matrix.T @ forward.ravel()).reshape(form.shape)
    return Result(given, form, forward, product, conv_transpose2d(forward, weights, form.shape, sliding))
