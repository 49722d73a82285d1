"""Every page as Streamlit's own test harness runs it: without a browser, and without an exception."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py"))]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_page_runs_without_an_exception(script):
    run = AppTest.from_file(str(script), default_timeout=30).run()
    assert [problem.value for problem in run.exception] == []
    assert [problem.value for problem in run.error] == []
    assert len(run.title) == 1
