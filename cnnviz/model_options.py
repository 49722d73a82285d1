"""Which layers a model file may name, and what it may say about each: the allow-list behind ``load_model``.

Nothing of a file is looked up by name in a module, imported or called: a layer is one of :data:`LAYERS`, and each of
its options goes through a check that knows its type and its bounds. What only matters for training, such as
initialisers and regularisers, is left out; an option that is not known is refused unless it says "not used".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from cnnviz.errors import ModelError

Check = Callable[[Any], Any]

MAX_SIDE = 4096
MAX_BANDS = 1024
_WINDOW = 64
_FILTERS = 4096

#: Functions of one number, or of one pixel, without parameters.
ACTIVATIONS = (
    "elu", "exponential", "gelu", "hard_sigmoid", "leaky_relu", "linear", "mish", "relu", "relu6", "selu", "sigmoid",
    "silu", "softmax", "softplus", "softsign", "swish", "tanh",
)  # fmt: skip


def checked(layer: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Options for the class ``layer`` of ``keras.layers``; raises ModelError for what is not allowed.

    >>> checked("Dense", {"units": 10, "activation": "softmax", "kernel_initializer": {"class_name": "Lambda"}})
    {'units': 10, 'activation': 'softmax'}
    """
    checks, options = LAYERS[layer], {}
    for key, value in config.items():
        if key in checks:
            options[key] = _one(key, checks[key], value)
        elif not _is_idle(key, value):
            raise ModelError(f"its option {key!r:.40} is not known")
    if missing := sorted(_REQUIRED & checks.keys() - options.keys()):
        raise ModelError(f"it lacks {', '.join(missing)}")
    return options


_REQUIRED = {"filters", "kernel_size", "units", "pool_size", "target_shape"}
_TRAINING = ("_initializer", "_regularizer", "_constraint")
_IDLE = {"name", "renorm_momentum", "seed", "shared_object_id", "trainable", "value_range"}


def _is_idle(key: str, value: Any) -> bool:
    """Whether an option has no part in what a trained model computes."""
    if key == "data_format":
        return bool(value == "channels_last")
    if key == "dtype":
        policy = value.get("config") if isinstance(value, dict) else None
        return value in (None, "float32") or (isinstance(policy, dict) and policy.get("name") == "float32")
    return key in _IDLE or key.endswith(_TRAINING) or value is None or value is False


def _one(key: str, check: Check, value: Any) -> Any:
    try:
        return check(value)
    except (ValueError, TypeError):
        raise ModelError(f"its option {key!r:.40} is {value!r:.60}, which is not allowed") from None


def _whole(least: int, most: int) -> Check:
    def check(value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise ValueError
        return value

    return check


def _number(least: float, most: float) -> Check:
    def check(value: Any) -> float:
        if type(value) not in (int, float) or not math.isfinite(value) or not least <= value <= most:
            raise ValueError
        return float(value)

    return check


def _choice(*known: str) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str) or value not in known:
            raise ValueError
        return value

    return check


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError
    return value


def _maybe(check: Check) -> Check:
    return lambda value: None if value is None else check(value)


def _several(check: Check, most: int) -> Check:
    """One value, or a list of up to ``most``."""

    def checks(value: Any) -> Any:
        if not isinstance(value, list):
            return check(value)
        if not 1 <= len(value) <= most:
            raise ValueError
        return tuple(check(item) for item in value)

    return checks


def _sides(value: Any) -> Any:
    """Pixels at the four sides: one number, two, or two pairs."""
    return _several(_several(_whole(0, 256), 2), 2)(value)


def _numbers(value: Any) -> Any:
    """A number, or nested lists of a few, as Keras writes small arrays."""
    if isinstance(value, list):
        if not 1 <= len(value) <= MAX_BANDS:
            raise ValueError
        return [_numbers(item) if isinstance(item, list) and len(value) == 1 else _FINITE(item) for item in value]
    return _FINITE(value)


_FINITE = _number(-1e30, 1e30)
_AXES = _several(_whole(-3, 3), 3)
_SHARE = _number(0, 1)
_FACTOR = _maybe(_several(_number(-10, 10), 2))
_PAIR = _several(_whole(1, _WINDOW), 2)
_PADDING = _choice("valid", "same")
_ACTIVATION = _choice(*ACTIVATIONS)

_SLIDING: dict[str, Check] = {"strides": _PAIR, "padding": _PADDING}
_CONVOLUTION = _SLIDING | {
    "kernel_size": _PAIR,
    "dilation_rate": _PAIR,
    "activation": _ACTIVATION,
    "use_bias": _flag,
}
_MAPS = {"filters": _whole(1, _FILTERS)}
_TIMES = {"depth_multiplier": _whole(1, _WINDOW)}
_POOLING = {"pool_size": _PAIR, "strides": _maybe(_PAIR), "padding": _PADDING}
_GLOBAL = {"keepdims": _flag}
_RANDOM = {
    "fill_mode": _choice("constant", "nearest", "reflect", "wrap"),
    "fill_value": _FINITE,
    "interpolation": _choice("bilinear", "nearest"),
}
_SHIFTED = _RANDOM | {"height_factor": _FACTOR, "width_factor": _FACTOR}

#: Every layer that a model file may name, with the check of each option.
LAYERS: Mapping[str, Mapping[str, Check]] = {
    "Activation": {"activation": _ACTIVATION},
    "Add": {},
    "AlphaDropout": {"rate": _SHARE},
    "Average": {},
    "AveragePooling2D": _POOLING,
    "BatchNormalization": {
        "axis": _whole(-3, 3),
        "momentum": _SHARE,
        "epsilon": _SHARE,
        "center": _flag,
        "scale": _flag,
    },
    "Concatenate": {"axis": _whole(-3, 3)},
    "Conv2D": _CONVOLUTION | _MAPS | {"groups": _whole(1, _FILTERS)},
    "Conv2DTranspose": _CONVOLUTION | _MAPS,
    "Cropping2D": {"cropping": _sides},
    "Dense": {"units": _whole(1, 1 << 16), "activation": _ACTIVATION, "use_bias": _flag},
    "DepthwiseConv2D": _CONVOLUTION | _TIMES,
    "Dropout": {"rate": _SHARE},
    "ELU": {"alpha": _number(0, 100)},
    "Flatten": {},
    "GaussianDropout": {"rate": _SHARE},
    "GaussianNoise": {"stddev": _number(0, 1e6)},
    "GlobalAveragePooling2D": _GLOBAL,
    "GlobalMaxPooling2D": _GLOBAL,
    "Identity": {},
    "LeakyReLU": {"negative_slope": _number(0, 100)},
    "MaxPooling2D": _POOLING,
    "Maximum": {},
    "Minimum": {},
    "Multiply": {},
    "Normalization": {"axis": _maybe(_AXES), "mean": _maybe(_numbers), "variance": _maybe(_numbers), "invert": _flag},
    "RandomContrast": {"factor": _FACTOR},
    "RandomFlip": {"mode": _choice("horizontal", "vertical", "horizontal_and_vertical")},
    "RandomRotation": _RANDOM | {"factor": _FACTOR},
    "RandomTranslation": _SHIFTED,
    "RandomZoom": _SHIFTED,
    "ReLU": {
        "max_value": _maybe(_number(0, 1e6)),
        "negative_slope": _number(0, 100),
        "threshold": _number(0, 1e6),
    },
    "Rescaling": {"scale": _numbers, "offset": _numbers},
    "Reshape": {"target_shape": _several(_whole(-1, 1 << 24), 3)},
    "SeparableConv2D": _CONVOLUTION | _MAPS | _TIMES,
    "Softmax": {"axis": _whole(-3, 3)},
    "SpatialDropout2D": {"rate": _SHARE},
    "Subtract": {},
    "UpSampling2D": {"size": _several(_whole(1, 16), 2), "interpolation": _choice("bilinear", "nearest")},
    "ZeroPadding2D": {"padding": _sides},
}
