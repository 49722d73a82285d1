"""A running dashboard, a browser, and pages that report whatever goes wrong behind a visitor's back."""

import os
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import sync_playwright

from tests.browser.driving import ROOT, find_chromium, launch, serve


@pytest.fixture(scope="session")
def local_root(tmp_path_factory):
    """The folder below which the server lets visitors open files by path."""
    return tmp_path_factory.mktemp("local")


@pytest.fixture(scope="session")
def server(tmp_path_factory, local_root):
    folder = tmp_path_factory.mktemp("server")
    settings = {"CNNVIZ_LOCAL_ROOT": str(local_root), "CNNVIZ_CACHE": str(folder / "cache"), "CNNVIZ_MODELS": "1"}
    with serve(ROOT / "app.py", folder / "server.log", settings) as running:
        yield running


@pytest.fixture(scope="session")
def browser():
    executable = find_chromium()
    if executable is None:
        hint = "Chromium is not installed, or not where CNNVIZ_CHROMIUM says"
        if os.environ.get("CNNVIZ_BROWSER") == "required":
            pytest.fail(hint)
        pytest.skip(hint)
    with sync_playwright() as playwright:
        chromium = launch(playwright, executable)
        yield chromium
        chromium.close()


@pytest.fixture
def trouble(server):
    """What went wrong out of a visitor's sight; a test that means to provoke something takes it out again."""
    return []


@pytest.fixture
def page(browser, server, trouble):
    """A visitor's page. Errors in its console or on the server fail the test, and so does any other host."""
    logged = server.log.stat().st_size
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.on("console", lambda message: _is_error(message) and trouble.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: trouble.append(f"page: {error}"))
    page.on("request", lambda request: _is_foreign(request.url, server.url) and trouble.append(request.url))
    yield page
    context.close()
    assert not trouble
    assert not server.trouble(logged)


def _is_error(message):
    # Where a deep link is opened, Streamlit first looks for its server below the page's own address.
    looks_for_server = "/_stcore/" in message.location["url"] and "404" in message.text
    return message.type == "error" and not looks_for_server


def _is_foreign(url, home):
    parts = urlsplit(url)
    return parts.scheme not in ("data", "blob") and parts.netloc != urlsplit(home).netloc
