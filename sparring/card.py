"""A pipeline as it shows itself: text in a terminal, HTML in a notebook. Pure."""

import html
from collections.abc import Sequence

from schemas.catalog import NO_POINTER, Pipeline
from schemas.pipelines import Step
from sparring.checks import printed
from sparring.printable import shown
from sparring.steps import first_model

CardRows = Sequence[tuple[str, str]]


def rows(name: str, known: Pipeline, steps: Sequence[Step]) -> CardRows:
    """The tutorial's rows. steps: those that the handle holds."""
    versions = list(known.versions.values())
    return [
        ("name", name),
        ("created", printed(versions[0].created_at)),
        ("last_updated", printed(_updated_ms(known))),
        ("deployed", "(none)" if known.pointer == NO_POINTER else str(known.live is not None)),
        ("tags", ", ".join(known.tags)),
        ("versions", ", ".join(version.version for version in reversed(versions))),
        ("steps", first_model(steps)),
    ]


def as_text(card: CardRows) -> str:
    """Two columns."""
    width = max(len(name) for name, _ in card)
    return "\n".join(f"{name.ljust(width)}  {shown(text)}" for name, text in card)


def as_html(card: CardRows) -> str:
    """A table with a heading per row."""
    body = "".join(f"<tr><th>{name}</th><td>{html.escape(text)}</td></tr>" for name, text in card)
    return f"<table>{body}</table>"


def _updated_ms(known: Pipeline) -> int:
    """When it was last given a version, switched on or off."""
    newest = list(known.versions.values())[-1].created_at
    return max([newest, *(switch.at for switch in known.history[-1:])])
