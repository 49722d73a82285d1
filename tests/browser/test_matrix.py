"""The matrix page in a real browser: pointing, walking, holding, impossible settings, copied links."""

import pytest

from tests.browser.driving import settle, visit

pytestmark = pytest.mark.browser

PATH = "/Convolution_as_a_matrix"
IMAGE, KERNEL, OUTPUT, MATRIX = range(4)


def board(page, panel):
    return page.locator(".toeplitz canvas:not(.marks)").nth(panel)


def cell(page, panel, row, col, rows, cols, shift=(0, 0)):
    """Point at the middle of a cell of a panel; ``shift`` is what lies above and left of its cells."""
    box = board(page, panel).bounding_box()
    height, width = (box["height"] - shift[0]) / rows, (box["width"] - shift[1]) / cols
    return {"x": (col + 0.5) * width, "y": (row + 0.5) * height}


def readout(page):
    return page.locator(".toeplitz .readout").inner_text()


def data(page, name):
    return page.locator(".toeplitz").get_attribute(f"data-{name}")


def test_an_output_is_a_row_and_its_terms_add_up(page, server):
    visit(page, server.url + PATH + "?matrix_source=own&matrix_image=1,2,3,4;5,6,7,8;9,10,11,12;13,14,15,16")
    board(page, OUTPUT).hover(position=cell(page, OUTPUT, 1, 0, 2, 2))
    text = readout(page)
    assert "Row 2 is output (1, 0)" in text
    assert "1 · 5 + 0 · 6 + (−1) · 7 + 1 · 9" in text
    assert text.endswith("= −6.")
    assert (data(page, "row"), data(page, "col")) == ("2", "")


def test_a_pixel_is_a_column_and_every_output_that_sees_it(page, server):
    visit(page, server.url + PATH)
    board(page, IMAGE).hover(position=cell(page, IMAGE, 1, 1, 4, 4))
    assert readout(page) == "Column 5 is pixel (1, 1): 4 outputs use it, with the weights 0, 1, 0, 1."
    board(page, IMAGE).hover(position=cell(page, IMAGE, 0, 3, 4, 4))
    assert "1 output uses it, with the weight −1" in readout(page)


def test_a_weight_says_how_often_it_is_used(page, server):
    visit(page, server.url + PATH + "?matrix_rows=12&matrix_cols=12")
    board(page, KERNEL).hover(position=cell(page, KERNEL, 0, 2, 3, 3))
    assert readout(page) == "Weight −1, cell (0, 2) of the kernel, stands 100 times in the matrix."


def test_the_keyboard_walks_over_the_matrix_and_holds_a_cell(page, server):
    visit(page, server.url + PATH)
    board(page, MATRIX).focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    assert (data(page, "row"), data(page, "col")) == ("1", "1")
    assert "weight 1, by which output (0, 1) multiplies pixel (0, 1)" in readout(page)
    page.keyboard.press("Enter")
    board(page, IMAGE).hover(position=cell(page, IMAGE, 3, 3, 4, 4))
    assert (data(page, "row"), data(page, "col")) == ("1", "1")
    assert "Held" in readout(page)
    board(page, MATRIX).press("Escape")
    board(page, IMAGE).hover(position=cell(page, IMAGE, 3, 3, 4, 4))
    assert (data(page, "row"), data(page, "col")) == ("", "15")


def test_pointing_asks_the_server_nothing_and_is_fluid(page, server):
    visit(page, server.url + PATH + "?matrix_rows=12&matrix_cols=12&matrix_padding=same")
    sent = []
    page.on("websocket", lambda socket: sent.append(socket))
    milliseconds = board(page, MATRIX).evaluate(
        """(canvas) => {
            const area = canvas.getBoundingClientRect(), start = performance.now();
            for (let i = 0; i < 200; i++) canvas.dispatchEvent(
                new PointerEvent("pointermove", { clientX: area.left + 20 + i, clientY: area.top + 40 + i }));
            return (performance.now() - start) / 200;
        }"""
    )
    assert milliseconds < 16
    assert page.locator('[data-test-script-state="running"]').count() == 0
    assert sent == []


def test_an_impossible_size_is_explained_and_the_matrix_stays(page, server):
    visit(page, server.url + PATH)
    version = data(page, "version")
    field = page.get_by_label("Image rows", exact=True)
    field.fill("2")
    field.press("Enter")
    settle(page)
    assert "received kernel 3 × 3 on 2 × 4 pixels" in page.get_by_test_id("stAlert").inner_text()
    assert data(page, "version") == version


def test_nonsense_in_a_link_falls_back_and_says_so(page, server):
    visit(page, server.url + PATH + "?matrix_kernel=own&matrix_w=zebra&matrix_padding=lots&matrix_rows=99")
    said = " ".join(page.get_by_test_id("stAlert").all_inner_texts())
    for dropped in ("zebra", "lots", "99"):
        assert dropped in said
    assert board(page, MATRIX).is_visible()


def test_a_copied_link_reopens_the_same_matrix(page, server):
    visit(page, server.url + PATH)
    page.get_by_text("Mᵀ · y, transposed").click()
    settle(page)
    field = page.get_by_label("Stride across", exact=True)
    field.fill("2")
    field.press("Enter")
    settle(page)
    version, link = data(page, "version"), page.url
    assert "Matrix Mᵀ" in page.locator(".toeplitz figcaption").nth(MATRIX).inner_text()
    page.context.clear_cookies()
    visit(page, link)
    assert data(page, "version") == version


def test_the_board_fits_a_phone(page, server):
    page.set_viewport_size({"width": 400, "height": 900})
    visit(page, server.url + PATH + "?matrix_rows=12&matrix_cols=12&matrix_padding=full")
    assert page.locator(".toeplitz").evaluate("(root) => root.scrollWidth <= root.clientWidth")
    assert board(page, MATRIX).bounding_box()["width"] > 200
