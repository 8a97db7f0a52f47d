"""One HTML page, self-contained: no script, no external file, every text escaped; light and dark.

Its colours also differ for people who do not tell red from green.
"""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Final

from sparring.comparison.changed import Box, ChangedPair
from sparring.comparison.comparison import ComparisonResult
from sparring.comparison.report.overlay import DRAWN_MAX, box_text, overlay
from sparring.comparison.report.pictures import Connect, Picture, PictureOrReason, find_pictures
from sparring.comparison.report.text import Section, changed_section, how, number, sections
from sparring.vision import COLOURS, Colour


def _hex(colour: Colour) -> str:
    return "#" + bytes(colour).hex()


STYLE: Final = """
:root { color-scheme: light dark; --a: A_COLOUR; --b: B_COLOUR; --dark: #101216; --paper: #fbfbf9; --ink: #1b1d21;
  --dim: #62666e; --line: #dcdcd8; --card: #fff; --field: #e9e9e5 }
@media (prefers-color-scheme: dark) { :root { --paper: #15171b; --ink: #e6e6e2; --dim: #9a9ea6; --line: #33363d;
  --card: #1d2025; --field: #2a2d33 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, sans-serif }
header, main { max-width: 1360px; margin: 0 auto; padding: 0 24px }
header { padding-top: 24px }
h1 { font-size: 26px; margin: 0 0 8px; overflow-wrap: anywhere }
h1 small { color: var(--dim); font-weight: normal; font-size: 18px }
h2 { font-size: 17px; margin: 28px 0 8px }
h3 { font-size: 15px; margin: 0; overflow-wrap: anywhere }
p { margin: 0 0 4px } header p { color: var(--dim); overflow-wrap: anywhere }
.key { display: inline-block; min-width: 14px; padding: 0 7px; border-radius: 4px; color: var(--dark); font-weight: 600;
  line-height: 1.35 }
.choices .key { height: 14px; padding: 0; vertical-align: -2px }
.key.a { background: var(--a) } .key.b { background: var(--b) }
.totals { columns: 2 460px; column-gap: 32px }
.totals section { break-inside: avoid; overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: 3px 14px 3px 0; border-bottom: 1px solid var(--line); vertical-align: top }
td { overflow-wrap: anywhere } th { font-weight: 600; color: var(--dim) } .number { text-align: right }
td.number { white-space: nowrap }
.choices { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: 6px 20px; align-items: center;
  border: 0; border-bottom: 1px solid var(--line); margin: 0; padding: 10px 0; background: var(--paper) }
.legend { color: var(--dim) }
.line { display: inline-block; width: 28px; margin-left: 12px; vertical-align: 4px; border-top: 3px solid var(--dim) }
.line.lone { border-top-style: dashed }
article { display: grid; grid-template-columns: minmax(0, 900px) minmax(240px, 1fr); gap: 20px; margin: 18px 0;
  padding: 14px; background: var(--card); border: 1px solid var(--line); border-radius: 8px }
@media (max-width: 900px) { article { grid-template-columns: minmax(0, 1fr) } }
figure { margin: 0 }
svg { display: block; width: 100%; height: auto; border-radius: 4px; outline: 1px solid var(--line) }
.missing { color: var(--dim); margin-top: 6px }
.change { margin: 6px 0 10px } .change b { font-size: 22px; margin-right: 6px }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 2px 12px; margin: 0 0 8px }
dt { color: var(--dim) } dd { margin: 0; overflow-wrap: anywhere }
summary { cursor: pointer; color: var(--dim) }
.field { fill: var(--field) }
svg g > rect { fill: none; stroke-width: 2.5; vector-effect: non-scaling-stroke }
svg g > rect.halo { stroke: var(--dark); stroke-width: 5; stroke-opacity: .65 }
svg g.a > rect:not(.halo) { stroke: var(--a) } svg g.b > rect:not(.halo) { stroke: var(--b) }
svg g.lone > rect { stroke-dasharray: 9 6 }
svg g.a:hover > rect, svg g.b:hover > rect { fill: #fff3; stroke-width: 4 }
svg g.label { pointer-events: none }
svg g.label > rect:not(.halo) { stroke: none; fill: #e6e6e2 } svg g.label.a > rect:not(.halo) { fill: var(--a) }
svg g.label.b > rect:not(.halo) { fill: var(--b) }
svg text { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: var(--dark) }
svg .narrow { display: none }
@media (max-width: 600px) { svg .wide { display: none } svg .narrow { display: inline }
  svg g > rect { stroke-width: 1.5 } svg g > rect.halo { stroke-width: 3 } svg g.lone > rect { stroke-dasharray: 5 3 } }
body:has(#only-a:checked) svg .b, body:has(#only-b:checked) svg .a, body:has(#labels:not(:checked)) svg .label
  { display: none }
@media print { .choices { display: none } article { break-inside: avoid } }
""".replace("A_COLOUR", _hex(COLOURS[0])).replace("B_COLOUR", _hex(COLOURS[1]))


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


def notebook(found: ComparisonResult, changed_max: int) -> str:
    """The totals and the first of what changed most as tables, to stand in another page."""
    return tables(found) + _table(changed_section(found.changed[:changed_max]))


def tables(found: ComparisonResult, class_names: Sequence[str] | None = None, classes_max: int = CLASSES_SHOWN) -> str:
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


def _models(found: ComparisonResult, side: str) -> str:
    models = list(found.totals[side]["models"])
    return ", ".join(models[:3]) + (", ..." if len(models) > 3 else "") if models else f"{side.upper()}: no model"


def _key(side: str) -> str:
    return f'<span class="key {side}">{side.upper()}</span>'


def _about(found: ComparisonResult) -> str:
    options, (a, b) = found.options, found.folders
    what = f"A: what was recorded, B: the answers of {b}" if found.recorded else f"A: {a}, B: {b}"
    how_matched = f"boxes match from an IoU of {options.iou:g} on"
    how_matched += ", of any class" if options.any_class else ", within a class"
    if options.confidence_min > 0:
        how_matched += f"; boxes below a confidence of {options.confidence_min:g} are left out"
    return f"<p>{escape(what)}</p><p>{escape(how_matched)}</p>"


def _heading(found: ComparisonResult) -> str:
    shown, pairs, left = len(found.changed), found.totals["pairs"], sum(found.totals["not_compared"].values())
    if not shown:
        none = "No pair that could be compared changed" if left else "No pair changed"
        return none if pairs else "No pair: the two sides have no subject in common"
    changed = pairs - found.totals["unchanged"] - left
    return f"The {shown} pairs that changed most, of {changed:,}" if shown < changed else f"The {shown:,} that changed"


def _card(
    place: int, one: ChangedPair, pictures: Mapping[str, PictureOrReason], class_names: Sequence[str] | None
) -> str:
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


def _boxes(one: ChangedPair, class_names: Sequence[str] | None) -> str:
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
