"""From filters made by hand to filters that a network finds: train a classifier and watch it learn."""

from cnnviz.ui.experiments import (
    train,
    train_data,
    train_digit,
    train_epochs,
    train_files,
    train_grid,
    train_land,
    train_lesson,
    train_live,
    train_own,
    train_results,
    train_table,
)
from cnnviz.ui.page import controls, page
from cnnviz.ui.trained import chosen, trained

with page(
    "Train LeNet-5",
    "Nobody told LeNet-5 which edges make a 7: it starts from random weights and moves them, batch by batch, until its "
    "answers fit. Press Train and watch both curves. Then move the epoch slider: when do the first kernels stop "
    "looking like noise?",
) as view:
    with controls():
        row = train.controls(train_own.own())
    given = train.settings(row, train_own.own())
    train_own.show(view)
    train_data.show(given)
    train_live.show(given)
    train_grid.show(given)
    model = chosen()
    if model:
        snapshot = train_epochs.pick(model)
        train_results.show(model, snapshot)
        train_epochs.show(model, snapshot)
        train_results.compare(trained())
        train_digit.show(model)
        train_land.show(view, model)
        train_files.show(model)
    covered = train_lesson.predict(given)
    train_table.show(given, model, covered=covered)
    train_lesson.tasks(trained())
