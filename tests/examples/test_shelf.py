"""Rendered shelves: true places, real difficulty."""

from typing import Final

import cv2
import numpy as np
import pytest

from examples.found import found_labels
from examples.models import MODEL_NAMES
from examples.shelf import Difficulty, render_shelf
from tests.examples.conftest import Detect

EASY: Final = range(3)
MIXED: Final = range(5)


@pytest.mark.parametrize("difficulty", ["easy", "mixed"])
def test_the_same_seed_paints_the_same_shelf(difficulty: Difficulty) -> None:
    first, second = render_shelf(7, difficulty), render_shelf(7, difficulty)
    assert first.image.tobytes() == second.image.tobytes()
    assert first.labels.tobytes() == second.labels.tobytes()
    assert first.jpeg() == second.jpeg()
    assert first.image.tobytes() != render_shelf(8, difficulty).image.tobytes()


@pytest.mark.parametrize("difficulty", ["easy", "mixed"])
def test_labels_lie_inside_the_image_and_have_an_area(difficulty: Difficulty, seed: int) -> None:
    for one in range(seed % 10_000, seed % 10_000 + 5):
        shelf = render_shelf(one, difficulty)
        assert (shelf.image.shape, shelf.image.dtype.name) == ((480, 640, 3), "uint8")
        assert shelf.labels.dtype == np.float32
        assert len(shelf.labels) >= 3
        assert shelf.labels.min() >= 0
        assert (shelf.labels[:, 2:] <= (640, 480)).all()
        assert (shelf.labels[:, 2:] - shelf.labels[:, :2] >= 3).all()


def test_a_jpeg_decodes_to_about_the_shelf_that_was_painted() -> None:
    shelf = render_shelf(0, "easy")
    decoded = cv2.imdecode(np.frombuffer(shelf.jpeg(), np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert np.abs(decoded[..., ::-1].astype(int) - shelf.image).mean() < 4


@pytest.mark.parametrize("model", MODEL_NAMES)
def test_a_detector_finds_the_labels_of_easy_shelves(model: str, detect: Detect) -> None:
    shelves = [render_shelf(number, "easy") for number in EASY]
    found = sum(int(found_labels(shelf.labels, detect(model, shelf.jpeg())["boxes"]).sum()) for shelf in shelves)
    assert found >= 0.95 * sum(len(shelf.labels) for shelf in shelves)


def test_mixed_shelves_tell_the_detectors_apart(detect: Detect) -> None:
    shelves = [render_shelf(number) for number in MIXED]
    labels = sum(len(shelf.labels) for shelf in shelves)
    older, newer = (
        sum(int(found_labels(shelf.labels, detect(model, shelf.jpeg())["boxes"]).sum()) for shelf in shelves) / labels
        for model in MODEL_NAMES
    )
    assert 0.5 < older < newer < 1.0
