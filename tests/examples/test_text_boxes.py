"""The Python step: a probability map becomes boxes."""

import numpy as np
import numpy.typing as npt
import pytest

from examples.text_boxes import UNCLIP_RATIO, process


def _map(*cores: tuple[int, int, int, int, float]) -> npt.NDArray[np.float32]:
    """A frame's map, 480x640, with these cores: x1, y1, x2, y2 (exclusive), probability."""
    probability = np.zeros((1, 1, 480, 640), np.float32)
    for x1, y1, x2, y2, value in cores:
        probability[0, 0, y1:y2, x1:x2] = value
    return probability


def test_an_empty_map_gives_three_empty_arrays_of_the_declared_types() -> None:
    outputs = process({"probability": _map()})
    assert {name: (array.shape, array.dtype.name) for name, array in outputs.items()} == {
        "boxes": ((0,), "float32"),
        "classes": ((0,), "int64"),
        "confidences": ((0,), "float32"),
    }


def test_a_core_grows_by_area_times_ratio_over_perimeter() -> None:
    outputs = process({"probability": _map((100, 200, 161, 221, 0.9))})
    # The core's outline runs through its outermost pixels' centres: 60 x 20.
    grown = 60 * 20 * UNCLIP_RATIO / (2 * (60 + 20))
    expected = [100 - grown, 200 - grown, 160 + grown, 220 + grown]
    assert outputs["boxes"].tolist() == pytest.approx(expected, abs=0.01)
    assert outputs["confidences"].tolist() == pytest.approx([0.9], rel=1e-6)
    assert outputs["classes"].tolist() == [0]


def test_boxes_come_best_first() -> None:
    outputs = process(
        {"probability": _map((50, 50, 120, 70, 0.6), (50, 150, 120, 170, 0.95), (50, 250, 120, 270, 0.8))}
    )
    assert outputs["confidences"].tolist() == pytest.approx([0.95, 0.8, 0.6], rel=1e-6)
    assert np.argsort(outputs["boxes"].reshape(-1, 4)[:, 1]).tolist() == [2, 0, 1]


def test_a_core_that_is_thin_or_unsure_is_no_box() -> None:
    assert not process({"probability": _map((50, 50, 200, 52, 0.9), (50, 100, 120, 130, 0.4))})["classes"].size


def test_a_box_ends_at_the_edge_of_the_frame() -> None:
    boxes = process({"probability": _map((0, 0, 60, 20, 0.9), (600, 460, 640, 480, 0.9))})["boxes"].reshape(-1, 4)
    assert boxes.min() == 0
    assert boxes.max(axis=0).tolist() == [pytest.approx(600, abs=20), pytest.approx(460, abs=20), 640, 480]


def test_a_map_of_another_shape_is_refused_with_what_came_and_what_was_expected() -> None:
    with pytest.raises(ValueError, match=r"\(480, 640\); expected \[1, 1, H, W\]"):
        process({"probability": np.zeros((480, 640), np.float32)})
