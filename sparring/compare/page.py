"""One HTML page: the totals, and the pairs that differ most, each on its picture. It needs nothing beside itself.

Boxes are drawn by the browser over the picture, so that they are sharp at any size: the first side's blue, the
second's orange, what has no partner dashed. Both colours can be told apart by the colour-blind, on light and dark.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from sparring.compare.boxes import Boxes, match
from sparring.compare.pairs import boxes_of
from sparring.compare.pictures import Picture

if TYPE_CHECKING:
    from sparring.compare.comparison import Comparison

_LOOK: Final = """
:root { color-scheme: light dark; --first: #0072b2; --second: #d55e00; --line: #d0d4da; --faint: #5b6470;
  --page: #ffffff; --card: #f6f7f9; --text: #16191d; }
@media (prefers-color-scheme: dark) { :root { --first: #56b4e9; --second: #e69f00; --line: #3a4048; --faint: #a0a8b3;
  --page: #14171a; --card: #1d2125; --text: #e8eaed; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 2rem 1.25rem 4rem; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2.5rem 0 .75rem; }
p { margin: .4rem 0; } .faint { color: var(--faint); }
table { border-collapse: collapse; } th, td { text-align: left; padding: .3rem 1.4rem .3rem 0;
  border-bottom: 1px solid var(--line); vertical-align: top; } td.number, th.number { text-align: right;
  font-variant-numeric: tabular-nums; }
.first { color: var(--first); font-weight: 600; } .second { color: var(--second); font-weight: 600; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 34rem), 1fr)); gap: 1.25rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; overflow: hidden; }
.card .words { padding: .7rem .9rem .9rem; } .card h3 { font-size: 1rem; margin: 0 0 .3rem; overflow-wrap: anywhere; }
.picture { position: relative; background: #000; } .picture img { display: block; width: 100%; }
.picture svg { position: absolute; inset: 0; width: 100%; height: 100%; }
rect { fill: none; stroke-width: 2.5; vector-effect: non-scaling-stroke; }
rect.a { stroke: #56b4e9; } rect.b { stroke: #e69f00; } rect.alone { stroke-dasharray: 7 5; }
text { font: 600 13px system-ui, sans-serif; paint-order: stroke; stroke: #000; stroke-width: 3px; }
text.a { fill: #9ad4f5; } text.b { fill: #ffd27a; }
.switches { display: flex; flex-wrap: wrap; gap: .4rem 1.4rem; margin: .75rem 0 1rem; }
body:has(#no-a:not(:checked)) .a, body:has(#no-b:not(:checked)) .b, body:has(#no-text:not(:checked)) svg text {
  display: none; }
"""

_LABEL_PX: Final = 13

Lookup = Callable[[str], "Picture | str"]


def page(comparison: "Comparison", lookup: Lookup, class_names: Sequence[str] | None = None) -> str:
    """The whole page. lookup: the picture of a source; class_names: by class number."""
    worst = comparison.worst
    cards = [_card(comparison, worst, row, lookup, class_names) for row in range(worst.height)]
    title = f"{comparison.first} and {comparison.second}"
    shown = f"The {len(cards)} pairs that differ most" if cards else "No pair differs"
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_LOOK}</style><body>"
        f'<h1><span class="first">{escape(comparison.first)}</span> beside '
        f'<span class="second">{escape(comparison.second)}</span></h1>'
        f'<p class="faint">{escape(_said(comparison))}</p>'
        f"<h2>In total</h2>{totals_table(comparison)}"
        f"<h2>{shown}</h2>{_switches(comparison) if cards else ''}"
        f'<div class="cards">{"".join(cards)}</div></body></html>\n'
    )


def totals_table(comparison: "Comparison") -> str:
    """The totals as an HTML table."""
    number = '<td class="number">'
    rows = "".join(
        f"<tr><td>{escape(name)}</td>{number}{escape(first)}</td>{number}{escape(second)}</td></tr>"
        for name, first, second in totals_rows(comparison)
    )
    return (
        f'<table><tr><th></th><th class="number first">{escape(comparison.first)}</th>'
        f'<th class="number second">{escape(comparison.second)}</th></tr>{rows}</table>'
    )


def totals_rows(comparison: "Comparison") -> list[tuple[str, str, str]]:
    """What people read: a name, and a value of each side; one that is of both stands in the second place."""
    facts = comparison.totals.facts()

    def both(name: str) -> tuple[str, str]:
        return _number(facts[f"{name}_first"]), _number(facts[f"{name}_second"])

    rows = [
        ("compared", "", _number(facts["pairs"])),
        ("on this side only", *both("only")),
        ("twice, the first counted", *both("twice")),
    ]
    for status in sorted({*facts["statuses_first"], *facts["statuses_second"]}):
        sides = (facts[f"statuses_{side}"].get(status, 0) for side in ("first", "second"))
        rows.append((f"answered {status}", *map(_number, sides)))  # type: ignore[arg-type]
    rows += [
        ("agree in what they say", "", _percent(facts["agreement"])),
        ("change, mean", "", _decimal(facts["change_mean"])),
    ]
    if comparison.rules.boxes in comparison.outputs:
        rows += [
            ("boxes", *both("boxes")),
            ("matched", "", f"{_number(facts['matched'])} ({_percent(facts['matched_share'])})"),
            ("IoU of the matched, mean", "", _decimal(facts["iou_mean"])),
            ("confidence difference, mean", "", _decimal(facts["confidence_difference_mean"])),
            ("confidence difference, most", "", _decimal(facts["confidence_difference_max"])),
        ]
    rows += [
        ("largest difference of another number", "", _decimal(facts["difference_max"])),
        ("inference p50, ms", _decimal(facts["infer_ms_p50_first"]), _decimal(facts["infer_ms_p50_second"])),
        ("inference p95, ms", _decimal(facts["infer_ms_p95_first"]), _decimal(facts["infer_ms_p95_second"])),
    ]
    return [row for row in rows if row[2] != "-" or row[1] not in {"", "-"}]


def _said(comparison: "Comparison") -> str:
    rules = comparison.rules
    if rules.boxes not in comparison.outputs:
        return f"Compared by {', '.join(comparison.outputs)}."
    classes = "of any class" if rules.any_class else "of the same class"
    least = f", boxes from a confidence of {rules.confidence_min:g}" if rules.confidence_min else ""
    return f"Boxes {classes} are taken for the same from an IoU of {rules.iou_min:g} on, greedy by confidence{least}."


def _switches(comparison: "Comparison") -> str:
    boxes = (
        ("no-a", f'<span class="first">{escape(comparison.first)}</span>'),
        ("no-b", f'<span class="second">{escape(comparison.second)}</span>'),
        ("no-text", "labels"),
    )
    inputs = "".join(f'<label><input type="checkbox" id="{name}" checked> {what}</label>' for name, what in boxes)
    return f'<div class="switches">{inputs}<span class="faint">dashed: without a partner</span></div>'


def _card(
    comparison: "Comparison", worst: pl.DataFrame, row: int, lookup: Lookup, class_names: Sequence[str] | None
) -> str:
    told = worst.row(row, named=True)
    row_named = f", row {told['row']}" if told["row"] else ""
    words = [
        f"<h3>{escape(str(told['subject']))}{row_named}</h3>",
        f"<p>change {told['change']:.3f}: {escape(_counts(told))}</p>",
    ]
    words += [
        f'<p class="{name}">{escape(_errors(told, suffix))}</p>'
        for name, suffix in (("first", ""), ("second", "_second"))
        if told[f"status{suffix}"] != "ok"
    ]
    picture = _pictured(comparison, worst, row, lookup, class_names)
    if not picture:
        words += [
            f'<p class="{name}">{escape(_values(told, comparison.outputs, suffix))}</p>'
            for name, suffix in (("first", ""), ("second", "_second"))
        ]
    elif not picture.startswith("<div"):
        words.append(f'<p class="faint">{escape(picture)}</p>')
        picture = ""
    return f'<div class="card">{picture}<div class="words">{"".join(words)}</div></div>'


def _pictured(
    comparison: "Comparison", worst: pl.DataFrame, row: int, lookup: Lookup, class_names: Sequence[str] | None
) -> str:
    """The picture with both sides' boxes; why there is none; empty where there are no boxes to draw."""
    if comparison.rules.boxes not in comparison.outputs:
        return ""
    told = worst.row(row, named=True)
    picture = lookup(str(told["source"] or told["source_second"] or ""))
    if isinstance(picture, str):
        return f"no picture: {picture}"
    sides = [boxes_of(worst, row, comparison.rules, suffix) for suffix in ("", "_second")]
    pairs = match(sides[0], sides[1], comparison.rules.iou_min, any_class=comparison.rules.any_class).pairs
    drawn = [
        mark
        for number, (boxes, suffix) in enumerate(zip(sides, ("", "_second"), strict=True))
        for mark in _marks(
            boxes, _scale(told, suffix, picture), "ab"[number], set(pairs[:, number].tolist()), class_names
        )
    ]
    height = 1000 * picture.height / picture.width
    return (
        f'<div class="picture"><img alt="{escape(str(told["subject"]))}" loading="lazy" '
        f'src="data:image/jpeg;base64,{picture.jpeg}"><svg viewBox="0 0 1000 {height:.1f}">'
        f"{''.join(drawn)}</svg></div>"
    )


def _scale(told: dict[str, Any], suffix: str, picture: Picture) -> tuple[float, float]:
    """What to multiply a box by, for a drawing that is 1000 wide."""
    width, height = told[f"input_width{suffix}"], told[f"input_height{suffix}"]
    unit = 1000 / picture.width
    if not width or not height:
        return unit, unit
    x, y = picture.width / width, picture.height / height
    if told[f"input_aspect{suffix}"] == "letterbox":
        x = y = max(x, y)
    return x * unit, y * unit


def _marks(
    boxes: Boxes, scale: tuple[float, float], side: str, matched: set[int], class_names: Sequence[str] | None
) -> Iterable[str]:
    for number, corners in enumerate(boxes.corners):
        if not all(map(math.isfinite, corners)):
            continue
        x, y, right, bottom = (corner * scale[place % 2] for place, corner in enumerate(corners))
        alone = "" if number in matched else " alone"
        label = _label(boxes, number, class_names)
        below = bottom + _LABEL_PX if side == "b" else max(y - 4, _LABEL_PX)
        yield (
            f'<rect class="{side}{alone}" x="{x:.1f}" y="{y:.1f}" width="{max(0.0, right - x):.1f}" '
            f'height="{max(0.0, bottom - y):.1f}"><title>{escape(label)}</title></rect>'
            f'<text class="{side}" x="{x:.1f}" y="{below:.1f}">{escape(label)}</text>'
        )


def _label(boxes: Boxes, number: int, class_names: Sequence[str] | None) -> str:
    parts = []
    if boxes.classes is not None and math.isfinite(boxes.classes[number]):
        which = int(boxes.classes[number])
        named = class_names is not None and 0 <= which < len(class_names)
        parts.append(class_names[which] if named and class_names is not None else f"class {which}")
    if boxes.confidences is not None:
        parts.append(f"{boxes.confidences[number]:.2f}")
    return " ".join(parts)


def _counts(told: dict[str, Any]) -> str:
    if told["boxes_first"] is None:
        return (
            "another answer" if told["agrees"] is False else f"a number differs by {_decimal(told['difference_max'])}"
        )
    return f"{told['boxes_first']} and {told['boxes_second']} boxes, {told['matched']} matched"


def _errors(told: dict[str, Any], suffix: str) -> str:
    return f"{told[f'status{suffix}']}: {told[f'error{suffix}'] or 'no reason given'}"


def _values(told: dict[str, Any], outputs: Sequence[str], suffix: str) -> str:
    """A few of the outputs, short."""
    shown = []
    for name in outputs[:6]:
        values = told[f"out.{name}{suffix}"]
        some = ", ".join(f"{value:.5g}" if isinstance(value, float) else str(value) for value in (values or [])[:8])
        shown.append(f"{name}: {some}{', ...' if values and len(values) > 8 else ''}")
    return "; ".join(shown)


def _number(value: Any) -> str:
    return "-" if value is None else f"{value:,}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _decimal(value: float | None) -> str:
    return "-" if value is None else f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"
