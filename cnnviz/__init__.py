"""Convolutional networks made visible on remote-sensing images.

Array contract, kept by every module:

- Images are float32 arrays of shape ``(rows, cols, bands)``; ``(rows, cols)`` is one band. Meaning is
  channels-last whatever the order in memory.
- Nodata is NaN, and a window that touches NaN gives NaN.
- "Convolution" is cross-correlation, as in deep learning; ``flip=True`` is the true convolution.
- ``padding`` is ``"valid"``, ``"same"`` (TensorFlow's rule, also with stride), ``"full"``, an int, or
  ``((top, bottom), (left, right))``; ``border`` says what padding is filled with.
- Pixel ``i`` covers ``[i, i + 1)``; places on the ground follow from that.

This module imports nothing, so that ``import cnnviz`` is free; take what you need from its rooms:
:mod:`cnnviz.convolve`, :mod:`cnnviz.kernels`, :mod:`cnnviz.layers`, :mod:`cnnviz.scene` and the others.
"""

__version__ = "0.1.0"
