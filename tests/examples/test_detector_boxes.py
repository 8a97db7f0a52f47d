"""The Python steps for detectors' raw heads: beside the same written out slowly, box by box, and OpenCV's NMS."""

import math
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from examples import detr_boxes, nms_boxes, yolo_boxes, yolox_boxes

Step = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]
Found = list[tuple[float, float, float, float, int, float]]
"""x1, y1, x2, y2, class, confidence."""


def thinned_out(found: Found, confidence_min: float, iou_max: float) -> Found:
    """By OpenCV, class by class; best first."""
    kept: Found = []
    for number in {one[4] for one in found}:
        its = [one for one in found if one[4] == number]
        rectangles = [(x1, y1, x2 - x1, y2 - y1) for x1, y1, x2, y2, _, _ in its]
        stay = cv2.dnn.NMSBoxes(rectangles, [one[5] for one in its], confidence_min, iou_max)
        kept += [its[int(place)] for place in np.ravel(stay)]
    return sorted(kept, key=lambda one: -one[5])


def given(outputs: dict[str, np.ndarray]) -> Found:
    assert {name: array.dtype.name for name, array in outputs.items()} == {
        "boxes": "float32",
        "classes": "int64",
        "confidences": "float32",
    }
    boxes = outputs["boxes"].reshape(-1, 4).tolist()
    return [
        (*box, number, sure)
        for box, number, sure in zip(boxes, outputs["classes"].tolist(), outputs["confidences"].tolist(), strict=True)
    ]


def assert_same(outputs: dict[str, np.ndarray], wanted: Found) -> None:
    found = given(outputs)
    assert 10 < len(wanted) < 200, "a test in which something is found, and something is dropped"
    assert [one[4] for one in found] == [one[4] for one in wanted]
    assert np.array(found) == pytest.approx(np.array(wanted), rel=1e-4, abs=1e-3)


def crowded(rows: int, classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boxes [n, 4] of x, y, width, height in clusters, objectness [n], scores [n, classes]: each score its own."""
    random = np.random.default_rng(7)
    centres = random.uniform(60, 580, (25, 2))[random.integers(0, 25, rows)] + random.normal(0, 6, (rows, 2))
    boxes = np.concatenate((centres, random.uniform(60, 90, (rows, 2))), axis=1)
    return boxes, random.uniform(0, 1, rows), random.uniform(0, 1, (rows, classes)) ** 4


def best(scores: np.ndarray) -> tuple[int, float]:
    number = max(range(len(scores)), key=lambda one: scores[one])
    return number, float(scores[number])


def test_the_head_of_yolo_v5_gives_boxes_by_objectness_times_score() -> None:
    boxes, objectness, scores = crowded(400, 6)
    head = np.concatenate((boxes, objectness[:, None], scores), axis=1).astype(np.float32)
    wanted: Found = []
    for x, y, width, height, object_, *its in head.astype(np.float64).tolist():
        number, score = best(np.array(its))
        wanted.append((x - width / 2, y - height / 2, x + width / 2, y + height / 2, number, object_ * score))
    outputs = yolo_boxes.process({"output0": head[None]})
    assert_same(outputs, thinned_out(wanted, yolo_boxes.CONFIDENCE_MIN, yolo_boxes.IOU_MAX))


def test_the_head_of_yolo_v8_and_v11_lies_the_other_way_and_has_no_objectness() -> None:
    boxes, _, scores = crowded(400, 6)
    head = np.concatenate((boxes, scores), axis=1).T.astype(np.float32)
    wanted: Found = []
    for column in range(head.shape[1]):
        x, y, width, height, *its = head[:, column].astype(np.float64).tolist()
        wanted.append((x - width / 2, y - height / 2, x + width / 2, y + height / 2, *best(np.array(its))))
    outputs = yolo_boxes.process({"output0": head[None]})
    assert_same(outputs, thinned_out(wanted, yolo_boxes.CONFIDENCE_MIN, yolo_boxes.IOU_MAX))


@pytest.mark.parametrize("size", [None, (320, 256)], ids=["square", "wide"])
def test_the_head_of_yolox_is_decoded_by_its_grids(
    size: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yolox_boxes, "INPUT_PX", size)
    width, height = size or (320, 320)
    random = np.random.default_rng(11)
    rows, wanted = [], []
    for stride in (8, 16, 32):
        for down in range(height // stride):
            for across in range(width // stride):
                row = [
                    *random.normal(0, 0.4, 2),
                    *random.normal(1.2, 0.3, 2),
                    random.uniform(),
                    *random.uniform(size=4),
                ]
                row = np.array(row, np.float32).tolist()
                x, y = (row[0] + across) * stride, (row[1] + down) * stride
                wide, high = math.exp(row[2]) * stride, math.exp(row[3]) * stride
                number, score = best(np.array(row[5:]))
                rows.append(row)
                wanted.append((x - wide / 2, y - high / 2, x + wide / 2, y + high / 2, number, row[4] * score))
    outputs = yolox_boxes.process({"output": np.array([rows], np.float32)})
    found = thinned_out(wanted, yolox_boxes.CONFIDENCE_MIN, yolox_boxes.IOU_MAX)[: yolox_boxes.BOXES_MAX]
    assert len(found) > 100
    assert np.array(given(outputs)) == pytest.approx(np.array(found), rel=1e-4, abs=1e-3)


def test_the_head_of_detr_gives_shares_of_the_input_as_pixels_and_leaves_out_no_object() -> None:
    random = np.random.default_rng(3)
    logits, shares = random.normal(0, 3, (1, 100, 8)), random.uniform(0.2, 0.4, (1, 100, 4))
    wanted: Found = []
    for row, (x, y, width, height) in zip(logits[0].tolist(), shares[0].tolist(), strict=True):
        whole = sum(math.exp(value) for value in row)
        number, sure = best(np.array([math.exp(value) / whole for value in row[:-1]]))
        if sure > detr_boxes.CONFIDENCE_MIN:
            corners = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
            wanted.append((*(corner * 800 for corner in corners), number, sure))
    arrays: dict[str, np.ndarray] = {"logits": logits.astype(np.float32), "pred_boxes": shares.astype(np.float32)}
    assert_same(detr_boxes.process(arrays), sorted(wanted, key=lambda one: -one[5]))


def test_the_outputs_of_rt_detr_keep_their_pixels_and_get_the_names_that_are_drawn() -> None:
    arrays = {
        "labels": np.array([[3, 1, 2]]),
        "boxes": np.array([[[0, 0, 1, 1], [10, 20, 300, 400], [5, 6, 7, 8]]], np.float32),
        "scores": np.array([[0.4, 0.75, 0.875]], np.float32),
    }
    assert given(detr_boxes.process(arrays)) == [(5, 6, 7, 8, 2, 0.875), (10, 20, 300, 400, 1, 0.75)]


def test_a_model_with_nms_inside_gives_its_rows_without_those_that_fill_up() -> None:
    rows = np.array([[[1, 2, 3, 4, 0.5, 7], [5, 6, 7, 8, 0.75, 2], [0, 0, 0, 0, 0, 0]]], np.float32)
    assert given(nms_boxes.process({"output0": rows})) == [(5, 6, 7, 8, 2, 0.75), (1, 2, 3, 4, 7, 0.5)]


@pytest.mark.parametrize(
    ("process", "arrays"),
    [
        (yolo_boxes.process, {"output0": np.zeros((1, 84, 8400), np.float32)}),
        (yolo_boxes.process, {"output": np.zeros((1, 25200, 85), np.float32)}),
        (yolox_boxes.process, {"output": np.zeros((1, 3549, 85), np.float32)}),
        (
            detr_boxes.process,
            {
                "logits": np.tile([0, 9], (1, 100, 1)).astype(np.float32),
                "pred_boxes": np.zeros((1, 100, 4), np.float32),
            },
        ),
    ],
    ids=["yolov8", "yolov5", "yolox-416", "detr"],
)
def test_a_picture_in_which_nothing_is_found_gives_empty_arrays(process: Step, arrays: dict[str, np.ndarray]) -> None:
    assert given(process(arrays)) == []


@pytest.mark.parametrize(
    ("process", "arrays", "message"),
    [
        (yolo_boxes.process, {"output0": np.zeros((2, 84, 8400))}, r"\(2, 84, 8400\); expected \[1, n, 5 \+ classes\]"),
        (yolo_boxes.process, {"output0": np.zeros((1, 4, 8400))}, "leaves no class"),
        (yolo_boxes.process, {"output0": np.zeros((1, 300, 6))}, "NMS inside: nms_boxes.py reads it"),
        (nms_boxes.process, {"output0": np.zeros((1, 84, 8400))}, r"expected \[1, n, 6\]"),
        (yolox_boxes.process, {"output": np.zeros((1, 100, 85))}, "100 rows; an input of 64 x 64 pixels has 84"),
        (detr_boxes.process, {"boxes": np.zeros((1, 1, 4))}, "boxes came; expected logits and pred_boxes"),
        (detr_boxes.process, {n: np.zeros((2, 1, 4)) for n in ("logits", "pred_boxes")}, r"one picture's, \[1, n, "),
    ],
)
def test_a_head_of_another_shape_is_refused(process: Step, arrays: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        process(arrays)
