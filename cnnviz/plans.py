"""How a classifier is trained: an architecture, and the settings of its optimiser, as one frozen plan.

>>> plan = TrainingPlan().changed(batch_size=64, pooling="max")
>>> plan.batch_size, plan.architecture.pooling.value
(64, 'max')
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from math import cos, isfinite, pi
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cnnviz.architecture import Architecture, Head
from cnnviz.convolve import PoolMode
from cnnviz.errors import RecipeError
from cnnviz.padding import Padding
from cnnviz.weights import option

if TYPE_CHECKING:
    import keras

MAX_EPOCHS = 1000
MAX_BATCH = 4096
MAX_RATE = 10.0


class Optimiser(StrEnum):
    """What turns a gradient into a step."""

    ADAM = "adam"
    SGD = "sgd"
    MOMENTUM = "momentum"
    RMSPROP = "rmsprop"


class Augment(StrEnum):
    """What is done to every training image at random, anew in each batch; never to an image that is judged.

    ``shifts``: up to a sixteenth of the image's side in any direction, edges repeated. ``flips``: left–right and
    up–down, for images from above. ``turns``: flips and quarter turns, all eight ways to lay a square.
    """

    NONE = "none"
    SHIFTS = "shifts"
    FLIPS = "flips"
    TURNS = "turns"


class Schedule(StrEnum):
    """The learning rate over the epochs: as it is, or falling towards 0 along half a cosine."""

    CONSTANT = "constant"
    COSINE = "cosine"


#: Keras's own learning rate for each optimiser.
RATES = {Optimiser.ADAM: 1e-3, Optimiser.SGD: 1e-2, Optimiser.MOMENTUM: 1e-2, Optimiser.RMSPROP: 1e-3}


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """An architecture and how it is trained; the default is LeNet-5 as Keras's ``fit`` would train it.

    ``learning_rate`` of None is the optimiser's usual one. Raises RecipeError for settings out of their range.
    """

    architecture: Architecture = field(default_factory=Architecture)
    epochs: int = 10
    batch_size: int = 32
    optimiser: Optimiser = Optimiser.ADAM
    learning_rate: float | None = None
    schedule: Schedule = Schedule.CONSTANT
    augment: Augment = Augment.NONE
    seed: int = 0

    def __post_init__(self) -> None:
        _check_whole(self.epochs, "epochs", MAX_EPOCHS)
        _check_whole(self.batch_size, "batch size", MAX_BATCH)
        for name, kind in (("optimiser", Optimiser), ("schedule", Schedule), ("augment", Augment)):
            object.__setattr__(self, name, option(getattr(self, name), kind, name))
        if self.learning_rate is not None and not (isfinite(self.learning_rate) and 0 < self.learning_rate <= MAX_RATE):
            raise RecipeError(f"Received learning rate {self.learning_rate!r}; a number up to {MAX_RATE} is expected.")
        if not 0 <= self.seed < 2**31:
            raise RecipeError(f"Received seed {self.seed!r}; a whole number from 0 to 2³¹ − 1 is expected.")

    @property
    def rate(self) -> float:
        """Learning rate of the first epoch."""
        return RATES[self.optimiser] if self.learning_rate is None else self.learning_rate

    def build(self, input_shape: Sequence[int], classes: int) -> keras.Model:
        """Untrained model for images ``(rows, cols, bands)``; the seed draws its weights."""
        return self.architecture.build(input_shape, classes, seed=self.seed)

    def rate_at(self, epoch: int) -> float:
        """Learning rate of an epoch, counted from 0.

        >>> [round(TrainingPlan(epochs=4, schedule="cosine").rate_at(epoch), 5) for epoch in range(4)]
        [0.001, 0.00085, 0.0005, 0.00015]
        """
        falling = (1 + cos(pi * epoch / self.epochs)) / 2
        return self.rate * (falling if self.schedule is Schedule.COSINE else 1)

    def changed(self, **settings: Any) -> TrainingPlan:
        """The plan with other settings, its own or its architecture's, by their names."""
        ours = {each.name for each in fields(self)}
        theirs = {name: value for name, value in settings.items() if name not in ours}
        if unknown := theirs.keys() - set(Architecture.names()):
            known = ", ".join(sorted(ours | set(Architecture.names())))
            raise RecipeError(f"Received a setting {min(unknown)!r:.40}; one of {known} is expected.")
        mine = {name: value for name, value in settings.items() if name in ours}
        if theirs:
            mine["architecture"] = replace(mine.get("architecture", self.architecture), **theirs)
        return replace(self, **mine)


def _check_whole(value: int, what: str, largest: int) -> None:
    if isinstance(value, bool) or value != int(value) or not 1 <= value <= largest:
        raise RecipeError(f"Received {what} {value!r:.40}; a whole number from 1 to {largest:,} is expected.")


@dataclass(frozen=True)
class NamedPlan:
    """A plan to start from, with a title and what to look for."""

    name: str
    title: str
    about: str
    plan: TrainingPlan


def _named() -> Iterator[NamedPlan]:
    yield NamedPlan(
        "lenet5",
        "LeNet-5",
        "Two convolutions of 5 × 5 with average pooling, then three dense layers: it read cheques in 1998.",
        TrainingPlan(),
    )
    yield NamedPlan(
        "lenet5_bands",
        "LeNet-5 with normalised bands",
        "The same, after each band was brought to mean 0 and variance 1: dark and bright bands count alike.",
        TrainingPlan(architecture=Architecture(normalise=True)),
    )
    yield NamedPlan(
        "digits",
        "Wider LeNet-5 for digits",
        "More filters, maximum instead of average, batch normalisation, dropout, digits that are shifted at random, "
        "and a learning rate that falls: fewer errors from few images.",
        TrainingPlan(
            architecture=Architecture(filters=(16, 48), pooling=PoolMode.MAX, batch_norm=True, dropout=0.3),
            epochs=15,
            augment=Augment.SHIFTS,
            schedule=Schedule.COSINE,
        ),
    )
    yield NamedPlan(
        "land_cover",
        "Four blocks for land cover",
        "Small kernels in four blocks with batch normalisation, chips flipped and turned at random; the mean of "
        "each map asks what is in a chip, not where.",
        TrainingPlan(
            architecture=Architecture(
                filters=(16, 32, 64, 128),
                kernel=3,
                padding=Padding.SAME,
                pooling=PoolMode.MAX,
                head=Head.AVERAGE,
                dense=(),
                normalise=True,
                batch_norm=True,
            ),
            epochs=20,
            augment=Augment.TURNS,
            schedule=Schedule.COSINE,
        ),
    )


#: Plans by name, the plainest first.
PLANS: Mapping[str, NamedPlan] = MappingProxyType({each.name: each for each in _named()})
