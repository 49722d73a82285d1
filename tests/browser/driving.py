"""Driving the dashboard in a real browser: start a server, wait until a page has settled, take its picture."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from playwright.sync_api import Browser, Page, Playwright
from streamlit.source_util import page_icon_and_name

ROOT = Path(__file__).resolve().parents[2]
SCREENS = ROOT / "build" / "screens"

#: No sandbox, because tests may run as root; the rest keeps Chromium itself off the network.
_CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

#: Streamlit runs the script soon after a control reports a new value; a page that stayed idle for longer has settled.
_IDLE_MS = 300

_SETTLED = """
(idle) => {
    const app = document.querySelector('[data-testid="stApp"]');
    const busy = !app || app.dataset.testScriptState !== "notRunning"
        || app.dataset.testConnectionState !== "CONNECTED"
        || document.querySelector('[data-stale="true"], [data-testid="stSkeleton"], [data-testid="stSpinner"]');
    const pictures = (root) => [...root.querySelectorAll("*")].flatMap((node) =>
        node.shadowRoot ? pictures(node.shadowRoot) : node.tagName === "IMG" && node.src ? [node] : []);
    const now = performance.now();
    if (busy || document.fonts.status !== "loaded" || !pictures(document).every((image) => image.complete))
        delete window.idleSince;
    else
        window.idleSince ??= now;
    return now - (window.idleSince ?? now) > idle;
}
"""


class Look(Enum):
    """How a page is looked at: width in CSS pixels and colour scheme."""

    WIDE = (1440, "light")
    NARROW = (400, "light")
    DARK = (1440, "dark")


@dataclass(frozen=True)
class Server:
    """A running dashboard: its address, its process and the file that its output goes to."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def trouble(self, since: int = 0) -> str:
        """The log from byte ``since`` on if it holds a traceback, else nothing."""
        text = self.log.read_bytes()[since:].decode(errors="replace")
        return text if "Traceback" in text else ""


@contextmanager
def serve(script: Path, log: Path, environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A dashboard of ``script`` on a free loopback port, ended by its own process when the block is left."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", script.name]
    options = ["--server.address", "127.0.0.1", "--server.port", str(port), "--server.headless", "true"]
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command + options,
            cwd=script.parent,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    server = Server(f"http://127.0.0.1:{port}", process, log)
    try:
        _wait_until_healthy(server)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_healthy(server: Server, seconds: float = 60) -> None:
    limit = time.monotonic() + seconds
    while time.monotonic() < limit and server.process.poll() is None:
        try:
            with urllib.request.urlopen(server.url + "/_stcore/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"the dashboard did not start; its log:\n{server.log.read_text(errors='replace')}")


def find_chromium() -> str | None:
    """The system's Chromium, or the browser that ``CNNVIZ_CHROMIUM`` names."""
    return os.environ.get("CNNVIZ_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


def launch(playwright: Playwright, executable: str) -> Browser:
    """Start that Chromium without a window."""
    return playwright.chromium.launch(executable_path=executable, args=list(_CHROMIUM_ARGUMENTS))


def page_scripts() -> list[Path]:
    """Home and every page of the dashboard, in the order in which the sidebar lists them."""
    return [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py"), key=lambda path: int(path.name.split("_")[0]))]


def page_path(script: Path) -> str:
    """Where the server shows that script: ``"/"`` for home."""
    return "/" if script.name == "app.py" else "/" + page_icon_and_name(script)[1]


def settle(page: Page, seconds: float = 30) -> None:
    """Wait until the script has finished, nothing on the page is out of date, and pictures and fonts are there."""
    page.evaluate("delete window.idleSince")
    page.wait_for_function(_SETTLED, arg=_IDLE_MS, timeout=seconds * 1000)


def visit(page: Page, url: str) -> None:
    """Open an address and wait until the page has settled."""
    page.goto(url)
    settle(page)


def screenshot(page: Page, name: str, look: Look) -> Path:
    """Write the whole page, not only what fits, to ``build/screens/NAME-LOOK.png``; the page is left in that look."""
    width, scheme = look.value
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    settle(page)
    page.set_viewport_size({"width": width, "height": _content_height(page)})
    settle(page)
    target = SCREENS / f"{name}-{look.name.lower()}.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=target)
    page.set_viewport_size({"width": width, "height": 900})
    return target


def _content_height(page: Page) -> int:
    """Streamlit scrolls inside its main section and its sidebar, so the window must be as high as the longer one."""
    return page.evaluate(
        """() => Math.max(900, ...["stMain", "stSidebarContent"].map((name) =>
            document.querySelector(`[data-testid="${name}"]`)?.scrollHeight ?? 0))"""
    )
