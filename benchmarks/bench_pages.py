"""How long a changed control takes to show its new picture, in a real browser, and how much memory the server holds.

    python -m benchmarks.bench_pages [PAGE ...] [--scene FILE] [--side 1024] [--changes 40]

The clock starts with the key press in the page and stops when the last picture that changed was painted. Both ends
are taken inside the browser, so the time holds the way to the server and back, the arithmetic and the drawing.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.measuring import machine, percentiles, resident
from tests.browser.driving import ROOT, Server, find_chromium, launch, page_path, page_scripts, serve, settle, visit

BIG_SCENE = ROOT / "build" / "bench" / "scene-2048.tif"


@dataclass(frozen=True)
class Change:
    """A control by its label, the keys that move it on and back, and how many moves it has room for."""

    label: str
    on: tuple[str, ...]
    back: tuple[str, ...]
    room: int
    inside: str = ""  #: the folded part that has to be opened first


#: What is changed on each page. Pages without an entry are only visited, for the memory that they take.
CHANGES = {
    "Image_inspection": Change("Bits per value", ("ArrowLeft",), ("ArrowRight",), 14, "Numbers, bits and orientation"),
    "Kernel_playground": Change("Kernel", ("ArrowDown", "Enter"), ("ArrowUp", "Enter"), 20),
    "Padding_and_stride": Change("Stride down", ("ArrowUp",), ("ArrowDown",), 4),
    "Pooling": Change("Window", ("ArrowRight",), ("ArrowLeft",), 6),
    "Volume_convolution": Change("Activation", ("ArrowDown", "Enter"), ("ArrowUp", "Enter"), 3),
    "Convolution_as_a_matrix": Change("Padding", ("ArrowDown", "Enter"), ("ArrowUp", "Enter"), 4),
    "Stack_layers": Change("Size", ("ArrowUp",), ("ArrowDown",), 4),
}

# Pictures may sit in shadow roots, which a page-wide observer does not see: each one is watched from its birth. What is
# drawn without an image carries a version, which changes when it was drawn.
_WATCH = """
(() => {
    const watch = window.watch = { pressed: 0, painted: 0 };
    const painted = () => requestAnimationFrame(() => {
        const after = new MessageChannel();
        after.port1.onmessage = () => { watch.painted = performance.now(); };
        after.port2.postMessage(null);
    });
    const observer = new MutationObserver((records) => {
        if (records.some(({ attributeName }) => attributeName === "data-version")) painted();
        const images = records.flatMap(({ target, addedNodes }) => [target, ...addedNodes])
            .filter((node) => node.tagName === "IMG" && node.src);
        for (const image of images) image.decode().then(painted, () => {});
    });
    const options = { subtree: true, childList: true, attributes: true, attributeFilter: ["src", "data-version"] };
    observer.observe(document, options);
    const attach = Element.prototype.attachShadow;
    Element.prototype.attachShadow = function (how) {
        const root = attach.call(this, how);
        observer.observe(root, options);
        return root;
    };
    addEventListener("keydown", () => { watch.pressed = performance.now(); watch.painted = 0; }, true);
})()
"""


def main() -> None:
    """Measure the pages named on the command line, or all of them."""
    wanted = _arguments()
    scripts = [script for script in page_scripts() if not wanted.pages or _name(script) in wanted.pages]
    scene = (wanted.scene or _big_scene()).resolve()
    print(machine("streamlit", "numpy", "opencv-python-headless"))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        settings = {"CNNVIZ_LOCAL_ROOT": str(scene.parent), "CNNVIZ_CACHE": folder}
        with serve(ROOT / "app.py", Path(folder) / "server.log", settings) as server:
            page = launch(playwright, find_chromium() or "chromium").new_page(viewport={"width": 1440, "height": 900})
            page.add_init_script(_WATCH)
            _open(page, server, scene, wanted.side)
            for script in scripts:
                _follow(page, script)
                _measure(page, _name(script), wanted.changes)
            print(f"server after these pages: {resident(server.process.pid):.0f} MB resident")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="as in the address bar, or home; all if none is named")
    parser.add_argument("--scene", type=Path, help="GeoTIFF to open; else a synthetic one of 2,048 × 2,048 is made")
    parser.add_argument("--side", type=int, default=1024, help="side of the window in pixels")
    parser.add_argument("--changes", type=int, default=40, help="how many changes are timed on each page")
    return parser.parse_args()


def _name(script: Path) -> str:
    return page_path(script).strip("/") or "home"


def _big_scene() -> Path:
    if not BIG_SCENE.exists():
        BIG_SCENE.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "cnnviz", "sample", str(BIG_SCENE), "--rows", "2048", "--cols", "2048"]
        subprocess.run(command, cwd=ROOT, check=True)
    return BIG_SCENE


def _open(page: Page, server: Server, scene: Path, side: int) -> None:
    """Open the scene by its path and widen the window; what follows stays in this session."""
    visit(page, server.url)
    page.get_by_text("Open a file of your own", exact=True).click()
    page.get_by_role("textbox", name="Path on this computer").fill(str(scene))
    page.keyboard.press("Enter")
    settle(page)
    page.get_by_role("combobox", name="Window").click()
    page.get_by_role("option", name=f"{side} × {side} px").click()
    settle(page)


def _follow(page: Page, script: Path) -> None:
    """Go to a page by its link in the sidebar, so that the session and its scene come along."""
    page.locator(f'[data-testid="stSidebarNav"] a[href$="{page_path(script)}"]').click()
    settle(page, seconds=60)


def _measure(page: Page, name: str, changes: int) -> None:
    change = CHANGES.get(name)
    if change is None:
        print(f"{name}: visited")
        return
    if change.inside:
        page.get_by_text(change.inside).click()
    times = []
    for step in range(changes):
        keys = change.on if step // change.room % 2 == 0 else change.back
        times.append(_time(page, change, keys))
    print(f"{name}, {change.label}: {percentiles(times)}")


def _time(page: Page, change: Change, keys: tuple[str, ...]) -> float:
    """Seconds from the last key press to the last new picture."""
    page.get_by_test_id("stMain").locator(f'input[aria-label="{change.label}"]').focus()
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_function("watch.painted > watch.pressed")
    settle(page)
    return page.evaluate("(watch.painted - watch.pressed) / 1000")


if __name__ == "__main__":
    main()
