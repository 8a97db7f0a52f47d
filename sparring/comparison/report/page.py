"""One HTML page, self-contained: no script, no external file, every text escaped; light and dark.

Its colours also differ for people who do not tell red from green.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from sparring.comparison.changed import Box, ChangedPair
from sparring.comparison.comparison import ComparisonResult
from sparring.comparison.report.overlay import DRAWN_MAX, Drawing, box_text, overlay
from sparring.comparison.report.pictures import Connect, Picture, PictureOrReason, find_pictures
from sparring.comparison.report.text import changed_section, how, number, sections
from sparring.pages.render import render, style

CLASSES_SHOWN: Final = 12
BOXES_LISTED: Final = 60


class BoxList(NamedTuple):
    """Every box of a pair in a line."""

    summary: str
    rows: list[tuple[str, str]]
    """`matched`, `only A` or `only B`, and the box in words."""
    notes: list[str]


class Card(NamedTuple):
    """One pair on the page."""

    subject: str
    change: str
    how: str
    drawing: Drawing | None
    why_no_picture: str | None
    facts: list[tuple[str, str]]
    boxes: BoxList | None


def write_page(found: ComparisonResult, path: Path, class_names: Sequence[str] | None, connect: Connect) -> None:
    """Into a file, with the pictures. connect: opens a connection, only where a frame lies in a topic. OSError: it
    cannot be written."""
    sources = [one.facts["source"] for one in found.changed if one.facts["source"]]
    path.write_text(page(found, find_pictures(sources, connect), class_names), encoding="utf-8")


def page(
    found: ComparisonResult, pictures: Mapping[str, PictureOrReason], class_names: Sequence[str] | None = None
) -> str:
    """The whole page.

    Args:
        found: what was compared.
        pictures: by source; one that is not among them has none.
        class_names: by class number; None: numbers are shown.
    """
    return render(
        "comparison.html",
        style=style("base", "comparison"),
        models={side: _models(found, side) for side in "ab"},
        about=_about(found),
        heading=_heading(found),
        sections=sections(found.totals, class_names, CLASSES_SHOWN),
        cards=[_card(pair, pictures, class_names) for pair in found.changed],
    )


def notebook(found: ComparisonResult, changed_max: int) -> str:
    """The totals and the first of the pairs that changed most, as tables for a notebook's page."""
    totals = sections(found.totals, None, CLASSES_SHOWN)
    return render("table.html", sections=[*totals, changed_section(found.changed[:changed_max])])


def _models(found: ComparisonResult, side: str) -> str:
    models = list(found.totals[side]["models"])
    return ", ".join(models[:3]) + (", ..." if len(models) > 3 else "") if models else f"{side.upper()}: no model"


def _about(found: ComparisonResult) -> list[str]:
    options, (a, b) = found.options, found.folders
    sides = f"A: what was recorded, B: the answers of {b}" if found.recorded else f"A: {a}, B: {b}"
    matching = f"boxes match from an IoU of {options.iou:g} on"
    matching += ", of any class" if options.any_class else ", within a class"
    if options.confidence_min > 0:
        matching += f"; boxes below a confidence of {options.confidence_min:g} are left out"
    return [sides, matching]


def _heading(found: ComparisonResult) -> str:
    shown, pairs, left = len(found.changed), found.totals["pairs"], sum(found.totals["not_compared"].values())
    if not shown:
        none = "No pair that could be compared changed" if left else "No pair changed"
        return none if pairs else "No pair: the two sides have no subject in common"
    changed = pairs - found.totals["unchanged"] - left
    return f"The {shown} pairs that changed most, of {changed:,}" if shown < changed else f"The {shown:,} that changed"


def _card(pair: ChangedPair, pictures: Mapping[str, PictureOrReason], class_names: Sequence[str] | None) -> Card:
    source = pair.facts["source"]
    picture = pictures.get(source, "no picture was looked for") if source else "the dataset names no source"
    reason = None if isinstance(picture, Picture) else picture
    facts = [("source", source), ("row", str(pair.row) if pair.row else None), *_answers(pair)]
    return Card(
        subject=pair.subject,
        change=f"{pair.change:.3f}",
        how=how(pair),
        drawing=None
        if reason is not None and not (pair.a or pair.b)
        else overlay(pair, picture if isinstance(picture, Picture) else None, class_names),
        why_no_picture=reason,
        facts=[(name, text) for name, text in facts if text],
        boxes=_boxes(pair, class_names),
    )


def _answers(one: ChangedPair) -> list[tuple[str, str | None]]:
    """What is worth a line: confidences, other outputs, and how long each side took."""
    facts = one.facts
    rows: list[tuple[str, str | None]] = []
    if facts.get("confidence_abs_max") is not None:
        rows.append(
            ("confidence, B - A", f"mean {facts['confidence_mean']:+.3f}, largest {facts['confidence_abs_max']:.3f}")
        )
    rows += [(name, f"{_values(a)} → {_values(b)}") for name, (a, b) in one.outputs.items() if (a, b) != (None, None)]
    if facts["infer_ms_a"] is not None or facts["infer_ms_b"] is not None:
        rows.append(("inference, ms", f"{number(facts['infer_ms_a'])} → {number(facts['infer_ms_b'])}"))
    return rows


def _values(values: list[object] | None) -> str:
    if values is None:
        return "-"
    return ", ".join(number(one) if isinstance(one, float) else str(one)[:80] for one in values) or "empty"


def _boxes(pair: ChangedPair, class_names: Sequence[str] | None) -> BoxList | None:
    rows = [
        ("matched", box_text(box, pair.b[box.partner], "a", class_names)) for box in pair.a if box.partner is not None
    ]
    rows += [("only A", box_text(box, None, "a", class_names)) for box in _lone(pair.a)]
    rows += [("only B", box_text(box, None, "b", class_names)) for box in _lone(pair.b)]
    if not rows:
        return None
    notes = [f"and {len(rows) - BOXES_LISTED:,} more"] if len(rows) > BOXES_LISTED else []
    if max(len(pair.a), len(pair.b)) > DRAWN_MAX:
        notes.append(f"the {DRAWN_MAX} most confident boxes of a side are drawn")
    return BoxList("1 box" if len(rows) == 1 else f"{len(rows):,} boxes", rows[:BOXES_LISTED], notes)


def _lone(boxes: Sequence[Box]) -> list[Box]:
    return [box for box in boxes if box.partner is None]
