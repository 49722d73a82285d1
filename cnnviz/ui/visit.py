"""What one visitor has opened: files of the visitor's own, in a folder that goes when the visit ends."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st

from cnnviz import samples
from cnnviz.errors import CnnvizError, DamagedError
from cnnviz.first_look import places
from cnnviz.scene import Scene, open_scene, resolve_below, save_upload
from cnnviz.ui.leaving import leaves_with_its_tab
from cnnviz.ui.overview_jobs import Job, overview_jobs
from cnnviz.ui.settings import settings
from cnnviz.ui.view import OVERVIEW_SIDE

#: How many files of the visitor's own stay open; the oldest makes room.
KEPT = 4
_SPOT = 32  # pixels a side that are read before a file is taken


class Visit:
    """Files opened in one session. The folder is removed when the session is forgotten."""

    def __init__(self) -> None:
        self.scenes: dict[str, Scene] = {}
        self.renamed: dict[str, Scene] = {}
        self.results: list[str] = []
        self.damaged: set[object] = set()
        self.problem = ""
        self.uploads = 0
        self.arrived = False
        self.folder = Path(tempfile.mkdtemp(prefix="cnnviz-visit-"))
        # Streamlit has no hook for the end of a session; it drops the session's objects, and this runs with them.
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    def leave_results(self) -> None:
        """Remove what runs have made, but for what has become a scene, when the visitor has left."""
        for stem in self.results:
            for path in self.folder.glob(f"{stem}*"):
                self.let_go(path)

    def leave(self) -> None:
        """Remove all files, when the visitor cannot come back."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def arrive(self) -> None:
        """Open the file that the visitor's link names, once, where the operator allows paths."""
        if not self.arrived:
            self.arrived = True
            name = _open_below(self, st.query_params.get("path", ""))
            if name and "scene" not in st.query_params:
                st.session_state["scene"] = name

    def options(self) -> dict[str, str]:
        """Every scene that can be chosen: identifier → label."""
        own = {name: scene.name for name, scene in self.scenes.items()}
        return {name: sample.title for name, sample in samples.SAMPLES.items()} | own

    def scene(self, name: str) -> Scene:
        """The scene of that identifier, with the band names that the visitor gave it."""
        found = self.renamed.get(name) or self.scenes.get(name) or samples.open_sample(name)
        return replace(found, damaged=True) if found.key in self.damaged else found

    def salvages(self) -> bool:
        """Read the current scene around its damage from now on; False where that is done already."""
        known = len(self.damaged)
        self.damaged.add(self.scene(st.session_state["scene"]).key)
        return len(self.damaged) > known

    def rename(self, name: str, scene: Scene) -> None:
        """From now on ``name`` is this scene: the same file with other band names."""
        self.renamed[name] = scene

    def overview_job(self, scene: Scene) -> Job:
        """The making of an overview for a scene that has none; a visitor's own goes with the visit."""
        own = self.folder in Path(scene.path).parents
        return overview_jobs().job(scene, self.folder if own else settings().cache)

    def whole(self, scene: Scene) -> Scene | None:
        """Where to read the whole raster from, reduced: itself, or its overview once that is made."""
        if scene.has_fast_overview(OVERVIEW_SIDE):
            return scene
        return self.overview_job(scene).scene

    def keep(self, scene: Scene) -> str:
        """Add an opened scene and return its identifier."""
        name = f"file {scene.name}"
        dropped = [self.scenes.pop(name, scene)]
        self.renamed.pop(name, None)
        self.scenes[name] = scene
        while len(self.scenes) > KEPT:
            dropped.append(self.scenes.pop(next(iter(self.scenes))))
        for each in dropped:
            self.let_go(each.path)
        return name

    def new_result(self, suffix: str) -> Path:
        """A name in the visit's folder for what a run makes; other files of the run may begin with its stem."""
        self.results.append(secrets.token_hex(8))
        return self.folder / f"{self.results[-1]}{suffix}"

    def let_go(self, path: Path) -> None:
        """Remove a file of the visit's own, unless it is one of its scenes."""
        if self.folder in path.parents and all(scene.path != path for scene in self.scenes.values()):
            path.unlink(missing_ok=True)


def visit() -> Visit:
    """The current session's visit."""
    state = st.session_state
    if "_visit" not in state:
        state["_visit"] = Visit()
        leaves_with_its_tab(state["_visit"])
    current: Visit = state["_visit"]
    return current


def readable(scene: Scene) -> Scene:
    """The scene, where a spot of it can be read: a header alone is no scene. Raises DamagedError."""
    *spots, last = places(scene.shape, _SPOT)
    for spot in spots:
        with suppress(DamagedError):
            scene.read(spot, bands=[0])
            return scene
    scene.read(last, bands=[0])
    return scene


def upload_key() -> str:
    """Key of the upload field; a new one after every file lets go of the bytes that Streamlit holds."""
    return f"upload_{visit().uploads}"


def open_upload() -> None:
    """Take the file that was just uploaded; what cannot be opened leaves the scene as it was."""
    here = visit()
    upload: Any = st.session_state[upload_key()]
    if upload is not None:
        here.uploads += 1
        name = _open(here, lambda: open_scene(save_upload(upload, upload.name, here.folder), name=upload.name))
        if name:
            st.session_state["scene"] = name


def open_path() -> None:
    """Open the local path that was just typed, below the operator's folder."""
    name = _open_below(visit(), st.session_state["path"])
    if name:
        st.session_state["scene"] = name


def _open_below(here: Visit, text: str) -> str:
    root = settings().local_root
    if root is None or not text.strip():
        return ""
    return _open(here, lambda: open_scene(resolve_below(root, text.strip()), sidecars=True))


def _open(here: Visit, opener: Callable[[], Scene]) -> str:
    """Identifier of what ``opener`` opened; empty where it could not, and then the sidebar says why."""
    here.problem = ""
    try:
        return here.keep(readable(opener()))
    except CnnvizError as error:
        here.problem = str(error)
        return ""
