"""Two real detectors on real pictures: what `compare` matches is what an independent matching says."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sparring
from adapters.onnx_runtime import onnxruntime
from sparring.vision import load_image
from tests.sparring.comparison.datasets import Row, answer, write

MODELS = ("yolox-nano", "nanodet-m")
Found = dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]


@pytest.fixture(scope="module")
def found(shared: Path) -> dict[str, Found]:
    """By model and picture: boxes [n, 4], classes [n], confidences [n]."""
    told: dict[str, Found] = {}
    for model in MODELS:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(shared / "models" / f"{model}.onnx", options)
        told[model] = {}
        for path in sorted((shared / "frames").iterdir()):
            frame, _ = load_image(path, 640, 480)
            boxes, classes, sure = session.run(["boxes", "classes", "confidences"], {"tensor": frame["tensor"][0]})
            told[model][str(path)] = boxes.reshape(-1, 4).astype(np.float64), classes, sure.astype(np.float64)
    return told


def independent(a: tuple[np.ndarray, ...], b: tuple[np.ndarray, ...], least: float) -> list[tuple[int, int]]:
    """Box by box, with loops: the surest of A first, each takes the nearest free box of its class."""

    def iou(one: Any, two: Any) -> float:
        width = min(one[2], two[2]) - max(one[0], two[0])
        height = min(one[3], two[3]) - max(one[1], two[1])
        if width <= 0 or height <= 0:
            return 0.0
        both = width * height
        return float(both / ((one[2] - one[0]) * (one[3] - one[1]) + (two[2] - two[0]) * (two[3] - two[1]) - both))

    (boxes_a, classes_a, sure_a), (boxes_b, classes_b, sure_b) = a, b
    free = [place for place in range(len(boxes_b)) if sure_b[place] >= least]
    matches = []
    for one in sorted(range(len(boxes_a)), key=lambda place: -sure_a[place]):
        near = [
            (iou(boxes_a[one], boxes_b[two]), -free.index(two), two) for two in free if classes_a[one] == classes_b[two]
        ]
        if sure_a[one] >= least and near and max(near)[0] >= 0.5:
            matches.append((one, max(near)[2]))
            free.remove(max(near)[2])
    return matches


@pytest.mark.parametrize("least", [0.0, 0.3])
def test_two_detectors_on_real_pictures_agree_as_an_independent_matching_says(
    found: dict[str, Found], tmp_path: Path, least: float
) -> None:
    sides = []
    for model in MODELS:
        rows: list[Row] = [
            answer(path, zip(boxes.tolist(), classes.tolist(), sure.tolist(), strict=True), source=path)
            | {"input_width": 640, "input_height": 480}
            for path, (boxes, classes, sure) in found[model].items()
        ]
        sides.append(write(tmp_path / model, rows, model))
    compared = sparring.compare(*sides, confidence_min=least)
    apart: list[float] = []
    wanted = {}
    for path in found[MODELS[0]]:
        a, b = (found[model][path] for model in MODELS)
        matches = independent(a, b, least)
        counts = [int((side[2] >= least).sum()) for side in (a, b)]
        apart += [float(b[2][two] - a[2][one]) for one, two in matches]
        wanted[path] = (*counts, len(matches))
    told = compared.totals["boxes"]
    assert told["matched"] == sum(matched for *_, matched in wanted.values()) > 20
    assert (told["a"], told["b"]) == tuple(sum(counts[side] for counts in wanted.values()) for side in (0, 1))
    assert told["confidence_mean"] == pytest.approx(np.mean(apart))
    assert told["confidence_abs_max"] == pytest.approx(np.max(np.abs(apart)))
    changed = {
        row["subject"]: (row["boxes_a"], row["boxes_b"], row["matched"]) for _, row in compared.table().iterrows()
    }
    assert changed == {path: counts for path, counts in wanted.items() if path in changed}
    assert len(changed) > 10
    compared.save_html(tmp_path / "page.html", "coco")
    assert (tmp_path / "page.html").read_text().count("data:image/jpeg") == len(changed)
