"""Which labels a detector found."""

import numpy as np
import numpy.typing as npt

from examples.found import found_labels

LABELS = np.array([[10, 10, 50, 20], [100, 10, 140, 20]], np.float32)


def _boxes(*boxes: tuple[float, float, float, float]) -> npt.NDArray[np.float32]:
    return np.array(boxes, np.float32).reshape(-1, 4)


def test_a_box_around_a_label_finds_it() -> None:
    assert found_labels(LABELS, _boxes((5, 5, 55, 25))).tolist() == [True, False]


def test_boxes_may_come_flat_as_an_answer_has_them() -> None:
    assert found_labels(LABELS, _boxes((5, 5, 55, 25), (98, 8, 142, 22)).ravel()).tolist() == [True, True]


def test_a_box_over_half_the_frame_finds_nothing() -> None:
    assert not found_labels(LABELS, _boxes((0, 0, 640, 240))).any()


def test_a_box_over_less_than_half_of_a_label_does_not_find_it() -> None:
    assert not found_labels(LABELS, _boxes((10, 10, 29, 20))).any()


def test_one_box_finds_one_label_and_two_boxes_find_a_label_once() -> None:
    close = np.array([[10, 10, 50, 20], [52, 10, 92, 20]], np.float32)
    assert found_labels(close, _boxes((8, 8, 94, 22))).sum() == 1
    assert found_labels(LABELS, _boxes((9, 9, 51, 21), (8, 8, 52, 22))).tolist() == [True, False]


def test_without_labels_or_boxes_nothing_is_found() -> None:
    assert found_labels(LABELS, _boxes()).tolist() == [False, False]
    assert found_labels(_boxes(), LABELS).shape == (0,)
