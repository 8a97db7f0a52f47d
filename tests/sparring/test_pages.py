"""The room of pages: every text is escaped, and colours on pictures are those that drawings use."""

import jinja2
import pytest

from sparring.pages.render import render, style
from sparring.vision import COLOURS


def test_texts_are_escaped_in_elements_and_attributes() -> None:
    table = render("table.html", sections=[{"title": "<i>", "columns": ["<b>"], "rows": [['"><script>']]}])

    assert "<i>" not in table
    assert "<b>" not in table
    assert "<script>" not in table
    assert "&lt;script&gt;" in table


def test_a_value_that_a_template_lacks_is_an_error_and_no_empty_text() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render("table.html")


def test_both_sides_have_the_same_colours_on_a_page_as_on_a_drawn_picture() -> None:
    for name, colour in zip("ab", COLOURS, strict=False):
        assert f"--on-picture-{name}: #{bytes(colour).hex()}" in style("base")


def test_styles_load_nothing_from_outside() -> None:
    css = style("base", "comparison")

    assert "url(" not in css
    assert "@import" not in css
