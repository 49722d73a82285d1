"""Training classifiers: fitting, cross-validation and grid search, by their promised names."""

from cnnviz.fitting import OnBatch, OnEpoch, fit, fit_plan, predict
from cnnviz.history import Batches, Epoch, History, StopTraining
from cnnviz.plans import PLANS, Augment, NamedPlan, Optimiser, Schedule, TrainingPlan
from cnnviz.search import GridSearch, Progress, Trial, grid_search, stratified_folds

__all__ = [
    "PLANS",
    "Augment",
    "Batches",
    "Epoch",
    "GridSearch",
    "History",
    "NamedPlan",
    "OnBatch",
    "OnEpoch",
    "Optimiser",
    "Progress",
    "Schedule",
    "StopTraining",
    "TrainingPlan",
    "Trial",
    "fit",
    "fit_plan",
    "grid_search",
    "predict",
    "stratified_folds",
]
