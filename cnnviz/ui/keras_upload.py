"""A visitor's Keras model, read in a process of its own first: a file that brings it down ends nothing else.

Only where the operator allows it (:mod:`cnnviz.ui.settings`). A model that is a chain of layers a network has words for
becomes a network, and the dashboard never loads TensorFlow for it. Any other, such as one with branches, has made the
maps of one image there before the dashboard opens it. Run as ``python -m cnnviz.ui.keras_upload`` with the file on
standard input.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cnnviz.errors import CnnvizError, ModelError
from cnnviz.layers import Network
from cnnviz.opened import opened

if TYPE_CHECKING:
    import keras

MAX_BYTES = 64_000_000
_SECONDS = 120
#: Side, in pixels, of the image on which a model for images of any size is tried.
SIDE = 64
_QUIET = {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}

Shape = tuple[int | None, int | None, int]


def read_upload(content: bytes) -> tuple[Network | keras.Model, Shape]:
    """Model of the bytes of a ``.keras`` file, and the images (rows, cols, bands) that it takes.

    A network where there is one with the same layers, else Keras's own model. Raises ModelError that says what is wrong
    with the file.
    """
    if len(content) > MAX_BYTES:
        raise ModelError(f"Received a model of {len(content):,} bytes; {MAX_BYTES:,} at most are read on a page.")
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__],
            input=content,
            env=os.environ | _QUIET,
            cwd=Path(__file__).parents[2],
            timeout=_SECONDS,
            capture_output=True,
            check=True,
        )
        answer = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError):
        raise ModelError("The model could not be read: is TensorFlow installed on the server?") from None
    if "problem" in answer:
        raise ModelError(answer["problem"])
    rows, cols, bands = answer["shape"]
    recipe = answer["recipe"]
    return _kept(content) if recipe is None else Network.from_json(recipe), (rows, cols, bands)


def _kept(content: bytes) -> keras.Model:
    """The model in this process, beside which others may train."""
    from cnnviz.models import load_model
    from cnnviz.shield import keep_keras_state

    keep_keras_state()
    return load_model(content)


def main() -> None:
    """Print the shape of the model on standard input and its recipe, null without one, or what is wrong with it."""
    from cnnviz.keras_graph import image_shape
    from cnnviz.models import load_model

    try:
        model = load_model(sys.stdin.buffer.read())
        answer = {"shape": image_shape(model), "recipe": _recipe(model)}
    except CnnvizError as error:
        answer = {"problem": str(error)}
    sys.stdout.write(json.dumps(answer))


def _recipe(model: keras.Model) -> str | None:
    """Recipe of the network with the same layers; None where there is none, and Keras can run the model itself."""
    from cnnviz.keras_graph import image_shape
    from cnnviz.models import from_keras

    try:
        return from_keras(model).to_json()
    except CnnvizError:
        rows, cols, bands = image_shape(model)
        opened(model).run_within(np.zeros((rows or SIDE, cols or SIDE, bands), np.float32))
        return None


if __name__ == "__main__":
    main()
