"""A network as a ``.keras`` file, made in a process of its own, so that the dashboard never loads TensorFlow.

The file can be opened with ``keras.models.load_model``. Run as ``python -m cnnviz.ui.keras_file ROWS COLS BANDS FILE``
with the recipe on standard input; 0 rows or columns stand for images of any size.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cnnviz.errors import ModelError
from cnnviz.keras_plan import SamePads, keras_steps
from cnnviz.layers import Network

_SECONDS = 120
_QUIET = {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}


def keras_file(network: Network, shape: Sequence[int]) -> bytes:
    """Bytes of the ``.keras`` file for images of ``shape`` (rows, cols, bands), of any size where Keras allows it.

    Raises ModelError where Keras has no words for a layer, or cannot be started.
    """
    sizes = (*shape[:2], shape[2]) if depends_on_size(network) else (0, 0, shape[2])
    with tempfile.TemporaryDirectory(prefix="cnnviz-keras-") as folder:
        target = Path(folder) / "network.keras"
        command = [sys.executable, "-m", __name__, *map(str, sizes), str(target)]
        try:
            subprocess.run(
                command,
                input=network.to_json().encode(),
                env=os.environ | _QUIET,
                cwd=Path(__file__).parents[2],
                timeout=_SECONDS,
                capture_output=True,
                check=True,
            )
        except subprocess.SubprocessError:
            raise ModelError("Keras could not write the model: is TensorFlow installed on the server?") from None
        return target.read_bytes()


def depends_on_size(network: Network) -> bool:
    """Whether the model must know the image's size; raises ModelError where Keras has no words for a layer.

    >>> from cnnviz.layers import Conv2D
    >>> depends_on_size(Network([Conv2D("box_3", padding="same", stride=2, dilation=2)]))
    True
    """
    steps = [step for _, each in keras_steps(network.layers) for step in each]
    return any(isinstance(value, SamePads) for step in steps for value in step.options.values())


def main(rows: str, cols: str, bands: str, target: str) -> None:
    """Write the model of the recipe on standard input to ``target``."""
    network = Network.from_json(sys.stdin.buffer.read())
    network.to_keras((int(rows) or None, int(cols) or None, int(bands))).save(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
