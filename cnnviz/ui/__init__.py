"""The dashboard's own rooms, and the only ones that import Streamlit.

A page reads as: ``with page(...) as view`` → controls → one call → show. What a page needs to remember lives in
its URL (:mod:`cnnviz.ui.link`) or in the visitor's session (:mod:`cnnviz.ui.view`), never in a page.
"""
