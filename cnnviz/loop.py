"""The loop over epochs and batches, in pieces that are short enough to be watched."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np

from cnnviz.engine import Engine, Samples
from cnnviz.errors import DivergedError
from cnnviz.history import Batches, Epoch
from cnnviz.plans import TrainingPlan

#: Seconds of batches in one call of TensorFlow: what progress, pause and stop feel like.
PULSE = 0.2

#: Batches of a training's first piece, before anything is known about their speed.
FIRST = 8


class Pace:
    """How many batches fit into one pulse, learned from the last ones."""

    def __init__(self) -> None:
        self.batches = FIRST

    def learn(self, batches: int, seconds: float) -> None:
        """Aim at one pulse, at most four times as many batches as before: the first call also traces."""
        fitting = int(batches * PULSE / max(seconds, 1e-6))
        self.batches = max(1, min(fitting, 4 * self.batches))


def run_epochs(
    engine: Engine,
    samples: Samples,
    plan: TrainingPlan,
    tell: Callable[[Batches], object],
    held: Samples | None = None,
) -> Iterator[Epoch]:
    """Train epoch by epoch; what ``tell`` raises comes out of the loop.

    The order of the images depends on the seed alone, so that fewer epochs are the beginning of more. Raises
    DivergedError where the loss is no number any more; the weights are then those from before that epoch.
    """
    rng, pace, weights = np.random.default_rng(plan.seed), Pace(), engine.weights()
    for number in range(1, plan.epochs + 1):
        start = time.perf_counter()
        rate = plan.rate_at(number - 1)
        engine.set_rate(rate)
        try:
            parts = _one_epoch(engine, samples.only(rng.permutation(samples.which)), plan, pace, number)
            loss, accuracy = _means(parts, tell, plan.batch_size, len(samples.which))
            after = engine.weights()
            if not all(np.isfinite(each).all() for each in after):  # the last step overflowed, after its loss
                raise _diverged(plan, number)
        except DivergedError:
            engine.model.set_weights(weights)
            raise
        weights = after
        val_loss, val_accuracy = (None, None) if held is None else engine.judge(held)
        seconds = time.perf_counter() - start
        yield Epoch(number, loss, accuracy, val_loss, val_accuracy, rate, seconds, weights)


def _one_epoch(engine: Engine, mixed: Samples, plan: TrainingPlan, pace: Pace, number: int) -> Iterator[Batches]:
    """All batches of one epoch, a pulse at a time."""
    size, done = plan.batch_size, 0
    batches = -(-len(mixed.which) // size)
    while done < batches:
        start = time.perf_counter()
        part = mixed.only(mixed.which[done * size : (done + pace.batches) * size])
        loss, accuracy = engine.train(part, size, plan.seed)
        done += len(loss)
        if not np.isfinite(loss).all():
            raise _diverged(plan, number)
        pace.learn(len(loss), time.perf_counter() - start)
        yield Batches(number, plan.epochs, done, batches, loss, accuracy)


def _means(parts: Iterator[Batches], tell: Callable[[Batches], object], size: int, images: int) -> tuple[float, float]:
    """Mean loss and accuracy over the images of an epoch: a smaller last batch weighs less."""
    loss, accuracy = 0.0, 0.0
    for part in parts:
        tell(part)
        weights = np.full(len(part.loss), float(size))
        if part.batch == part.batches:
            weights[-1] = images - (part.batches - 1) * size
        loss += float(weights @ part.loss)
        accuracy += float(weights @ part.accuracy)
    return loss / images, accuracy / images


def _diverged(plan: TrainingPlan, epoch: int) -> DivergedError:
    rate = plan.rate_at(epoch - 1)
    return DivergedError(
        f"The loss stopped being a number in epoch {epoch}, at a learning rate of {rate:g} with {plan.optimiser}. "
        f"Use a smaller learning rate, such as {rate / 10:g}, or bring the images to values around 0…1."
    )
