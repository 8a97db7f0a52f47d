"""Structs of what users give: a field that does not fit is named with what came and everything that is accepted."""

from typing import Literal

import msgspec
import numpy as np
import pytest

from sparring.checks import in_words, struct_of
from sparring.deployment.image_settings import image_settings


class Settings(msgspec.Struct, frozen=True):
    colour: Literal["RGB", "BGR"] = "RGB"
    width: int | None = None
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    names: tuple[str, ...] | None = None
    only: Literal["single"] | None = None


def test_fields_are_converted_as_a_file_writes_them() -> None:
    made = struct_of("image", {"mean": [1, 2, 3], "names": ["a"], "width": 4}, Settings)
    assert made == Settings(mean=(1.0, 2.0, 3.0), names=("a",), width=4)


def test_numbers_and_arrays_of_numpy_are_numbers_and_lists() -> None:
    mean = np.array([0.5, 0.25, 2.0])
    made = struct_of("image", {"width": np.int64(4), "mean": mean}, Settings)
    assert made == Settings(width=4, mean=(0.5, 0.25, 2.0))
    assert struct_of("image", {"mean": [np.float32(0.5), 1, 2]}, Settings) == Settings(mean=(0.5, 1.0, 2.0))
    with pytest.raises(ValueError, match=r"image: width np.float64\(4.5\); expected a whole number or None"):
        struct_of("image", {"width": np.float64(4.5)}, Settings)
    assert image_settings({"mean": mean, "std": np.float32(2)}).std == (2.0, 2.0, 2.0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"colour": "bgr"}, "image: colour 'bgr'; expected one of 'RGB', 'BGR'"),
        ({"width": "640"}, "image: width '640'; expected a whole number or None"),
        ({"mean": 0.5}, "image: mean 0.5; expected a list of three, each a number"),
        ({"names": "a"}, "image: names 'a'; expected a list, each text or None"),
        ({"only": "double"}, "image: only 'double'; expected 'single' or None"),
        ({"color": "BGR"}, "image: unknown ['color']; expected some of ['colour', 'width', 'mean', 'names', 'only']"),
    ],
)
def test_a_field_that_does_not_fit_is_named_with_what_is_accepted(given: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=r"^image") as refused:
        struct_of("image", given, Settings)
    assert str(refused.value) == message


@pytest.mark.parametrize(("hint", "words"), [(bool, "true or false"), (str, "text"), (bytes, "bytes")])
def test_types_are_named_as_people_write_them(hint: object, words: str) -> None:
    assert in_words(hint) == words


def test_every_closed_set_of_the_image_settings_is_listed_where_another_value_comes() -> None:
    for field, accepted in (("colour", "'RGB', 'BGR'"), ("layout", "'CHW', 'HWC'"), ("aspect", "'stretch'")):
        with pytest.raises(ValueError, match=f"image: {field} 'x'; expected one of .*{accepted}"):
            image_settings({field: "x"})
