"""Pictures replayed through two detectors, and compared: it agrees with an IoU matching that is written out here."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from sparring import ModelVersion, Pipeline
from sparring.dataset import open_dataset
from tests.journeys.typed import Said, printed
from tests.journeys.wire import Wire

Box = tuple[float, float, float, float]
IOU = 0.5
pytestmark = pytest.mark.usefixtures("addressed")


def overlap(one: Box, other: Box) -> float:
    """Intersection over union, as a person would compute it."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0.0, width) * max(0.0, height)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return shared / (areas - shared) if areas > shared else 0.0


def matched(first: dict[str, Any], second: dict[str, Any]) -> list[tuple[int, int]]:
    """Greedy by the first's confidence, of the same class, each box once."""
    boxes = [
        [tuple(one["out.boxes"][at : at + 4]) for at in range(0, len(one["out.boxes"]), 4)] for one in (first, second)
    ]
    free = set(range(len(boxes[1])))
    pairs = []
    for mine in sorted(range(len(boxes[0])), key=lambda at: -first["out.confidences"][at]):
        theirs = [at for at in free if second["out.classes"][at] == first["out.classes"][mine]]
        best = max(theirs, key=lambda at: overlap(boxes[0][mine], boxes[1][at]), default=None)
        if best is not None and overlap(boxes[0][mine], boxes[1][best]) >= IOU:
            pairs.append((mine, best))
            free.remove(best)
    return pairs


def by_subject(folder: Path) -> dict[str, dict[str, Any]]:
    return {row["subject"]: row for row in open_dataset(folder).to_table().to_pylist()}


def test_yolox_beside_nanodet_on_real_photos_agrees_with_an_independent_matching(
    shared: Path, capsys: Said, tmp_path: Path
) -> None:
    for name in ("yolox-nano", "nanodet-m"):
        candidate = tmp_path / f"{name}.yaml"
        candidate.write_text(
            f"pipeline: photos\nmodels:\n  {name}:\n    path: {shared / 'models' / name}.onnx\n    framework: onnx\n"
            f"    configure: {{runtime: onnx, batch_config: single}}\nsteps:\n  - model: {name}\n"
        )
        printed(capsys, "replay", str(shared / "frames"), "--candidate", str(candidate), "--out", str(tmp_path / name))
    sides = [by_subject(tmp_path / name) for name in ("yolox-nano", "nanodet-m")]
    assert sides[0].keys() == sides[1].keys()
    page = tmp_path / "page.html"
    arguments = (str(tmp_path / "yolox-nano"), str(tmp_path / "nanodet-m"), "--out", str(tmp_path / "pairs"))
    said = json.loads(printed(capsys, "compare", *arguments, "--html", str(page), "--class-names", "coco", "--json"))

    counts = {"a": 0, "b": 0, "matched": 0}
    told = {row["subject"]: row for row in pq.read_table(tmp_path / "pairs").to_pylist()}
    for subject, first in sides[0].items():
        second = sides[1][subject]
        if first["status"] != "ok" or second["status"] != "ok":
            continue
        pairs = matched(first, second)
        assert told[subject]["matched"] == len(pairs)
        counts["a"] += len(first["out.classes"])
        counts["b"] += len(second["out.classes"])
        counts["matched"] += len(pairs)
    assert counts["matched"] > 0
    assert {name: said["boxes"][name] for name in counts} == counts
    content = page.read_text()
    assert len(re.findall("data:image/jpeg;base64", content)) == len(said["changed"])
    assert "bottle" in content


def test_a_replay_is_compared_with_what_was_recorded(
    pipeline: Pipeline, scale: Callable[[str, float], ModelVersion], wire: Wire, capsys: Said, tmp_path: Path
) -> None:
    first, second = "compared-champion", "compared-next"
    pipeline.add_model_step(scale(first, 2.0)).deploy()
    wire.answers([wire.send(pipeline.name(), f'[{{"tensor": [{number}, 1]}}]'.encode()) for number in range(3)])
    versions = pipeline.versions()
    pipeline.replace_with_model_step(0, scale(second, 3.0)).deploy()
    out = tmp_path / "run"
    printed(
        capsys, "replay", "--from", "1h", "--pipeline", pipeline.name(), "--version", versions[0], "--out", str(out)
    )
    same = json.loads(printed(capsys, "compare", str(out), "--json"))
    assert (same["pairs"], same["changed"]) == (3, [])

    other = tmp_path / "other"
    printed(capsys, "replay", "--from", "1h", "--pipeline", pipeline.name(), "--out", str(other))
    pairs = tmp_path / "pairs"
    printed(capsys, "compare", str(other), "--out", str(pairs))
    rows = pq.read_table(pairs).to_pylist()
    assert [(row["in"], row["model_a"], row["model_b"]) for row in rows] == [("both", first, second)] * 3
