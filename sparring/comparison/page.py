"""One HTML page, by itself: no script, nothing from outside, every text escaped."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Final

from sparring.comparison.changed import Box, Changed
from sparring.comparison.opening import Connect
from sparring.comparison.outcome import Outcome
from sparring.comparison.overlay import DRAWN_MAX, box_text, overlay
from sparring.comparison.pictures import Found, Picture, find_pictures
from sparring.comparison.style import STYLE
from sparring.comparison.telling import Section, changed_section, how, number, sections

CLASSES_SHOWN: Final = 12
BOXES_LISTED: Final = 60

_HEAD: Final = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
"""

_CHOICES: Final = """\
<fieldset class="choices">
<label><input type="radio" name="sides" id="both" checked> both</label>
<label><input type="radio" name="sides" id="only-a"> <span class="key a"></span> A</label>
<label><input type="radio" name="sides" id="only-b"> <span class="key b"></span> B</label>
<label><input type="checkbox" id="labels" checked> labels</label>
<span class="legend"><span class="line"></span> matched <span class="line lone"></span> on one side only</span>
</fieldset>
"""


def write_page(found: Outcome, path: Path, class_names: Sequence[str] | None, connect: Connect) -> None:
    """Into a file, with the pictures. connect: opens a connection, only where a frame lies in a topic. OSError: it
    cannot be written."""
    sources = [one.facts["source"] for one in found.changed if one.facts["source"]]
    path.write_text(page(found, find_pictures(sources, connect), class_names), encoding="utf-8")


def page(found: Outcome, pictures: Mapping[str, Found], class_names: Sequence[str] | None = None) -> str:
    """The whole page.

    Args:
        found: what was compared.
        pictures: by source; one that is not among them has none.
        class_names: by class number; None: numbers are shown.
    """
    title = " and ".join(_models(found, name) for name in "ab")
    named = {name: f"{_key(name)} {escape(_models(found, name))}" for name in "ab"}
    cards = [_card(place, one, pictures, class_names) for place, one in enumerate(found.changed, 1)]
    return "\n".join(
        [
            f"{_HEAD}<title>{escape(title)} compared</title>\n<style>{STYLE}</style>",
            f"<header><h1>{named['a']} <small>and</small> {named['b']}</h1>{_about(found)}</header>",
            f'<main><div class="totals">{tables(found, class_names)}</div>',
            f"<h2>{_heading(found)}</h2>{_CHOICES if cards else ''}",
            *cards,
            "</main></html>\n",
        ]
    )


def notebook(found: Outcome, changed_max: int) -> str:
    """The totals and the first of what changed most as tables, to stand in another page."""
    return tables(found) + _table(changed_section(found.changed[:changed_max]))


def tables(found: Outcome, class_names: Sequence[str] | None = None, classes_max: int = CLASSES_SHOWN) -> str:
    """The totals as tables."""
    return "".join(_table(section) for section in sections(found.totals, class_names, classes_max))


def _table(section: Section) -> str:
    kinds = [' class="number"' if column.endswith(" ") else "" for column in section.columns]
    head = "".join(f"<th{kind}>{escape(name.strip())}</th>" for kind, name in zip(kinds, section.columns, strict=True))
    rows = (
        "".join(f"<td{kind}>{escape(text)}</td>" for kind, text in zip(kinds, row, strict=True)) for row in section.rows
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<section><h2>{escape(section.title)}</h2><table><tr>{head}</tr>{body}</table></section>"


def _models(found: Outcome, side: str) -> str:
    models = list(found.totals[side]["models"])
    return ", ".join(models[:3]) + (", ..." if len(models) > 3 else "") if models else f"{side.upper()}: no model"


def _key(side: str) -> str:
    return f'<span class="key {side}">{side.upper()}</span>'


def _about(found: Outcome) -> str:
    options, (a, b) = found.options, found.folders
    what = f"A: what was recorded, B: the answers of {b}" if found.recorded else f"A: {a}, B: {b}"
    how_matched = f"boxes match from an IoU of {options.iou:g} on"
    how_matched += ", of any class" if options.any_class else ", within a class"
    if options.confidence_min > 0:
        how_matched += f"; boxes below a confidence of {options.confidence_min:g} are left out"
    return f"<p>{escape(what)}</p><p>{escape(how_matched)}</p>"


def _heading(found: Outcome) -> str:
    shown, pairs, left = len(found.changed), found.totals["pairs"], sum(found.totals["not_compared"].values())
    if not shown:
        none = "No pair that could be compared changed" if left else "No pair changed"
        return none if pairs else "No pair: the two sides have no subject in common"
    changed = pairs - found.totals["unchanged"] - left
    return f"The {shown} pairs that changed most, of {changed:,}" if shown < changed else f"The {shown:,} that changed"


def _card(place: int, one: Changed, pictures: Mapping[str, Found], class_names: Sequence[str] | None) -> str:
    source = one.facts["source"]
    picture = pictures.get(source, "no picture was looked for") if source else "the dataset names no source"
    drawn = overlay(one, picture if isinstance(picture, Picture) else None, class_names)
    missing = "" if isinstance(picture, Picture) else f'<p class="missing">no picture: {escape(picture)}</p>'
    visible = drawn if isinstance(picture, Picture) or one.a or one.b else ""
    facts = [("source", source), ("row", str(one.row) if one.row else None), *_answers(one)]
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts if text)
    return (
        f'<article id="pair-{place}"><figure>{visible}{missing}</figure><div class="facts">'
        f"<h3>{place}.&nbsp;{escape(one.subject)}</h3>"
        f'<p class="change"><b>{one.change:.3f}</b> {escape(how(one))}</p><dl>{listed}</dl>{_boxes(one, class_names)}'
        "</div></article>"
    )


def _answers(one: Changed) -> list[tuple[str, str | None]]:
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


def _boxes(one: Changed, class_names: Sequence[str] | None) -> str:
    """Every box in a line, folded away."""
    rows = [
        ("matched", box_text(box, one.b[box.partner], "a", class_names)) for box in one.a if box.partner is not None
    ]
    rows += [("only A", box_text(box, None, "a", class_names)) for box in _lone(one.a)]
    rows += [("only B", box_text(box, None, "b", class_names)) for box in _lone(one.b)]
    if not rows:
        return ""
    summary = "1 box" if len(rows) == 1 else f"{len(rows):,} boxes"
    body = "".join(f"<tr><td>{kind}</td><td>{escape(text)}</td></tr>" for kind, text in rows[:BOXES_LISTED])
    more = f"<p>and {len(rows) - BOXES_LISTED:,} more</p>" if len(rows) > BOXES_LISTED else ""
    undrawn = (
        f"<p>the {DRAWN_MAX} most confident boxes of a side are drawn</p>"
        if max(len(one.a), len(one.b)) > DRAWN_MAX
        else ""
    )
    return f"<details><summary>{summary}</summary><table>{body}</table>{more}{undrawn}</details>"


def _lone(boxes: Sequence[Box]) -> list[Box]:
    return [box for box in boxes if box.partner is None]
