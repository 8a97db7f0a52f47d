"""Where a picture lies in a model's input, beside the code that models are trained with, written out as it stands
there."""

import numpy as np
import pytest

from schemas.pictures.placement import placement

SIDES = (1, 2, 17, 47, 224, 333, 480, 500, 639, 640, 641, 1080, 1279, 1920)
PICTURES = [(width, height) for width in SIDES for height in SIDES]
INPUTS = [(640, 640), (416, 416), (320, 192), (33, 35)]


def ultralytics(picture: tuple[int, int], size: tuple[int, int]) -> tuple[list[int], list[int]]:
    """`LetterBox.__call__` with auto, scale_fill off, scaleup and center on: new_unpad, and left and top."""
    ratio = min(size[1] / picture[1], size[0] / picture[0])
    new_unpad = round(picture[0] * ratio), round(picture[1] * ratio)
    dw, dh = (size[0] - new_unpad[0]) / 2, (size[1] - new_unpad[1]) / 2
    return [max(1, side) for side in new_unpad], [round(dw - 0.1), round(dh - 0.1)]


def yolox(picture: tuple[int, int], size: tuple[int, int]) -> list[int]:
    """`yolox.data.data_augment.preproc`: the resized picture's width and height."""
    ratio = min(size[1] / picture[1], size[0] / picture[0])
    return [max(1, int(picture[0] * ratio)), max(1, int(picture[1] * ratio))]


def torchvision(picture: tuple[int, int], side: int, crop: int) -> tuple[list[int], list[int]]:
    """`Resize(side)` and `CenterCrop(crop)`: the resized width and height, and where the crop begins in them."""
    short, long = sorted(picture)
    resized = [side if one == short else int(side * long / short) for one in picture]
    begins = [
        round((one - crop) / 2.0) if one >= crop else -((crop - one) // 2)  # what is smaller is padded first
        for one in resized
    ]
    return resized, begins


@pytest.mark.parametrize("size", INPUTS)
def test_a_centred_letterbox_is_that_of_ultralytics(size: tuple[int, int]) -> None:
    for picture in PICTURES:
        found = placement(picture, size, "letterbox", "centre")
        resized, offset = ultralytics(picture, size)
        assert found.resized.tolist() == resized
        if min(round(side * min(np.divide(size, picture))) for side in picture) > 0:
            assert found.offset.tolist() == offset


@pytest.mark.parametrize("size", INPUTS)
def test_a_letterbox_rounded_down_is_that_of_yolox(size: tuple[int, int]) -> None:
    for picture in PICTURES:
        found = placement(picture, size, "letterbox", rounding="down")
        assert (found.resized.tolist(), found.offset.tolist()) == (yolox(picture, size), [0, 0])


@pytest.mark.parametrize(("side", "crop"), [(256, 224), (224, 224), (232, 225), (100, 128)])
def test_a_crop_is_that_of_torchvision(side: int, crop: int) -> None:
    for picture in PICTURES:
        found = placement(picture, (crop, crop), "crop", resize_shorter=side)
        resized, begins = torchvision(picture, side, crop)
        assert (found.resized.tolist(), (-found.offset).tolist()) == (resized, begins)


def test_a_crop_without_a_size_covers_the_input_and_cuts_one_side_only() -> None:
    for picture in PICTURES:
        for size in INPUTS:
            found = placement(picture, size, "crop")
            assert (found.resized >= size).all()
            assert (found.resized == size).any()


def test_many_pictures_lie_as_each_alone() -> None:
    each = [
        (picture, size, aspect, place, rounding, shorter)
        for picture in PICTURES[::9]
        for size in INPUTS
        for aspect, place, rounding, shorter in (
            ("stretch", "upper-left", "nearest", np.nan),
            ("letterbox", "upper-left", "down", np.nan),
            ("letterbox", "centre", "nearest", np.nan),
            ("crop", "upper-left", "nearest", 256),
            ("crop", "upper-left", "nearest", np.nan),
        )
    ]
    together = placement(*(np.array(column) for column in zip(*each, strict=True)))
    for row, one in enumerate(each):
        alone = placement(*one)
        for name in ("resized", "offset", "pixels"):
            assert getattr(together, name)[row].tolist() == getattr(alone, name).tolist()


@pytest.mark.parametrize("how", ["stretch", "letterbox", "crop"])
def test_a_stretched_letterboxed_or_covering_picture_of_the_inputs_own_size_stays_as_it_is(how: str) -> None:
    found = placement((640, 480), (640, 480), how, "centre")
    assert (found.resized.tolist(), found.offset.tolist(), found.pixels.tolist()) == ([640, 480], [0, 0], [1, 1])
