"""Text of strangers on a page: shown letter for letter, and nothing in it comes alive."""

from urllib.parse import quote

import pytest

from tests.browser.driving import ROOT, serve, visit

TEXTS = (
    "http://evil.invalid/login",
    "HTTPS://evil.invalid",
    "see (www.evil.com) or WWW.EVIL.COM.",
    "write a.b+c@evil.com, mailto:a@evil.com, xmpp:a@evil.com/x",
    "scene http://www.evil.com:80/a@b.com?c=d&lt;e",
    ":smile:+:material/delete:, :+1: :100: ::smile:: :streamlit:",
    "a:red.tif, x:small{y} :red[z] :help[z] :blue-badge[z]",
    "![a](http://evil.invalid/a.png) <img src=x> [b](javascript:1) <http://evil.invalid>",
    "$x$ `a` *b* _c_ ~~d~~ # e | f \\g & h: 1:2 \\: \\:x i::j",
)

_SCRIPT = """
import sys

sys.path.insert(0, {root!r})
import streamlit as st

from cnnviz.ui.words import plain

for text in {texts!r}:
    st.error(plain(text))
    st.caption(plain(text))
    st.markdown(f"**{{plain(text)}}**")
    st.button(plain(text), key=text)
"""


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    script = folder / "words.py"
    script.write_text(_SCRIPT.format(root=str(ROOT), texts=TEXTS), encoding="utf-8")
    with serve(script, folder / "server.log") as running:
        yield running


def test_text_is_shown_letter_for_letter_and_nothing_in_it_comes_alive(browser, shown):
    page = browser.new_page()
    visit(page, shown.url)
    found = page.get_by_test_id("stMarkdownContainer").or_(page.get_by_test_id("stCaptionContainer"))
    assert found.evaluate_all("all => all.map((each) => each.textContent)") == [
        text for text in TEXTS for _ in range(4)
    ]
    assert found.evaluate_all("all => all.map((each) => each.innerText)") == [text for text in TEXTS for _ in range(4)]
    assert found.locator("a, img, [role=img], code, em, del, svg, streamlit-help-icon").count() == 0
    found.first.click(click_count=3)
    assert page.evaluate("getSelection().toString().trim()") == TEXTS[0]
    page.close()


@pytest.mark.parametrize("text", ["http://evil.invalid/login", "www.evil.com", "a@evil.com", ":smile:+:material/home:"])
def test_a_link_brings_no_link_into_the_page(page, server, text):
    visit(page, f"{server.url}/?scene={quote(text, safe='')}")
    notice = page.get_by_test_id("stMain").get_by_test_id("stAlert")
    assert f"“{text}”" in notice.inner_text()
    assert notice.locator("a[href], [role=img]").count() == 0
