"""What all tests share: a quiet and repeatable surrounding, and real data where there is some."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Before anything imports TensorFlow: results must not depend on a GPU, and its start-up notes hide what matters.
os.environ.update(CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3")

# The same examples on every run, and no failure because a machine is busy.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


def pytest_collection_modifyitems(items):
    """Browser tests last: they are the slow ones, and Playwright's event loop must not be there for the others."""
    for item in items:
        if item.path.parent.name == "browser":
            item.add_marker(pytest.mark.browser)
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture(scope="session")
def real_data():
    """Folder with real scenes and data sets, named by ``CNNVIZ_DATA``."""
    named = os.environ.get("CNNVIZ_DATA")
    if not named:
        pytest.skip("CNNVIZ_DATA names no folder with real data")
    folder = Path(named)
    assert folder.is_dir(), f"CNNVIZ_DATA={named} is no folder"
    return folder
