"""Two datasets compared: what is joined with what, what is counted, what changed most."""

import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sparring
from sparring.comparison import buckets
from sparring.comparison.report.text import how, sections
from sparring.comparison.side import NotADataset
from tests.sparring.comparison.datasets import AT, BOXES, SCHEMA, SCORES, Row, answer, failed, write

BOX = (0, 0, 10, 10)
ELSEWHERE = (50, 50, 60, 60)

Compared = Callable[..., sparring.Comparison]


@pytest.fixture
def compared(tmp_path: Path) -> Compared:
    """Two lists of rows, compared."""

    def call(
        a: list[Row], b: list[Row], outputs: tuple["pa.Field[Any]", ...] = BOXES, **options: object
    ) -> sparring.Comparison:
        sides = [write(tmp_path / name, rows, f"model-{name}", outputs) for name, rows in (("a", a), ("b", b))]
        return sparring.compare(*sides, **options)  # type: ignore[arg-type]

    return call


def test_a_dataset_did_not_change_from_itself(compared: Compared) -> None:
    rows = [answer("x", [(BOX, 1, 0.9), (ELSEWHERE, 2, 0.4)]), answer("y", []), failed("z")]
    found = compared(rows, rows)
    assert (found.totals["pairs"], found.totals["unchanged"], found.totals["change_mean"]) == (3, 3, 0)
    assert list(found.changed) == []
    assert found.totals["boxes"]["matched_of_all"] == 1
    assert found.table().empty


def test_boxes_are_counted_matched_and_their_confidences_compared(compared: Compared) -> None:
    a = [answer("x", [(BOX, 1, 0.5), (ELSEWHERE, 2, 0.25)]), answer("y", [(BOX, 1, 1.0)])]
    b = [answer("x", [(BOX, 1, 0.75), (ELSEWHERE, 3, 0.25)]), answer("y", [(BOX, 1, 0.5)])]
    found = compared(a, b)
    assert found.totals["boxes"] == {
        "pairs": 2,
        "a": 3,
        "b": 3,
        "matched": 2,
        "matched_same_class": 2,
        "only_a": 1,
        "only_b": 1,
        "matched_of_all": 0.5,
        "classes_agreement": pytest.approx(2 / 3),
        "pairs_same_classes": 1,
        "unclassified": 0,
        "unclassified_a": 0,
        "unclassified_b": 0,
        "confidence_mean": -0.125,
        "confidence_abs_mean": 0.375,
        "confidence_abs_max": 0.5,
    }
    assert found.totals["classes"] == {
        "1": {"a": 2, "b": 2, "matched": 2},
        "2": {"a": 1, "b": 0, "matched": 0},
        "3": {"a": 0, "b": 1, "matched": 0},
    }
    first, second = found.changed
    assert first.subject == "x"
    assert first.change == pytest.approx(1 - 0.75 / 3)
    assert (second.subject, second.change) == ("y", 0.5)
    assert [box.partner for box in first.a] == [0, None]
    assert compared(a, b, any_class=True).totals["boxes"]["matched"] == 3
    assert compared(a, b, confidence_min=0.3).totals["boxes"]["a"] == 2


def test_where_boxes_match_is_a_threshold_and_any_class_counts_no_other_class_as_kept(compared: Compared) -> None:
    a, b = [answer("x", [((0, 0, 10, 10), 1, 1.0)])], [answer("x", [((0, 0, 10, 6), 2, 1.0)])]
    assert compared(a, b, any_class=True).totals["boxes"]["matched"] == 1
    assert compared(a, b, any_class=True, iou=0.7).totals["boxes"]["matched"] == 0
    assert compared(a, b, any_class=True).changed[0].change == 1
    assert compared(a, b, any_class=True).totals["boxes"]["matched_same_class"] == 0


def test_boxes_may_have_other_names_a_width_and_height_and_text_as_classes(compared: Compared) -> None:
    outputs = (
        pa.field("out.found", pa.list_(pa.float64())),
        pa.field("out.what", pa.list_(pa.string())),
        pa.field("out.sure", pa.list_(pa.float64())),
    )
    a = [answer("x", out_found=[10, 10, 4, 4, 50, 50, 4, 4], out_what=["cat", "dog"], out_sure=[0.5, 0.9])]
    b = [answer("x", out_found=[10, 10, 4, 4, 50, 50, 4, 4], out_what=["cat", "cow"], out_sure=[0.5, 0.9])]
    found = compared(a, b, outputs, boxes="found", classes="what", confidences="sure", box_format="xywh")
    assert found.totals["boxes"]["matched"] == 1
    assert list(found.changed[0].a[0].corners) == [50, 50, 54, 54]
    assert found.totals["classes"]["dog"] == {"a": 1, "b": 0, "matched": 0}


@pytest.mark.parametrize("any_class", [False, True])
def test_where_one_side_has_no_classes_all_boxes_are_of_one_and_the_totals_say_so(
    tmp_path: Path, any_class: bool
) -> None:
    boxes: list[Any] = [(BOX, 1, 0.5), (ELSEWHERE, 2, 0.25)]
    a = write(tmp_path / "a", [_unclassified(answer(name, boxes)) for name in "xy"], "house", (BOXES[0], BOXES[2]))
    b = write(tmp_path / "b", [answer("x", boxes), answer("y", boxes[:1])])
    for sides, lacks, has in (((a, b), "a", "b"), ((b, a), "b", "a")):
        totals = sparring.compare(*sides, any_class=any_class).totals
        assert (totals["pairs"], totals["unchanged"]) == (2, 1)
        assert (totals["boxes"]["matched"], totals["boxes"]["matched_same_class"]) == (3, 3)
        assert (totals["boxes"][f"unclassified_{lacks}"], totals["boxes"][f"unclassified_{has}"]) == (2, 0)
        assert (totals["boxes"]["unclassified"], totals["boxes"]["classes_agreement"]) == (2, None)
        assert totals["classes"] == {
            "1": {lacks: 0, has: 2, "matched": 2},
            "2": {lacks: 0, has: 1, "matched": 1},
        }
        (told,) = [one for one in sections(totals, None, 9) if one.title == "pairs"]
        assert (f"pairs without classes in {lacks.upper()}: any boxes match", "2") in told.rows
        assert not [what for what, _ in told.rows if what.startswith("classes agree")]
    (changed,) = sparring.compare(a, b).changed
    assert [[box.label for box in side] for side in (changed.a, changed.b)] == [[None, None], [1]]


def test_of_one_dataset_only_the_answers_without_classes_have_boxes_of_one_class(tmp_path: Path) -> None:
    rows = [answer("x", [(BOX, 1, 0.5)]), _unclassified(answer("y", [(BOX, 1, 0.5)]))]
    b = [answer("x", [(BOX, 2, 0.5)]), answer("y", [(BOX, 2, 0.5)])]
    found = sparring.compare(write(tmp_path / "a", rows), write(tmp_path / "b", b), out=tmp_path / "out")
    assert [one.subject for one in found.changed] == ["x"]
    assert found.totals["boxes"]["unclassified_a"] == 1
    shared = pq.read_table(tmp_path / "out", columns=["subject", "classes_shared"]).sort_by("subject")
    assert shared["classes_shared"].to_pylist() == [0, None]


def _unclassified(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "out.classes"}


def test_boxes_of_models_with_other_input_sizes_are_brought_together(compared: Compared) -> None:
    a = [answer("x", [((0, 0, 320, 240), 1, 0.5)], input_width=640, input_height=480)]
    b = [answer("x", [((0, 0, 160, 120), 1, 0.5)], input_width=320, input_height=240)]
    found = compared(a, b)
    assert found.totals["boxes"]["matched"] == 1
    assert found.totals["unchanged"] == 1


def test_boxes_that_are_no_fours_or_do_not_fit_their_classes_are_counted_and_are_none(compared: Compared) -> None:
    a = [answer("x", out_boxes=[1, 2, 3]), answer("y", out_boxes=[0, 0, 1, 1], out_classes=[1, 2])]
    found = compared(a, [answer("x", []), answer("y", [(BOX, 1, 0.5)])])
    assert found.totals["a"]["malformed_boxes"] == 2
    assert (found.totals["boxes"]["a"], found.totals["boxes"]["b"]) == (0, 1)


def test_an_answer_on_one_side_and_an_error_on_the_other_changed_most(compared: Compared) -> None:
    a = [answer("x", [(BOX, 1, 0.5)]), failed("y"), failed("z"), answer("w", [])]
    b = [failed("x"), failed("y"), failed("z", "StepFailed", "expired"), answer("w", [])]
    found = compared(a, b)
    assert {one.subject: one.change for one in found.changed} == {"x": 1, "z": 1}
    assert found.totals["same_status"] == 2
    assert found.totals["a"]["statuses"] == {"error": 2, "ok": 2}
    assert found.totals["b"]["statuses"] == {"error": 2, "expired": 1, "ok": 1}
    assert found.totals["b"]["errors"] == {"StepFailed": 3}


# --- outputs without boxes --------------------------------------------------------------------


def test_scores_agree_where_the_same_one_is_largest_and_their_largest_difference_is_told(compared: Compared) -> None:
    a = [answer("x", out_scores=[0.25, 0.75]), answer("y", out_scores=[0.25, 0.75]), answer("z", out_scores=[1.0, 0.0])]
    b = [answer("x", out_scores=[0.25, 0.5]), answer("y", out_scores=[0.75, 0.25]), answer("z", out_scores=[1.0, 0.0])]
    found = compared(a, b, SCORES)
    assert found.totals["boxes"] is None
    assert found.totals["outputs"]["scores"] == {
        "judged": 3,
        "measured": 3,
        "agree": 2,
        "agreement": pytest.approx(2 / 3),
        "abs_mean": 0.25,
        "abs_max": 0.5,
    }
    assert [one.subject for one in found.changed] == ["y", "x"]
    assert [one.change for one in found.changed] == pytest.approx([(0.5 / 0.75 + 1) / 2, 0.25 / 0.75 / 2])


@pytest.mark.parametrize(
    ("kind", "a", "b", "agree", "abs_max", "change"),
    [
        (pa.string(), ["door"], ["door"], True, None, 0),
        (pa.string(), ["door"], ["window"], False, None, 1),
        (pa.bool_(), [True], [False], False, None, 1),
        (pa.int64(), [3], [3], True, 0, 0),
        (pa.int64(), [3], [5], False, 2, 1),
        (pa.float64(), [200.0], [150.0], None, 50, 0.25),
        (pa.float64(), [float("nan")], [float("nan")], None, 0, 0),
        (pa.float64(), [float("nan")], [1.0], None, float("inf"), 1),
        (pa.float64(), [1.0, 2.0], [1.0], False, None, 1),
        (pa.float64(), [1.0], None, False, None, 1),
        (pa.float64(), [], [], None, 0, 0),
        (pa.float64(), None, None, None, None, 0),
    ],
)
def test_text_and_labels_are_compared_by_equality_and_numbers_by_their_largest_difference(
    compared: Compared,
    tmp_path: Path,
    kind: pa.DataType,
    a: list[object] | None,
    b: list[object] | None,
    agree: bool | None,
    abs_max: float | None,
    change: float,
) -> None:
    compared(
        [answer("x", out_y=a)], [answer("x", out_y=b)], (pa.field("out.y", pa.list_(kind)),), out=tmp_path / "pairs"
    )
    (row,) = pl.read_parquet(tmp_path / "pairs").iter_rows(named=True)
    assert (row["out.y.agree"], row["out.y.abs_max"], row["change"]) == (agree, abs_max, change)


# --- what is joined ---------------------------------------------------------------------------


def test_duplicates_are_counted_and_the_official_earliest_answer_is_kept(compared: Compared) -> None:
    later = AT + timedelta(seconds=9)
    a = [
        answer("x", [(BOX, 1, 0.25)], role="challenger"),
        answer("x", [(BOX, 2, 0.25)], published_at=later),
        answer("x", [(BOX, 3, 0.25)]),
        answer("x", [(BOX, 3, 0.5)], row=1),
        answer("y", [(BOX, 4, 0.25)], role="challenger"),
    ]
    found = compared(a, [answer("x", [(BOX, 3, 0.25)]), answer("y", [(BOX, 4, 0.25)])])
    side = found.totals["a"]
    assert (side["rows"], side["answers"], side["duplicates"], side["challengers"]) == (5, 3, 1, 1)
    assert (found.totals["pairs"], found.totals["unchanged"]) == (2, 2)


def test_subjects_of_one_side_alone_are_counted_and_listed_and_so_are_rows(compared: Compared) -> None:
    a = [answer("x", []), answer("x", [], row=1), answer("only-2", []), answer("only-1", [])]
    found = compared(a, [answer("x", []), answer("other", [])])
    assert (found.totals["a"]["subjects_only"], found.totals["a"]["rows_only"]) == (2, 3)
    assert found.totals["a"]["listed"] == ["only-1", "only-2"]
    assert found.totals["b"]["listed"] == ["other"]


def test_many_buckets_find_what_one_bucket_finds(
    compared: Compared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chosen = random.Random(seed)

    def rows() -> list[Row]:
        return [
            answer(f"s{number}", [(BOX, chosen.randrange(3), chosen.random())], row=row)
            for number in range(60)
            for row in range(chosen.randrange(3))
        ]

    a, b = rows(), rows()
    chosen.shuffle(a)
    whole = compared(a, b, out=tmp_path / "one")
    monkeypatch.setattr(buckets, "BUCKET_ROWS", 5)
    many = compared(a[:0], b[:0], out=tmp_path / "many")
    assert len(list((tmp_path / "many").iterdir())) > 5
    assert len(list((tmp_path / "one").iterdir())) == 1
    assert many.changed == whole.changed
    assert {**many.totals, "change_mean": 0} == {**whole.totals, "change_mean": 0}
    assert many.totals["change_mean"] == pytest.approx(whole.totals["change_mean"])
    pairs = [pl.read_parquet(tmp_path / name).sort("subject", "row", "in") for name in ("one", "many")]
    assert pairs[0].equals(pairs[1])
    keys = [{(row["subject"], row["row"]) for row in side} for side in (a, b)]
    assert set(pairs[0].filter(pl.col("in") == "both").select("subject", "row").iter_rows()) == keys[0] & keys[1]
    assert set(pairs[0].filter(pl.col("in") == "a").select("subject", "row").iter_rows()) == keys[0] - keys[1]
    assert set(pairs[0].filter(pl.col("in") == "b").select("subject", "row").iter_rows()) == keys[1] - keys[0]


def test_nothing_is_left_in_the_folder_for_temporary_files(
    compared: Compared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    compared([answer("x", [])], [answer("x", [])])
    with pytest.raises(RuntimeError, match="stopped"):
        compared([], [], progress=_stopping, out=tmp_path / "pairs")
    assert list((tmp_path / "temporary").iterdir()) == []
    assert not (tmp_path / "pairs").exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def _stopping(what: str, _done: int, _whole: int) -> None:
    if what == "comparing":
        raise RuntimeError("stopped")


def test_files_of_one_dataset_may_have_different_outputs_and_no_partitions(tmp_path: Path) -> None:
    import pyarrow.parquet as pq  # noqa: PLC0415

    a = write(
        write(tmp_path / "a", [answer("x", [(BOX, 1, 0.5)])]), [answer("y", out_scores=[1.0, 0.0])], "house", SCORES
    )
    rows = [answer("x", [(BOX, 1, 0.5)]), answer("y", out_scores=[0.0, 1.0])]
    (tmp_path / "b").mkdir()
    pq.write_table(
        pa.Table.from_pylist(rows, schema=pa.schema([*SCHEMA, *BOXES, *SCORES])), tmp_path / "b" / "x.parquet"
    )
    found = sparring.compare(a, tmp_path / "b")
    assert [one.subject for one in found.changed] == ["y"]
    assert found.totals["a"]["models"] == {"house": 1, "nano": 1}
    assert found.totals["b"]["models"] == {}


def test_one_dataset_is_compared_with_what_was_recorded_beside_it(tmp_path: Path) -> None:
    recorded = [
        pa.field("recorded.status", pa.string()),
        pa.field("recorded.model", pa.string()),
        pa.field("recorded.published_at", pa.timestamp("ms", "UTC")),
        pa.field("recorded.queued_ns", pa.int64()),
        pa.field("recorded.decode_ns", pa.int64()),
        pa.field("recorded.infer_ns", pa.int64()),
        *(field.with_name(f"recorded.{field.name}") for field in BOXES),
    ]
    known = {
        "recorded.status": "ok",
        "recorded.model": "old",
        "recorded.queued_ns": 8_000_000,
        "recorded.decode_ns": 2_000_000,
        "recorded.infer_ns": 40_000_000,
        "recorded.published_at": AT + timedelta(milliseconds=50),
        "recorded.out.boxes": BOX,
        "recorded.out.classes": [1],
        "recorded.out.confidences": [0.5],
    }
    rows = [answer("x", [(BOX, 1, 0.75)]) | known, answer("x", [(BOX, 2, 0.75)], role="challenger"), answer("new", [])]
    found = sparring.compare(write(tmp_path / "a", rows, outputs=[*BOXES, *recorded]))
    assert found.recorded
    assert found.totals["a"]["models"] == {"old": 1}
    assert found.totals["b"]["models"] == {"nano": 2}
    assert found.totals["boxes"]["confidence_mean"] == 0.25
    assert found.totals["a"]["infer_ms"]["p50"] == pytest.approx(40, rel=0.01)
    assert found.totals["a"]["total_ms"]["p95"] == pytest.approx(50, rel=0.01)
    assert found.totals["b"]["listed"] == ["new"]


def test_boxes_that_were_recorded_are_in_pixels_of_the_model_that_answered_then(tmp_path: Path) -> None:
    recorded = [
        pa.field("recorded.status", pa.string()),
        pa.field("recorded.input_width", pa.int32()),
        pa.field("recorded.input_height", pa.int32()),
        *(field.with_name(f"recorded.{field.name}") for field in BOXES),
    ]
    then = {
        "recorded.status": "ok",
        "recorded.input_width": 320,
        "recorded.input_height": 240,
        "recorded.out.boxes": [0, 0, 160, 120],
        "recorded.out.classes": [1],
        "recorded.out.confidences": [0.5],
    }
    now = answer("x", [((0, 0, 320, 240), 1, 0.5)], input_width=640, input_height=480)
    found = sparring.compare(write(tmp_path / "a", [now | then], outputs=[*BOXES, *recorded]), iou=0.99)
    assert found.totals["boxes"]["matched"] == 1


def test_a_champion_is_compared_with_its_challenger_in_one_dataset(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", [answer("x", [(BOX, 1, 0.75)])], "champion")
    write(folder, [answer("x", [(BOX, 1, 0.25)], role="challenger")], "challenger")
    found = sparring.compare(folder, folder, model_a="champion", model_b="challenger")
    assert found.totals["boxes"]["confidence_mean"] == -0.5
    assert found.totals["b"]["models"] == {"challenger": 1}


def test_of_one_model_only_its_own_files_are_read(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", [answer("x", [(BOX, 1, 0.75)])], "champion")
    write(folder, [answer(name, [(BOX, 1, 0.25)], role="challenger") for name in "xyz"], "challenger")
    read: dict[str, int] = {}
    sparring.compare(
        folder, folder, model_a="champion", model_b="challenger", progress=lambda *of: read.update([of[:2]])
    )
    assert (read["reading A"], read["reading B"]) == (1, 3)
    elsewhere = tmp_path / "model=b" / "no partition"
    elsewhere.mkdir(parents=True)
    rows = [answer("x", [(BOX, 1, 0.5)]) | {"model": model} for model in "ab"]
    pq.write_table(
        pa.Table.from_pylist(rows, pa.schema([*SCHEMA, pa.field("model", pa.string()), *BOXES])),
        elsewhere / "1.parquet",
    )
    assert sparring.compare(elsewhere, folder, model_a="b", model_b="challenger").totals["a"]["models"] == {"b": 1}


def test_an_answer_that_has_no_boxes_to_read_is_told_apart_from_one_that_found_nothing(compared: Compared) -> None:
    there = [answer(name, [(BOX, 1, 0.75)]) for name in "xy"]
    found = compared(there, [answer("x"), answer("y", [])])
    assert [(one.subject, how(one)) for one in found.changed] == [
        ("x", "1 -> no boxes, 0 matched"),
        ("y", "1 -> 0 boxes, 0 matched"),
    ]


def test_a_file_without_a_row_group_has_no_rows(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", [answer("x", [(BOX, 1, 0.75)])])
    with pq.ParquetWriter(folder / "date=2026-11-23" / "model=nano" / "none.parquet", pa.schema([*SCHEMA, *BOXES])):
        pass
    assert sparring.compare(folder, folder).totals["pairs"] == 1


def test_what_changed_most_is_fifty_pairs_in_their_order(compared: Compared) -> None:
    a = [answer(f"{number:03}", [(BOX, 1, 1.0)]) for number in range(80)]
    b = [answer(f"{number:03}", [(BOX, 1, (number // 3) / 128)]) for number in range(80)]
    found = compared(a, b)
    assert [one.subject for one in found.changed] == [f"{number:03}" for number in range(50)]
    assert len(found.table()) == 50


# --- what is none -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("b", "says"),
    [
        ("absent", "b: .*absent: there is no such folder"),
        ("empty", "b: .* has no Parquet files"),
        ("foreign", "b: .* has no column subject, row, status; expected a results dataset$"),
        ("scores", "no output in common: A has boxes, classes, confidences, B has scores"),
        ("broken", "b: .* cannot be read as one dataset: .*broken.parquet"),
        ("flat", "b: its column out.boxes is double; expected a list"),
        ("text", "the output boxes holds String; expected numbers"),
    ],
)
def test_a_folder_without_results_is_refused_with_what_it_lacks(tmp_path: Path, b: str, says: str) -> None:
    import pyarrow.parquet as pq  # noqa: PLC0415

    a = write(tmp_path / "a", [answer("x", [])])
    folder = tmp_path / b
    if b != "absent":
        folder.mkdir()
    if b == "foreign":
        pq.write_table(pa.table({"x": [1]}), folder / "x.parquet")
    if b == "broken":
        (folder / "broken.parquet").write_bytes(b"PAR1")
    if b == "scores":
        write(folder, [answer("x", out_scores=[1.0])], outputs=SCORES)
    if b in {"flat", "text"}:
        columns: dict[str, Any] = {
            "subject": ["x"],
            "row": [0],
            "status": ["ok"],
            "out.boxes": [1.0] if b == "flat" else [["a"]],
        }
        pq.write_table(pa.table(columns), folder / "x.parquet")
    with pytest.raises((NotADataset, FileNotFoundError), match=says):
        sparring.compare(a, folder)


def test_without_recorded_answers_one_dataset_says_that_a_second_is_needed(tmp_path: Path) -> None:
    with pytest.raises(NotADataset, match=r"no column recorded\.status; .*give a second dataset"):
        sparring.compare(write(tmp_path / "a", [answer("x", [])]))


def test_a_folder_with_files_is_not_written_over(tmp_path: Path) -> None:
    a = write(tmp_path / "a", [answer("x", [])])
    with pytest.raises(FileExistsError, match=r"out: .* has files already; expected a folder that is absent or empty"):
        sparring.compare(a, a, out=a)
