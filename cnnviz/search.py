"""Grid search with cross-validation: every combination of settings, judged on images it was not trained on.

What scikit-learn's ``GridSearchCV`` does for a classifier, in a fraction of the time: fewer epochs are the beginning
of more, so that one training is judged several times; models of one architecture share one traced engine; and
trainings run side by side.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnviz.architecture import draw_weights
from cnnviz.engine import Samples, borrowed
from cnnviz.errors import DataError, DivergedError, RecipeError
from cnnviz.fitting import fit_plan
from cnnviz.history import Batches, History, Weights
from cnnviz.labelled import check_several_classes, checked
from cnnviz.loop import run_epochs
from cnnviz.moments import Moments, normalising_layer
from cnnviz.plans import Schedule, TrainingPlan

if TYPE_CHECKING:
    import keras

MAX_TRIALS = 200
MAX_WORKERS = 4

#: Seconds between two calls of ``on_progress``.
PULSE = 0.2


@dataclass(frozen=True)
class Trial:
    """One combination of settings with its accuracy in each fold; NaN where the training diverged.

    ``times`` are the seconds that each fold's training took up to its number of epochs, while others ran beside it.
    """

    params: Mapping[str, Any]
    scores: tuple[float, ...]
    times: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean accuracy over the folds."""
        return float(np.mean(self.scores))

    @property
    def spread(self) -> float:
        """Standard deviation over the folds."""
        return float(np.std(self.scores))

    @property
    def seconds(self) -> float:
        """Mean seconds of a fold's training: scikit-learn's ``mean_fit_time``."""
        return float(np.mean(self.times))


class _Judged(NamedTuple):
    """Accuracy on a fold after some epochs, and the seconds that training them took."""

    score: float = float("nan")
    seconds: float = float("nan")


@dataclass(frozen=True)
class Progress:
    """How far a search is: the share that is done, 0…1, and seconds gone and left, as far as can be told."""

    done: float
    seconds: float
    left: float | None


@dataclass(frozen=True, eq=False)
class GridSearch:
    """All trials in the order of the grid; ``model`` is the best one, trained anew on all images."""

    trials: tuple[Trial, ...]
    seconds: float
    model: keras.Model | None = field(default=None, repr=False)
    history: History | None = field(default=None, repr=False)

    @property
    def best(self) -> Trial:
        """The trial with the highest mean; the first of equals."""
        return self._ranked[0]

    @property
    def best_params(self) -> dict[str, Any]:
        """Settings of the best trial."""
        return dict(self.best.params)

    @property
    def best_score(self) -> float:
        """Mean accuracy of the best trial over the folds."""
        return self.best.mean

    @property
    def table(self) -> list[dict[str, Any]]:
        """One row per trial, best first: rank, settings, mean, spread, seconds of a fold, and each fold's accuracy."""
        return [
            {"rank": rank, **trial.params, "mean": trial.mean, "spread": trial.spread, "seconds": trial.seconds}
            | {f"fold {number}": score for number, score in enumerate(trial.scores, 1)}
            for rank, trial in enumerate(self._ranked, 1)
        ]

    @property
    def _ranked(self) -> list[Trial]:
        return sorted(self.trials, key=lambda trial: -trial.mean if np.isfinite(trial.mean) else np.inf)


def grid_search(
    x: ArrayLike,
    y: ArrayLike,
    *,
    batch_sizes: Sequence[int] = (32, 64),
    epochs: Sequence[int] = (5, 10),
    folds: int = 3,
    seed: int = 0,
    others: Mapping[str, Sequence[Any]] | None = None,
    plan: TrainingPlan | None = None,
    on_progress: Callable[[Progress], object] | None = None,
    refit: bool = True,
) -> GridSearch:
    """Accuracy of every combination in ``folds``-fold cross-validation, stratified and unshuffled.

    ``others`` are further settings of :class:`TrainingPlan` or its architecture and their values; ``plan`` says what
    does not vary. ``on_progress`` is called about five times a second; what it raises ends the search. Raises
    DataError for data that cannot be split, DivergedError where no combination can be trained.
    """
    images, labels = checked(x, y)
    check_several_classes(labels)
    grid = _grid({"batch_size": batch_sizes, **(others or {})}, epochs, (plan or TrainingPlan()).changed(seed=seed))
    search = _Search(images, labels, stratified_folds(labels, folds), grid, on_progress)
    trials = search.trials()
    found = GridSearch(trials, search.seconds)
    if not np.isfinite(found.best_score):
        raise DivergedError("No combination could be trained: the loss overflowed in each. Use smaller learning rates.")
    if not refit:
        return found
    model, history = search.refit(found.best)
    return GridSearch(trials, search.seconds, model, history)


def stratified_folds(labels: NDArray[Any], folds: int) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Indices to train and to judge on, for each fold, with the classes' shares kept: scikit-learn's own folds."""
    from sklearn.model_selection import StratifiedKFold

    if folds < 2:
        raise RecipeError(f"Received {folds} folds; 2 or more are expected.")
    fewest = np.unique(labels, return_counts=True)[1].min()
    if fewest < folds:
        raise DataError(f"A class has {fewest} images, which {folds} folds cannot share. Use fewer folds.")
    return list(StratifiedKFold(folds).split(np.zeros(len(labels)), labels))


@dataclass(frozen=True)
class _Group:
    """Combinations that one training serves: they differ in their epochs alone."""

    params: Mapping[str, Any]
    plan: TrainingPlan
    epochs: tuple[int, ...]


def _grid(settings: Mapping[str, Sequence[Any]], epochs: Sequence[int], plan: TrainingPlan) -> list[_Group]:
    if not epochs or not all(len(values) for values in settings.values()):
        raise RecipeError("Received a setting without values; one value or more is expected for each.")
    combined = [dict(zip(settings, values, strict=True)) for values in product(*settings.values())]
    if len(combined) * len(epochs) > MAX_TRIALS:
        raise RecipeError(f"Received {len(combined) * len(epochs)} combinations; at most {MAX_TRIALS} are expected.")
    groups = []
    for params in combined:
        one = plan.changed(**params)
        # A falling learning rate depends on where it ends: such epochs are no beginning of more.
        shared = one.schedule is Schedule.CONSTANT
        for some in [tuple(epochs)] if shared else [(count,) for count in epochs]:
            groups.append(_Group(params, one.changed(epochs=max(some)), some))
    return groups


class _Cancelled(Exception):  # noqa: N818
    """The search was ended from outside."""


class _Search:
    """One search on its way: the data, the work that is done, and whom to tell."""

    def __init__(
        self,
        images: NDArray[Any],
        labels: NDArray[Any],
        folds: list[tuple[NDArray[Any], NDArray[Any]]],
        grid: list[_Group],
        on_progress: Callable[[Progress], object] | None,
    ) -> None:
        self._samples, self._folds, self._grid = Samples.of(images, labels), folds, grid
        self._data, self._classes = (images, labels), int(labels.max()) + 1
        self._on_progress, self._start = on_progress, time.perf_counter()
        self._moments = Moments.of(images) if any(each.plan.architecture.normalise for each in grid) else None
        self._total = sum(each.plan.epochs * len(train) for each in grid for train, _ in folds)
        self._total += max(each.plan.epochs for each in grid) * len(labels)
        self._done, self._lock, self._cancel = 0, threading.Lock(), threading.Event()

    @property
    def seconds(self) -> float:
        """Seconds since the search began."""
        return time.perf_counter() - self._start

    def trials(self) -> tuple[Trial, ...]:
        """Every combination, in the order of the grid."""
        tasks = [(group, fold) for group in self._grid for fold in range(len(self._folds))]
        workers = min(len(tasks), os.cpu_count() or 1, MAX_WORKERS)
        with ThreadPoolExecutor(workers, thread_name_prefix="cnnviz-search") as pool:
            try:
                running = [pool.submit(self._train, group, fold, self._weights(group, fold)) for group, fold in tasks]
                self._watch(running)
            except BaseException:
                self._cancel.set()
                pool.shutdown(cancel_futures=True)
                raise
        return tuple(self._collected([future.result() for future in running]))

    def refit(self, best: Trial) -> tuple[keras.Model, History]:
        """The best combination, trained on all images."""
        group = next(each for each in self._grid if each.params.items() <= best.params.items())
        plan = group.plan.changed(epochs=best.params["epochs"])
        model = plan.build(self._data[0].shape[1:], self._classes)
        with self._lock:
            self._total = self._done + plan.epochs * len(self._data[1])
        return model, fit_plan(model, self._data, plan, on_batch=lambda found: self._note(found, plan, tell=True))

    def _weights(self, group: _Group, fold: int) -> tuple[keras.Model, Weights]:
        model = group.plan.architecture.build(self._data[0].shape[1:], self._classes)
        draw_weights(model, group.plan.seed + fold)
        if self._moments is not None and (layer := normalising_layer(model)) is not None:
            layer.set_weights(self._moments.over(self._folds[fold][0]))
        return model, tuple(model.get_weights())

    def _train(self, group: _Group, fold: int, start: tuple[keras.Model, Weights]) -> dict[int, _Judged]:
        """Accuracy on the images held back, after each number of epochs that is wanted."""
        train, held = (self._samples.only(which) for which in self._folds[fold])
        plan, found = group.plan.changed(seed=group.plan.seed + fold), dict.fromkeys(group.epochs, _Judged())
        seconds = 0.0
        with borrowed(start[0], plan) as engine:
            engine.start(start[1], plan.seed)
            try:
                for epoch in run_epochs(engine, train, plan, lambda found: self._note(found, plan)):
                    seconds += epoch.seconds
                    if epoch.number in found:
                        found[epoch.number] = _Judged(engine.judge(held)[1], seconds)
            except DivergedError:
                return found
        return found

    def _note(self, found: Batches, plan: TrainingPlan, *, tell: bool = False) -> None:
        if self._cancel.is_set():
            raise _Cancelled
        with self._lock:
            self._done += len(found.loss) * plan.batch_size
        if tell:
            self._tell()

    def _watch(self, running: list[Future[dict[int, _Judged]]]) -> None:
        while True:
            state = wait(running, PULSE, FIRST_EXCEPTION)
            for future in state.done:
                future.result()
            self._tell()
            if not state.not_done:
                return

    def _tell(self) -> None:
        if self._on_progress is not None:
            done, seconds = min(self._done / self._total, 1.0), self.seconds
            self._on_progress(Progress(done, seconds, seconds * (1 - done) / done if done else None))

    def _collected(self, found: list[dict[int, _Judged]]) -> Iterator[Trial]:
        count = len(self._folds)
        for number, group in enumerate(self._grid):
            per_fold = found[number * count : (number + 1) * count]
            for epochs in group.epochs:
                scores, times = zip(*(each[epochs] for each in per_fold), strict=True)
                yield Trial({**group.params, "epochs": epochs}, scores, times)
