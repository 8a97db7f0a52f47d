"""What a comparison found as short tables of text, for a terminal and for a page. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sparring.comparison.changed import ChangedPair
from sparring.vision import class_name


@dataclass(frozen=True)
class Section:
    """columns: a name that ends in a space is of numbers, which are set right. rows: text, as many as columns."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def sections(totals: Mapping[str, Any], class_names: Sequence[str] | None, classes_max: int) -> list[Section]:
    """The totals. Sections that have nothing to say are left out.

    Args:
        totals: as of a Comparison.
        class_names: by class number; None: numbers are shown.
        classes_max: classes that are shown, the most frequent ones.
    """
    found = [
        Section("answers", ("", "A ", "B "), _sides(totals["a"], totals["b"])),
        Section("pairs", ("", "both "), _pairs(totals)),
        Section(
            "boxes by class", ("class", "A ", "B ", "matched "), _classes(totals["classes"], class_names, classes_max)
        ),
        Section(
            "other outputs", ("output", "pairs ", "agree ", "mean difference ", "largest "), _outputs(totals["outputs"])
        ),
        *(
            Section(f"only in {name.upper()}", ("subject",), [(subject,) for subject in totals[name]["listed"]])
            for name in "ab"
        ),
    ]
    return [section for section in found if section.rows]


def changed_section(changed: Sequence[ChangedPair]) -> Section:
    """The pairs that changed most."""
    rows = [
        (f"{one.change:.3f}", one.subject, str(one.row), how(one), str(one.facts["source"] or "")) for one in changed
    ]
    return Section("changed most", ("change ", "subject", "row ", "what", "source"), rows)


def how(one: ChangedPair) -> str:
    """In half a line, what changed: boxes, status, or the output that changed."""
    facts = one.facts
    if facts["status_a"] != facts["status_b"] or facts["error_a"] != facts["error_b"]:
        return f"{_status(facts, 'a')} -> {_status(facts, 'b')}"
    parts = []
    if one.a or one.b:
        counts = ("no" if facts[name] is None else f"{facts[name]:,}" for name in ("boxes_a", "boxes_b"))
        parts.append(f"{' -> '.join(counts)} boxes, {facts['matched']} matched")
    for name in one.outputs:
        agree, apart = facts[f"out.{name}.agree"], facts[f"out.{name}.abs_max"]
        if agree is False or apart:
            differs = "differs" if apart is None else f"differs by {number(apart)}"
            parts.append(f"{name} {differs}")
    return "; ".join(parts)


def number(value: float | None) -> str:
    """Four digits, as people write them: a power of ten only where zeros would have to be counted; `-` for none."""
    if value is None:
        return "-"
    short = f"{value:.4g}"
    return f"{float(short):,.0f}" if 1_000 <= abs(value) < 1e9 else short


def percent(value: float | None) -> str:
    """Of 1; never 100 % where something is missing."""
    if value is None:
        return "-"
    shown = f"{value * 100:.1f} %"
    return {"100.0 %": "100 %" if value >= 1 else "> 99.9 %", "0.0 %": "0 %" if value <= 0 else "< 0.1 %"}.get(
        shown, shown
    )


def label(name: str | float | None, class_names: Sequence[str] | None) -> str:
    """A class as a person reads it; empty where there is none."""
    if name is None:
        return ""
    return name if isinstance(name, str) else class_name(name, class_names)


def _status(facts: Mapping[str, Any], side: str) -> str:
    return str(facts[f"error_{side}"] or facts[f"status_{side}"] or "no status")


def _sides(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        ("models", *(", ".join(side["models"]) or "-" for side in (a, b))),
        ("answers", *(f"{side['answers']:,}" for side in (a, b))),
    ]
    said = {
        "subjects_only": "subjects only here",
        "rows_only": "answers without partner",
        "duplicates": "duplicates, left aside",
        "challengers": "challengers' answers, left aside",
        "malformed_boxes": "answers with malformed boxes",
        "boxes_left_out": "boxes above the limit, left out",
    }
    rows += [(text, f"{a[name]:,}", f"{b[name]:,}") for name, text in said.items() if a[name] or b[name]]
    for kind, text in (("statuses", "status"), ("errors", "error")):
        names = list(dict.fromkeys([*a[kind], *b[kind]]))
        if kind == "errors" or names != ["ok"]:
            rows += [(f"{text} {name}", *(f"{side[kind].get(name, 0):,}" for side in (a, b))) for name in names]
    for key, text in (("infer_ms", "inference"), ("total_ms", "waiting, decoding, inference")):
        if a[key]["p50"] is not None or b[key]["p50"] is not None:
            rows.append((f"{text}, p50 / p95 ms", *(" / ".join(map(number, side[key].values())) for side in (a, b))))
    return rows


def _pairs(totals: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs, left = totals["pairs"], totals["not_compared"]
    rows = [("pairs", f"{pairs:,}")]
    rows += [(f"not compared, the picture's size is unknown: {why}", f"{count:,}") for why, count in left.items()]
    if compared := pairs - sum(left.values()):
        rows += [
            ("unchanged", percent(totals["unchanged"] / compared)),
            ("mean change, 0 to 1", number(totals["change_mean"])),
        ]
    if pairs:
        rows.append(("same status", percent(totals["same_status"] / pairs)))
    if boxes := totals["boxes"]:
        one_class = boxes["matched_same_class"]
        rows += [
            ("boxes in A, in B", f"{boxes['a']:,}, {boxes['b']:,}"),
            ("matched, only A, only B", f"{boxes['matched']:,}, {boxes['only_a']:,}, {boxes['only_b']:,}"),
            ("matched of all boxes", percent(boxes["matched_of_all"])),
            *([("matched, of one class", f"{one_class:,}")] if one_class != boxes["matched"] else []),
            *(
                (f"pairs without classes in {name.upper()}: any boxes match", f"{boxes[key]:,}")
                for name in "ab"
                if boxes[key := f"unclassified_{name}"]
            ),
        ]
        if judged := boxes["pairs"] - boxes["unclassified"]:
            rows += [
                ("classes agree, wherever boxes lie", percent(boxes["classes_agreement"])),
                ("pairs with the same classes", f"{boxes['pairs_same_classes']:,} of {judged:,}"),
            ]
        if boxes["confidence_mean"] is not None:
            rows += [
                ("confidence of matched boxes, B - A, mean", f"{boxes['confidence_mean']:+.4f}"),
                ("its size, mean, largest", f"{boxes['confidence_abs_mean']:.4f}, {boxes['confidence_abs_max']:.4f}"),
            ]
    return rows


def _classes(
    classes: Mapping[str, Mapping[str, int]], class_names: Sequence[str] | None, classes_max: int
) -> list[tuple[str, ...]]:
    rows = [
        (label(_as_number(name), class_names), *(f"{counts[key]:,}" for key in ("a", "b", "matched")))
        for name, counts in list(classes.items())[:classes_max]
    ]
    left = len(classes) - len(rows)
    return [*rows, (f"... and {left:,} more", "", "", "")] if left else rows


def _as_number(name: str) -> str | int:
    return int(name) if name.isascii() and name.removeprefix("-").isdigit() else name


def _outputs(outputs: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, ...]]:
    return [
        (
            name,
            f"{max(one['judged'], one['measured']):,}",
            percent(one["agreement"]),
            number(one["abs_mean"]),
            number(one["abs_max"]),
        )
        for name, one in outputs.items()
    ]
