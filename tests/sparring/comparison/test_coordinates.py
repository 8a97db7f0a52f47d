"""Models that saw one picture in inputs of other sizes and aspects: their boxes meet on the picture."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl
import pytest

import sparring
from adapters.images.decode import image_tensor
from adapters.settings import Settings
from schemas.limits import PARTITIONS
from schemas.models import ImageSettings, TensorSpec
from sparring import Client
from sparring.comparison.report.pictures import picture_sizes
from sparring.comparison.side import NotADataset
from sparring.vision import encode_png
from tests.sparring.comparison.datasets import Row, answer, write

COLUMNS = ("input_width", "input_height", "input_aspect", "input_place", "input_rounding", "input_shorter")
Input = tuple[Any, ...]
"""Width, height, aspect, and as far as it is said place, rounding, resize_shorter."""

SIZES = [(1280, 640), (600, 1200)]
OBJECT = (160, 320, 400, 560)
"""In pixels of the picture, whose lower or right part a letterboxed model has elsewhere than a stretched one."""

STRETCHED: Input = (640, 480, "stretch")
LETTERBOXED: Input = (320, 320, "letterbox")
CENTRED: Input = (320, 320, "letterbox", "centre")
CUT: Input = (320, 320, "crop")
CUT_SMALLER: Input = (320, 320, "crop", None, None, 366)
UNLIKE = [
    (LETTERBOXED, STRETCHED),
    (STRETCHED, LETTERBOXED),
    (LETTERBOXED, (640, 480, "letterbox")),
    ((320, 320, "stretch"), LETTERBOXED),
    (None, LETTERBOXED),
    (STRETCHED, None),
    (CENTRED, LETTERBOXED),
    (STRETCHED, CENTRED),
    (CENTRED, (640, 480, "letterbox", "centre", "down")),
    (None, CENTRED),
]
CUT_AND_OTHERS = [(CUT, STRETCHED), (CENTRED, CUT_SMALLER), (CUT_SMALLER, CUT), (None, CUT)]

Compared = Callable[..., sparring.Comparison]


def photo(size: tuple[int, int]) -> np.ndarray:
    """Black, but for one white object."""
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    x1, y1, x2, y2 = OBJECT
    picture[y1:y2, x1:x2] = 255
    return picture


def seen(picture: np.ndarray, its_input: Input | None) -> tuple[float, ...]:
    """Where a model finds the object in what it is given: looked for in the tensor that its process makes."""
    if its_input is None:
        return tuple(map(float, OBJECT))
    width, height, *lies = its_input
    spec = TensorSpec("tensor", "float32", (1, 3, height, width))
    names = ("aspect", "place", "rounding", "resize_shorter")
    settings = {name: value for name, value in zip(names, lies, strict=False) if value is not None}
    tensor = image_tensor(picture, ImageSettings(**settings), spec)
    down, across = np.nonzero(tensor[0, 0] > 0.5)
    return float(across.min()), float(down.min()), float(across.max() + 1), float(down.max() + 1)


def told(its_input: Input | None) -> Row:
    return {} if its_input is None else dict(zip(COLUMNS, its_input, strict=False))


@pytest.fixture(params=SIZES, ids=["wide", "tall"])
def picture(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, np.ndarray]:
    found = photo(request.param)
    path = tmp_path / "photo.png"
    path.write_bytes(encode_png(found))
    return path, found


@pytest.fixture
def compared(tmp_path: Path) -> Compared:
    """One answer of each side, compared."""

    def call(a: Row, b: Row, **options: object) -> sparring.Comparison:
        sides = [write(tmp_path / name, [row]) for name, row in (("a", a), ("b", b))]
        return sparring.compare(*sides, out=tmp_path / "pairs", **options)  # type: ignore[arg-type]

    return call


def drawn(page: str, side: str) -> list[float]:
    """x, y, width and height of a side's only box on the page."""
    (found,) = re.findall(rf'<g class="{side} matched"><title>.*?<rect class="halo" (.*?)/>', page)
    return [float(number) for number in re.findall(r'"(.*?)"', found)]


# --- on the picture ---------------------------------------------------------------------------


@pytest.mark.parametrize(("input_a", "input_b"), UNLIKE)
def test_models_that_see_one_object_in_other_inputs_match_and_are_drawn_at_its_place(
    picture: tuple[Path, np.ndarray],
    compared: Compared,
    tmp_path: Path,
    input_a: Input | None,
    input_b: Input | None,
) -> None:
    path, pixels = picture
    a, b = (
        answer("x", [(seen(pixels, its_input), 1, sure)], source=str(path), **told(its_input))
        for its_input, sure in ((input_a, 0.5), (input_b, 0.75))
    )
    found = compared(a, b, iou=0.95)
    assert found.totals["boxes"]["matched"] == 1
    assert found.totals["not_compared"] == {}
    found.save_html(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    shown = 900 / max(pixels.shape)
    wanted = [value * shown for value in (160, 320, 240, 240)]
    for side in "ab":
        assert drawn(page, side) == pytest.approx(wanted, abs=3)  # a pixel of a small input


@pytest.mark.parametrize("size", [(900, 720), (720, 900)], ids=["wide", "tall"])
@pytest.mark.parametrize(("input_a", "input_b"), CUT_AND_OTHERS)
def test_a_model_that_sees_the_middle_of_a_picture_matches_one_that_sees_it_all(
    compared: Compared, size: tuple[int, int], input_a: Input | None, input_b: Input | None
) -> None:
    pixels = photo(size)
    known = {"picture_width": size[0], "picture_height": size[1]}
    a, b = (answer("x", [(seen(pixels, its), 1, 0.5)], **told(its), **known) for its in (input_a, input_b))
    assert compared(a, b, iou=0.95).totals["boxes"]["matched"] == 1


@pytest.mark.parametrize(("input_a", "input_b"), UNLIKE)
def test_boxes_of_the_same_numbers_in_unlike_inputs_are_no_match(
    picture: tuple[Path, np.ndarray], compared: Compared, input_a: Input | None, input_b: Input | None
) -> None:
    path, pixels = picture
    box = seen(pixels, input_a)
    a, b = (answer("x", [(box, 1, 0.5)], source=str(path), **told(its_input)) for its_input in (input_a, input_b))
    assert compared(a, b, iou=0.95).totals["boxes"]["matched"] == 0


def test_a_rotated_photo_is_as_large_as_the_model_saw_it(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    done, jpeg = cv2.imencode(".jpg", photo((1280, 640)))
    assert done
    exif = (
        b"Exif\0\0MM\0*\0\0\0\x08" + b"\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    )  # orientation 6: on its side
    turned = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    path.write_bytes(jpeg.tobytes()[:2] + turned + jpeg.tobytes()[2:])
    assert picture_sizes([str(path)], None) == {str(path): (640, 1280)}


def test_a_client_is_asked_how_large_a_frame_in_a_topic_is(settings: Settings, tmp_path: Path) -> None:
    pixels = photo((1280, 640))
    with Client(settings) as client:
        broker = client._connection.broker  # noqa: SLF001 (a frame as a camera sends it, without a pipeline)
        offset = broker.send(settings.topics.frames, encode_png(pixels))
        (partition,) = [one for one in range(PARTITIONS) if broker.end(settings.topics.frames, one) > offset]
        there, gone = (f"{settings.topics.frames}/{partition}/{place}" for place in (offset, offset + 1))
        sides = [
            write(
                tmp_path / name,
                [answer(source, [(seen(pixels, its), 1, 0.5)], source=source, **told(its)) for source in (there, gone)],
            )
            for name, its in (("a", LETTERBOXED), ("b", STRETCHED))
        ]
        found = sparring.compare(*sides, iou=0.95, client=client)
        assert found.totals["boxes"]["matched"] == 1
        assert found.totals["not_compared"] == {"its topic has the frame no longer": 1}
        alone = sparring.compare(*sides, iou=0.95)
        assert alone.totals["not_compared"] == {"its frame lies in a topic, and no system is connected": 2}


# --- without the picture ----------------------------------------------------------------------


@pytest.mark.parametrize(("input_a", "input_b"), [*UNLIKE, *CUT_AND_OTHERS])
@pytest.mark.parametrize(
    ("source", "why"),
    [("gone.png", "there is no such file here"), (None, "the dataset names no source")],
)
def test_where_the_picture_is_gone_unlike_inputs_are_not_compared_and_that_is_said(
    compared: Compared, tmp_path: Path, input_a: Input | None, input_b: Input | None, source: str | None, why: str
) -> None:
    box = (10, 20, 110, 80)
    a, b = (answer("x", [(box, 1, 0.5)], source=source, **told(its_input)) for its_input in (input_a, input_b))
    found = compared(a, b)
    assert found.totals["not_compared"] == {why: 1}
    assert (found.totals["pairs"], found.totals["unchanged"], found.totals["change_mean"]) == (1, 0, None)
    assert list(found.changed) == []
    found.save_html(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert f"not compared, the picture&#39;s size is unknown: {why}" in page
    assert "No pair that could be compared changed" in page
    (row,) = pl.read_parquet(tmp_path / "pairs").to_dicts()
    assert (row["not_compared"], row["change"], row["boxes_a"], row["matched"]) == (why, None, None, None)


@pytest.mark.parametrize("knows", ["a", "b", "both"])
@pytest.mark.parametrize(("input_a", "input_b"), UNLIKE)
def test_a_picture_that_is_gone_is_not_missed_where_a_side_knows_its_size(
    compared: Compared, input_a: Input | None, input_b: Input | None, knows: str
) -> None:
    pixels = photo((1280, 640))
    known = {"picture_width": 1280, "picture_height": 640}
    a, b = (
        answer(
            "x",
            [(seen(pixels, its_input), 1, 0.5)],
            source="gone.png",
            **(told(its_input) | (known if knows in {side, "both"} else {})),
        )
        for side, its_input in (("a", input_a), ("b", input_b))
    )
    found = compared(a, b, iou=0.95)
    assert (found.totals["not_compared"], found.totals["boxes"]["matched"]) == ({}, 1)


@pytest.mark.parametrize(
    ("input_a", "input_b", "times"),
    [
        (LETTERBOXED, (640, 640, "letterbox"), (2, 2)),
        (CENTRED, (640, 640, "letterbox", "centre"), (2, 2)),
        (CUT, (640, 640, "crop"), (2, 2)),
        (CUT_SMALLER, (640, 640, "crop", None, None, 732), (2, 2)),
        (STRETCHED, (320, 480, "stretch"), (0.5, 1)),
        (STRETCHED, (320, 120, None), (0.5, 0.25)),
        (None, None, (1, 1)),
    ],
)
def test_no_picture_is_needed_where_its_size_does_not_matter(
    compared: Compared, tmp_path: Path, input_a: Input | None, input_b: Input | None, times: tuple[float, float]
) -> None:
    box = (10, 20, 110, 80)
    other = tuple(value * ratio for value, ratio in zip(box, times * 2, strict=True))
    a = answer("x", [(box, 1, 0.5)], source="gone.png", **told(input_a))
    b = answer("x", [(other, 1, 0.75)], source="gone.png", **told(input_b))
    found = compared(a, b, iou=1)
    assert (found.totals["not_compared"], found.totals["boxes"]["matched"]) == ({}, 1)
    found.save_html(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "no picture: there is no such file here" in page
    assert drawn(page, "a") == drawn(page, "b")


def test_an_answer_without_boxes_is_compared_with_one_of_an_unlike_input_and_no_picture(compared: Compared) -> None:
    a = answer("x", [((10, 20, 110, 80), 1, 0.5)], source="gone.png", **told(LETTERBOXED))
    b = answer("x", [], source="gone.png", **told(STRETCHED))
    found = compared(a, b)
    assert found.totals["not_compared"] == {}
    assert (found.totals["boxes"]["only_a"], found.totals["change_mean"]) == (1, 1)


def test_a_page_without_the_picture_draws_what_was_matched_on_a_field_of_its_size(
    picture: tuple[Path, np.ndarray], compared: Compared, tmp_path: Path
) -> None:
    path, pixels = picture
    a, b = (
        answer("x", [(seen(pixels, its), 1, sure)], source=str(path), **told(its))
        for its, sure in ((LETTERBOXED, 0.5), (STRETCHED, 0.75))
    )
    found = compared(a, b)
    path.unlink()
    found.save_html(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    height, width = (round(side * 900 / max(pixels.shape)) for side in pixels.shape[:2])
    assert f'viewBox="0 0 {width} {height}"' in page
    assert drawn(page, "a") == pytest.approx(drawn(page, "b"), abs=3)


def test_an_aspect_that_is_none_is_refused(compared: Compared) -> None:
    row = answer("x", [((10, 20, 110, 80), 1, 0.5)], input_width=320, input_height=320, input_aspect="fill")
    with pytest.raises(NotADataset, match="input_aspect is 'fill'; expected 'stretch' or 'letterbox' or 'crop'"):
        compared(row, row)
