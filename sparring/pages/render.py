"""Renders a template of this room. The only import of jinja2."""

from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("sparring.pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render(template: str, **values: Any) -> Markup:
    """The text of a template of `templates/`. Values are escaped, unless they are Markup themselves."""
    return Markup(_environment().get_template(template).render(values))  # noqa: S704  # the engine has escaped it


@cache
def style(*names: str) -> Markup:
    """The CSS of these files of `styles/`, one after the other, for a `<style>` element."""
    folder = files("sparring.pages") / "styles"
    return Markup("".join((folder / f"{name}.css").read_text("utf-8") for name in names))  # noqa: S704  # our own files
