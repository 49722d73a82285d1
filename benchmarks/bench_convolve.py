"""Convolution beside the libraries that do the same, in one run on one machine.

    python -m benchmarks.bench_convolve [--side 10980] [--skip band kernels volume] [--repeats 5]

Every row is the same sum of products with zero borders and ``same`` size, on the same float32 array. Times are the
shortest of the repeats, taken in turns so that a busy moment meets all; the ratio is to OpenCV's ``filter2D``, or to
the first row of the table. Memory is what the call adds to this process at its peak, in megabytes, result included.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable
from importlib.util import find_spec

import cv2
import numpy as np
import scipy.ndimage
import scipy.signal

from benchmarks.measuring import machine, resident
from cnnviz.convolve import conv2d, conv_volume
from cnnviz.memory import give_back

Work = Callable[[], object]


def shortest(works: dict[str, Work], repeats: int) -> dict[str, float]:
    """Shortest time of each work in milliseconds, after one call of each that is not counted."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(repeats + 1):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            if turn:
                times[name].append((time.perf_counter() - start) * 1e3)
    return {name: min(values) for name, values in times.items()}


def added(work: Work) -> float:
    """Megabytes that a call adds to the process at its peak."""
    give_back()  # or what earlier calls freed would be used again, and not be counted
    before, peak, done = resident(), [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.002):
            peak[0] = max(peak[0], resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    kept = work()
    done.set()
    watcher.join()
    return max(peak[0], resident()) - before if kept is not None else 0.0


def table(title: str, works: dict[str, Work], repeats: int) -> None:
    """Print time, ratio to the first row and added memory of each work, once all give the same picture."""
    first = next(iter(works))
    expected = np.asarray(works[first]())
    for name, work in works.items():
        worst = np.abs(np.asarray(work()) - expected).max() / np.abs(expected).max()
        if worst > 1e-4:
            raise SystemExit(f"{title}: {name} differs from {first} by {worst:.1e} of the largest value")
    del expected
    times = shortest(works, repeats)
    print(f"\n{title}\n{'':34}{'ms':>10}{'ratio':>8}{'MB':>8}")
    for name, work in works.items():
        print(f"{name:34}{times[name]:10.1f}{times[name] / times[first]:8.2f}{added(work):8.0f}")


def single(image: np.ndarray, kernel: np.ndarray, *, fourier: bool = True) -> dict[str, Work]:
    """One kernel over one band, by each library."""
    turned = kernel[::-1, ::-1]
    works: dict[str, Work] = {
        "cv2.filter2D": lambda: cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_CONSTANT),
        "cnnviz conv2d": lambda: conv2d(image, kernel, padding="same"),
        "scipy.ndimage.correlate": lambda: scipy.ndimage.correlate(image, kernel, mode="constant"),
    }
    if fourier:
        works["scipy.signal.fftconvolve"] = lambda: scipy.signal.fftconvolve(image, turned, "same")
        works["scipy.signal.oaconvolve"] = lambda: scipy.signal.oaconvolve(image, turned, "same")
    return works | tensorflow_works(image[..., None], kernel[..., None, None])


def tensorflow_works(image: np.ndarray, weights: np.ndarray) -> dict[str, Work]:
    """TensorFlow's convolution where it is installed; its import is not in the times."""
    if find_spec("tensorflow") is None:
        return {}
    import tensorflow as tf

    tensor, kernel = tf.constant(image[None]), tf.constant(weights)
    return {"tensorflow.nn.conv2d": lambda: tf.nn.conv2d(tensor, kernel, 1, "SAME").numpy()[0].squeeze()}


def bench_band(side: int, repeats: int) -> None:
    """A full band with a 3 × 3 kernel, and what other settings cost beside filter2D on the same array."""
    image = np.random.default_rng(0).random((side, side), dtype=np.float32)
    kernel = np.random.default_rng(1).random((3, 3), dtype=np.float32)
    # The Fourier transforms of a whole band take several times its memory.
    table(f"one band of {side} × {side}, 3 × 3", single(image, kernel, fourier=side <= 4096), repeats)
    holes = image.copy()
    holes[: side // 3, : side // 4] = np.nan
    edges = kernel.copy()
    edges[:, 1] = 0
    works: dict[str, Work] = {
        "cv2.filter2D": lambda: cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_CONSTANT),
        "valid": lambda: conv2d(image, kernel),
        "full": lambda: conv2d(image, kernel, padding="full"),
        "same, reflect": lambda: conv2d(image, kernel, padding="same", border="reflect"),
        "same, wrap": lambda: conv2d(image, kernel, padding="same", border="wrap"),
        "stride 2": lambda: conv2d(image, kernel, stride=2),
        "stride 10": lambda: conv2d(image, kernel, stride=10),
        "dilation 2": lambda: conv2d(image, kernel, dilation=2),
        "a twelfth is NaN, zero weights": lambda: conv2d(holes, edges),
    }
    times = shortest(works, repeats)
    print(f"\ncnnviz conv2d on the same band, other settings\n{'':34}{'ms':>10}{'ratio':>8}{'MB':>8}")
    for name, work in works.items():
        print(f"{name:34}{times[name]:10.1f}{times[name] / times['cv2.filter2D']:8.2f}{added(work):8.0f}")


def bench_kernels(repeats: int) -> None:
    """Kernels of several sizes, dense and separable, on 2048 × 2048."""
    rng = np.random.default_rng(2)
    image = rng.random((2048, 2048), dtype=np.float32)
    for side in (5, 9, 15):
        table(f"2048 × 2048, {side} × {side}", single(image, rng.random((side, side), dtype=np.float32)), repeats)
    line = rng.random(15, dtype=np.float32)
    table("2048 × 2048, 15 × 15, product of a column and a row", single(image, np.outer(line, line)), repeats)


def bench_volume(repeats: int) -> None:
    """A layer of a network: 512 × 512 × 13 to 8 maps."""
    rng = np.random.default_rng(3)
    image = rng.random((512, 512, 13), dtype=np.float32)
    weights = rng.random((3, 3, 13, 8), dtype=np.float32) - 0.5
    works: dict[str, Work] = {
        "cv2.filter2D per band, summed": lambda: by_band(image, weights, filter2d),
        "cnnviz conv_volume": lambda: conv_volume(image, weights, padding="same"),
        "scipy.ndimage per band, summed": lambda: by_band(image, weights, correlate),
    }
    table("512 × 512 × 13 → 8 maps, 3 × 3", works | tensorflow_works(image, weights), repeats)


def filter2d(band: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """OpenCV's correlation of one band."""
    return np.asarray(cv2.filter2D(band, -1, kernel, borderType=cv2.BORDER_CONSTANT))


def correlate(band: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """SciPy's correlation of one band."""
    return scipy.ndimage.correlate(band, kernel, mode="constant")


def by_band(image: np.ndarray, weights: np.ndarray, one: Callable[..., np.ndarray]) -> np.ndarray:
    """Volume convolution as sums of single ones."""
    bands = [np.ascontiguousarray(band) for band in np.moveaxis(image, -1, 0)]
    out = np.zeros((weights.shape[3], *image.shape[:2]), np.float32)
    for total, kernels in zip(out, np.moveaxis(weights, -1, 0), strict=True):
        for band, kernel in zip(bands, np.moveaxis(kernels, -1, 0), strict=True):
            total += one(band, np.ascontiguousarray(kernel))
    return np.moveaxis(out, 0, -1)


def main() -> None:
    """Run the tables that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=10980, help="rows and columns of the full band")
    parser.add_argument("--skip", nargs="*", default=[], choices=["band", "kernels", "volume"])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print(machine("numpy", "scipy", "opencv-python-headless"))
    if "band" not in options.skip:
        bench_band(options.side, options.repeats)
    if "kernels" not in options.skip:
        bench_kernels(options.repeats)
    if "volume" not in options.skip:
        bench_volume(options.repeats)


if __name__ == "__main__":
    main()
