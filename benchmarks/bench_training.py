"""Training beside Keras and scikit-learn, in one run on one machine.

    python -m benchmarks.bench_training [search] [epoch] [memory] [digits] [maps] [land_cover] [--data FOLDER]

Without names every section runs, about ten minutes in all. ``--data`` is the folder with ``mnist`` (IDX files) and
``eurosat_rgb`` (class folders), else what ``CNNVIZ_DATA`` names. The imports of TensorFlow are in no time.
"""

from __future__ import annotations

import argparse
import gc
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

# Before anything imports TensorFlow: a GPU would make another comparison.
os.environ.update(CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3")

import numpy as np

from benchmarks.measuring import machine, percentiles, resident
from cnnviz.chip_files import read_folder
from cnnviz.chips import split
from cnnviz.datasets import open_dataset
from cnnviz.models import feature_maps, lenet5
from cnnviz.plans import PLANS, TrainingPlan
from cnnviz.training import fit, fit_plan, grid_search

if TYPE_CHECKING:
    import keras

Labelled = tuple[np.ndarray, np.ndarray]

TRAINED = 4000


def digits() -> tuple[Labelled, Labelled]:
    """The first 4,000 images of the MNIST test file, and the remaining 6,000; padded to 32 × 32, 0…1."""
    chips = open_dataset("mnist_test")
    return (chips.images[:TRAINED], chips.labels[:TRAINED]), (chips.images[TRAINED:], chips.labels[TRAINED:])


def compiled() -> keras.Model:
    """LeNet-5 as Keras itself would train it."""
    model = lenet5()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def bench_search() -> None:
    """Grid search {32, 64} × {5, 10}, 3 folds, refit, beside GridSearchCV over a Keras classifier."""
    from scikeras.wrappers import KerasClassifier
    from sklearn.model_selection import GridSearchCV

    (x, y), _ = digits()
    start = time.perf_counter()
    ours = grid_search(x, y)
    seconds = time.perf_counter() - start
    print(f"cnnviz        {seconds:6.1f} s  best {ours.best_params}  score {ours.best_score:.4f}")
    start = time.perf_counter()
    theirs = GridSearchCV(KerasClassifier(model=compiled, verbose=0), {"batch_size": [32, 64], "epochs": [5, 10]}, cv=3)
    theirs.fit(x, y)
    reference = time.perf_counter() - start
    print(f"GridSearchCV  {reference:6.1f} s  best {theirs.best_params_}  score {theirs.best_score_:.4f}")
    for params, score in zip(theirs.cv_results_["params"], theirs.cv_results_["mean_test_score"], strict=True):
        same = next(row for row in ours.table if params.items() <= row.items())
        print(f"  {params}: cnnviz {same['mean']:.4f} ± {same['spread']:.4f}, GridSearchCV {score:.4f}")
    print(f"ratio {reference / seconds:.1f}, goal ≥ 4")


def bench_epoch() -> None:
    """Wall time of one epoch of 4,000 images, in turns with Keras's own fit."""
    (x, y), _ = digits()
    for batch_size in (32, 64):
        theirs, ours = compiled(), lenet5()
        times = in_turns(
            lambda model=theirs, size=batch_size: model.fit(x, y, batch_size=size, epochs=1, verbose=0),
            lambda model=ours, size=batch_size: fit(model, x, y, batch_size=size, epochs=1),
        )
        print(f"batch {batch_size}: Keras {percentiles(times[0])}; cnnviz {percentiles(times[1])}")
        print(f"  ratio of the medians {np.median(times[1]) / np.median(times[0]):.2f}, goal ≤ 0.7")


def in_turns(*works: Callable[[], object], turns: int = 10) -> list[list[float]]:
    """Seconds of each work, after one call of each that is not counted, so that a busy moment meets all."""
    times: list[list[float]] = [[] for _ in works]
    for turn in range(turns + 1):
        for work, found in zip(works, times, strict=True):
            start = time.perf_counter()
            work()
            if turn:
                found.append(time.perf_counter() - start)
    return times


def bench_memory() -> None:
    """Resident memory after the first training and after 20 more, each with a model of its own."""
    (x, y), held = digits()

    def once() -> float:
        fit(lenet5(), x, y, batch_size=32, epochs=1, validation=held, on_epoch=lambda _: None)
        gc.collect()
        return resident()

    first, *_, last = [once() for _ in range(21)]
    print(f"{first:.0f} MB after the first training, {last:.0f} MB after 20 more: {last / first - 1:+.1%}, goal ≤ 5 %")


def bench_digits() -> None:
    """Test accuracy of the default plan and the plan for digits over seeds."""
    train, held = digits()
    for name in ("lenet5", "digits"):
        report(f"{name}, {TRAINED:,} MNIST images", PLANS[name].plan, train, held)


def report(title: str, plan: TrainingPlan, train: Labelled, held: Labelled, seeds: int = 3) -> None:
    """Accuracy on what was held back for several seeds, and the time that one image takes in one epoch."""
    scores, seconds = [], []
    for seed in range(seeds):
        one = plan.changed(seed=seed)
        history = fit_plan(one.build(train[0].shape[1:], 10), train, one, validation=held)
        scores.append(history.epochs[-1].val_accuracy)
        seconds += [epoch.seconds for epoch in history.epochs[1:]]
    each = np.median(seconds) / len(train[1]) * 1e3
    print(f"{title}: {' '.join(f'{score:.4f}' for score in scores)}, mean {np.mean(scores):.4f}, ", end="")
    print(f"{plan.epochs} epochs, {each:.3f} ms per image and epoch")


def bench_maps() -> None:
    """Feature maps of every layer of LeNet-5 on one image."""
    (x, _), _ = digits()
    model, times = lenet5(), []
    for image in x[:31]:
        start = time.perf_counter()
        feature_maps(model, image)
        times.append(time.perf_counter() - start)
    print(f"feature maps: first {times[0] * 1e3:.0f} ms, then {percentiles(times[1:])}, goal ≤ 100 ms")


def bench_land_cover() -> None:
    """EuroSAT's RGB chips from their folder, 80/20 with each class's share kept, by plan."""
    chips = read_folder(Path(os.environ["CNNVIZ_DATA"]) / "eurosat_rgb")
    train, held = ((part.images, part.labels) for part in split(chips, share=0.2))
    print(f"{chips.title}: {len(train[1]):,} chips to train on, {len(held[1]):,} held back")
    for name in ("lenet5", "lenet5_bands", "land_cover"):
        report(name, PLANS[name].plan, train, held)


def main() -> None:
    """Run the sections that are asked for."""
    sections = {
        "search": bench_search,
        "epoch": bench_epoch,
        "memory": bench_memory,
        "digits": bench_digits,
        "maps": bench_maps,
        "land_cover": bench_land_cover,
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", choices=[*sections, []], help="all, unless some are named")
    parser.add_argument("--data", help="folder with mnist and eurosat_rgb")
    options = parser.parse_args()
    os.environ["CNNVIZ_DATA"] = options.data or os.environ.get("CNNVIZ_DATA", "")
    print(machine("numpy", "keras", "tensorflow-cpu", "scikit-learn"))
    import tensorflow  # noqa: F401  (after cnnviz, which says how many threads it may use)

    for name in options.sections or sections:
        print(f"\n{name}: {(sections[name].__doc__ or '').splitlines()[0]}")
        sections[name]()


if __name__ == "__main__":
    main()
