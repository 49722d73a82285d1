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


@pytest.mark.parametrize("nonsense", ["", "inf", "9" * 400, "[]", "-1"])
@pytest.mark.parametrize("script", PAGES, ids=lambda script: script.stem)
def test_a_link_whose_every_part_is_nonsense_shows_the_page_and_says_so(script, nonsense):
    settings = AppTest.from_file(str(script), default_timeout=60).run().session_state["_link_keys"]
    asked = AppTest.from_file(str(script), default_timeout=60)
    asked.query_params.update(dict.fromkeys(settings, nonsense))
    asked.run()
    assert [(problem.message, *problem.stack_trace) for problem in asked.exception] == []
    assert any("asked for something else" in each.value for each in asked.info)
    assert len(asked.title) == 1


def test_a_setting_that_is_given_twice_is_taken_once_and_said():
    page = AppTest.from_file(str(PAGES[0]), default_timeout=30)
    page.query_params["side"] = ["64", "128"]
    page.run()
    assert "Window is set several times" in page.info[0].value
    assert page.selectbox(key="side").value == 128
