"""Random variants of training images, inside TensorFlow's graph: shifts, flips and quarter turns."""

from __future__ import annotations

from typing import Any

from cnnviz.plans import Augment

#: Digits and chips may move by up to this share of their side.
SHIFT = 1 / 16


def augmented(images: Any, kind: Augment, seed: Any) -> Any:
    """Each of ``images`` (n, rows, cols, bands) changed by chance; ``seed`` is a tensor of two numbers."""
    if kind is Augment.SHIFTS:
        return _shifted(images, seed)
    if kind is Augment.FLIPS:
        return _flipped(images, seed)
    if kind is Augment.TURNS:
        return _turned(_flipped(images, seed), seed)
    return images


def _flipped(images: Any, seed: Any) -> Any:
    import tensorflow as tf

    for axis in (1, 2):
        images = tf.where(_coins(images, seed, axis), tf.reverse(images, [axis]), images)
    return images


def _turned(images: Any, seed: Any) -> Any:
    """Half of the images with rows and columns exchanged: with both flips, that makes every quarter turn."""
    import tensorflow as tf

    return tf.where(_coins(images, seed, 3), tf.transpose(images, [0, 2, 1, 3]), images)


def _coins(images: Any, seed: Any, number: int) -> Any:
    import tensorflow as tf

    shape = [tf.shape(images)[0], 1, 1, 1]
    return tf.random.stateless_uniform(shape, tf.add(seed, [number, 0])) < 0.5


def _shifted(images: Any, seed: Any) -> Any:
    import tensorflow as tf

    for axis in (1, 2):
        side = images.shape[axis]
        most = max(round(side * SHIFT), 1)
        steps = tf.random.stateless_uniform(
            [tf.shape(images)[0], 1], tf.add(seed, [axis, 0]), minval=-most, maxval=most + 1, dtype=tf.int32
        )
        cells = tf.clip_by_value(tf.range(side)[None] + steps, 0, side - 1)
        images = _picked(images, cells, axis)
    return images


def _picked(images: Any, cells: Any, axis: int) -> Any:
    """Rows (axis 1) or columns (axis 2) of each image, in an order of its own."""
    import tensorflow as tf

    if axis == 1:
        return tf.gather(images, cells, axis=1, batch_dims=1)
    turned = tf.gather(tf.transpose(images, [0, 2, 1, 3]), cells, axis=1, batch_dims=1)
    return tf.transpose(turned, [0, 2, 1, 3])
