"""One way of teaching on every page: look, predict, check, do, and why it matters on Earth.

The lessons' answers are computed from the current setting, never typed in; here is only how they are asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from cnnviz.ui import link
from cnnviz.ui.words import plain


@dataclass(frozen=True)
class Question:
    """A question about the current setting: ``identity`` changes when the question does."""

    identity: str
    text: str  #: Markdown, as ``because``
    choices: tuple[str, ...]  #: plain words, as ``answer``
    answer: str
    because: str  #: the numbers that show why


@dataclass(frozen=True)
class Task:
    """Something to try; ``done`` says whether the current setting does it."""

    text: str
    done: bool


def predict(question: Question | Callable[[], Question], key: str) -> bool:
    """Ask before the result is seen; returns whether the result is still covered.

    A question that takes time to find may be a function, called only where somebody wants to be asked.
    """
    if not link.hides("answers"):
        st.toggle("Predict first", key=f"{key}_predict", persist_state="session", help=_HELP)
    if not asking(key):
        return False
    if not isinstance(question, Question):
        question = question()
    answers: dict[str, str] = st.session_state.setdefault("_answers", {})
    with st.container(border=True):
        st.markdown(f"**Predict.** {question.text}")
        given = answers.get(key + question.identity)
        if given is None:
            _choices(question, key, answers)
        else:
            _verdict(question, given)
    return given is None


def asking(key: str) -> bool:
    """Whether the visitor, or a teacher's link, wants to be asked."""
    return link.hides("answers") or bool(st.session_state[f"{key}_predict"])


_HELP = "Covers the result after every change and asks you what it will be."


def _choices(question: Question, key: str, answers: dict[str, str]) -> None:
    labels = (*question.choices, "Skip")
    with st.container(horizontal=True):
        for label in labels:
            st.button(
                plain(label),
                key=f"{key}_answer_{label}",
                type="tertiary" if label == "Skip" else "secondary",
                on_click=answers.__setitem__,
                args=(key + question.identity, label),
            )


def _verdict(question: Question, given: str) -> None:
    answer = plain(question.answer)
    if given == "Skip":
        st.markdown(f"It is **{answer}**. {question.because}")
    elif given == question.answer:
        st.markdown(f":green-badge[Right] **{answer}**. {question.because}")
    else:
        st.markdown(f":orange-badge[Not quite] {plain(given)}? It is **{answer}**. {question.because}")


def tasks(items: Sequence[Task], key: str) -> None:
    """Small tasks, each ticked when it has been done once."""
    if link.hides("tasks"):
        return
    finished: set[str] = st.session_state.setdefault("_tasks", set())
    finished.update(f"{key}:{task.text}" for task in items if task.done)
    done = [f"{key}:{task.text}" in finished for task in items]
    lines = [f"**Do** · {sum(done)} of {len(items)} done"]
    for task, ticked in zip(items, done, strict=True):
        lines.append(f"- {':green-badge[done]' if ticked else ':gray-badge[to do]'} {task.text}")
    st.markdown("\n".join(lines))


def earth(text: str) -> None:
    """Why it matters on Earth, in one sentence."""
    st.markdown(f"**On Earth** · {text}")
