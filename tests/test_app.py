"""Every page as Streamlit's own test harness runs it: without a browser, and without an exception."""

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

from tests.source import PAGES


@pytest.fixture(autouse=True)
def exceptions_in_full():
    """Visitors see no details of an exception; here they are the point."""
    shown = config.get_option("client.showErrorDetails")
    config.set_option("client.showErrorDetails", "full")
    yield
    config.set_option("client.showErrorDetails", shown)


@pytest.mark.parametrize("script", PAGES, ids=lambda script: script.stem)
def test_page_runs_without_an_exception(script):
    run = AppTest.from_file(str(script), default_timeout=30).run()
    assert [(problem.message, *problem.stack_trace) for problem in run.exception] == []
    assert [problem.value for problem in run.error] == []
    assert len(run.title) == 1
