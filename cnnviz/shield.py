"""Keras's global state, kept while a dashboard runs beside a training."""

from __future__ import annotations


def keep_keras_state() -> None:
    """Let nobody clear Keras's state through ``keras.backend``; ``keras.utils.clear_session`` still does.

    Streamlit calls ``keras.backend.clear_session`` after every run of every script, also while another thread builds
    or traces a model (``_clean_problem_modules`` in its script_runner.py): trainings then slow down to a halt.
    """
    import keras

    keras.backend.clear_session = _keep


def _keep(free_memory: bool = True) -> None:
    """Take the arguments of the real function, and do nothing."""
