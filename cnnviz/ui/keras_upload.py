"""A visitor's Keras model as a network, read in a process of its own: the dashboard never loads TensorFlow for it.

Only where the operator allows it (:mod:`cnnviz.ui.settings`). A file that brings the reader down, or makes it slow,
ends that process and nothing else. Run as ``python -m cnnviz.ui.keras_upload`` with the file on standard input.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from cnnviz.errors import CnnvizError, ModelError
from cnnviz.layers import Network

MAX_BYTES = 64_000_000
_SECONDS = 120
_QUIET = {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}

Shape = tuple[int | None, int | None, int]


def read_upload(content: bytes) -> tuple[Network, Shape]:
    """Network of the bytes of a ``.keras`` file, and the images (rows, cols, bands) that its model takes.

    Raises ModelError that says what is wrong with the file.
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
    return Network.from_json(answer["recipe"]), (rows, cols, bands)


def main() -> None:
    """Print the recipe and the shape of the model on standard input, or what is wrong with it."""
    from cnnviz.keras_graph import image_shape
    from cnnviz.models import from_keras, load_model

    try:
        model = load_model(sys.stdin.buffer.read())
        answer = {"shape": image_shape(model), "recipe": from_keras(model).to_json()}
    except CnnvizError as error:
        answer = {"problem": str(error)}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
