"""Which of a model's inputs takes a picture, in what layout, and what the inputs beside it get. Pure.

`configure()` and `deploy()` check settings with it, model processes make arrays with it, and boxes are mapped back to
pictures with it. All of them raise the same Refused where settings do not fit the model.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from schemas.errors import RefusalCode, Refused
from schemas.models import GivenInput, ImageSettings, TensorSpec, shown_sizes
from schemas.pictures.placement import Placement, placement

Shape = tuple[int | None, ...]

PICTURE_DTYPES: Final = ("float32", "float16", "float64", "uint8")
"""Of inputs that take pictures."""

WORDS: Final = {
    "width": "the picture's own width, upright",
    "height": "the picture's own height",
    "input_width": "the width of the model's input",
    "input_height": "the height of the model's input",
    "scale_x": "pixels of the input per pixel of the picture, across",
    "scale_y": "pixels of the input per pixel of the picture, down",
}
"""Accepted in `ImageSettings.inputs`, as well as numbers."""

_OF_THE_PICTURE: Final = frozenset({"width", "height", "scale_x", "scale_y"})
_STEP: Final = "or a Python step before the model that makes its inputs"
_CHANNELS: Final = (3, 1)
_A_PICTURE: Final = (641, 479)
"""Width and height of one to check with: its ratios to an input are no whole numbers."""

_KNOWN_MAX: Final = 1024
"""Signatures and sizes of pictures whose result is kept: a process sees few of them, again and again."""


@dataclass(frozen=True, slots=True)
class PictureInput:
    """The input that takes the picture. width, height: as configured or declared; None: the picture's own."""

    spec: TensorSpec
    layout: Literal["CHW", "HWC"]
    channels: Literal[1, 3]
    width: int | None
    height: int | None

    def shape(self, width: int, height: int) -> tuple[int, ...]:
        """Of the tensor of one picture."""
        return (1, self.channels, height, width) if self.layout == "CHW" else (1, height, width, self.channels)


def picture_input(inputs: Sequence[TensorSpec], settings: ImageSettings, *, explicit: bool = False) -> PictureInput:
    """The only input of four dimensions, with 3 or 1 channels, of those that `settings.inputs` does not name.

    explicit: a user gave the settings, even if they equal the defaults.

    Refused where there is none, or the settings do not fit its shape or dtype.
    """
    given = {one.name for one in settings.inputs}
    found = [spec for spec in inputs if spec.name not in given and may_take_a_picture(spec)]
    if len(found) > 1:
        found = [spec for spec in found if spec.shape is not None and {*_channels(spec.shape)} & {*_CHANNELS}]
    if len(found) != 1:
        takes = ", ".join(f"{spec.name} {spec.shown_shape}" for spec in inputs)
        raise _refused(
            "MissingField",
            f"the model takes {takes}; expected one input of four dimensions with 3 or 1 channels (where there are "
            f"more, image={{'inputs': ...}} says what the others get), a table with its columns, {_STEP}",
        )
    return _fitted(found[0], settings, explicit)


def may_take_a_picture(spec: TensorSpec) -> bool:
    """By its dimensions alone: four, or any number."""
    return spec.shape is None or len(spec.shape) == 4


def check_beside(inputs: Sequence[TensorSpec], settings: ImageSettings) -> None:
    """Refused where an input beside the picture's gets nothing, or something that does not fit its shape and dtype."""
    takes = picture_input(inputs, settings)
    beside_arrays(inputs, settings, _A_PICTURE, (takes.width or _A_PICTURE[0], takes.height or _A_PICTURE[1]))


def beside_arrays(
    inputs: Sequence[TensorSpec], settings: ImageSettings, picture: tuple[int, int], size: tuple[int, int]
) -> dict[str, npt.NDArray[Any]]:
    """The arrays of the inputs beside the picture's, in their dtypes and shapes.

    Args:
        inputs: all of the model's.
        settings: its image settings.
        picture: width and height.
        size: width and height of the model's input.
    """
    takes = picture_input(inputs, settings).spec.name
    given = {one.name: one for one in settings.inputs}
    specs = {spec.name: spec for spec in inputs if spec.name != takes}
    if unknown := [name for name in given if name not in specs]:
        others = ", ".join(specs) or "none"
        raise _refused("MissingField", f"inputs: {unknown}; the picture goes to {takes}, beside it are: {others}")
    if missing := [name for name in specs if name not in given]:
        lacks = ", ".join(f"{name} {specs[name].shown_shape}" for name in missing)
        raise _refused(
            "MissingField",
            f"the picture goes to {takes}, and {lacks} gets nothing; expected configure(image={{'inputs': "
            f"{{'{missing[0]}': 'width,height'}}}}) with numbers or some of {', '.join(WORDS)}, a table with all "
            f"columns, {_STEP}",
        )
    if not given:
        return {}
    lies = placed(settings, picture, size)
    scale_x, scale_y = (1 / lies.pixels).tolist()
    facts = dict(zip(WORDS, (*picture, *size, scale_x, scale_y), strict=True))
    return {name: _array(one, specs[name], facts) for name, one in given.items()}


@lru_cache(maxsize=_KNOWN_MAX)
def placed(settings: ImageSettings, picture: tuple[int, int], size: tuple[int, int]) -> Placement:
    """Where a picture lies in an input. picture, size: width and height."""
    shorter = math.nan if settings.resize_shorter is None else settings.resize_shorter
    return placement(picture, size, settings.aspect, settings.place, settings.rounding, shorter)


def boxes_are_on_the_picture(settings: ImageSettings) -> bool:
    """Whether the model gets the picture's own size, and so returns boxes in its pixels, not in those of its input."""
    return any(value in _OF_THE_PICTURE for one in settings.inputs for value in one.values)


def _channels(shape: Shape) -> tuple[int | None, int | None]:
    return shape[1], shape[3]


@lru_cache(maxsize=_KNOWN_MAX)
def _fitted(spec: TensorSpec, settings: ImageSettings, explicit: bool) -> PictureInput:
    if spec.dtype not in PICTURE_DTYPES:
        raise _refused(
            "WrongDtype",
            f"input {spec.name!r} is {spec.dtype}; a picture becomes {', '.join(PICTURE_DTYPES)}: expected a model "
            f"that takes one of these, a table with its columns, {_STEP}",
        )
    _check_pixels(spec, settings)
    configured = None if settings.is_default and not explicit else settings.layout
    layout = configured or _declared_layout(spec.shape)
    if spec.shape is None:
        made = PictureInput(spec, layout, 1 if settings.colour == "GRAY" else 3, settings.width, settings.height)
        return _checked(made, settings)
    _batch, second, third, last = spec.shape
    declared, height, width = (second, third, last) if layout == "CHW" else (last, second, third)
    channels: Literal[1, 3] = 1 if declared == 1 or settings.colour == "GRAY" else 3
    made = PictureInput(spec, layout, channels, settings.width or width, settings.height or height)
    for came, expected in zip(_made(made), spec.shape, strict=True):
        if expected is not None and came not in (None, expected):
            raise _refused("WrongShape", _contradiction(made, declared))
    if layout == "CHW" != _declared_layout(spec.shape):
        raise _refused(
            "WrongShape",
            f"layout CHW came; input {spec.name!r} takes {spec.shown_shape}, whose last dimension has the channels: "
            "expected the layout HWC, or none",
        )
    return _checked(made, settings)


def _declared_layout(shape: Shape | None) -> Literal["CHW", "HWC"]:
    if shape is None:
        return "CHW"
    second, last = _channels(shape)
    return "HWC" if last in _CHANNELS and second not in _CHANNELS else "CHW"


def _check_pixels(spec: TensorSpec, settings: ImageSettings) -> None:
    """Refused where the values of the pixels 0 and 255 do not fit the dtype."""
    came = f"scale {settings.scale:g}, mean {list(settings.mean)} and std {list(settings.std)}"
    if spec.dtype == "uint8":
        plain = ImageSettings()
        if settings.scale not in (plain.scale, 1.0) or (settings.mean, settings.std) != (plain.mean, plain.std):
            raise _refused(
                "WrongDtype",
                f"input {spec.name!r} is uint8, which gets pixels from 0 to 255 as they are; {came} came: expected "
                "none of them",
            )
        return
    with np.errstate(over="ignore", invalid="ignore"):
        ends = (np.array([[0.0], [255.0]]) * settings.scale - settings.mean) / settings.std
        fits = np.isfinite(ends.astype(spec.dtype)).all()
    if not fits:
        raise _refused("WrongDtype", f"input {spec.name!r} is {spec.dtype}, which does not reach so far: {came}")


def _checked(made: PictureInput, settings: ImageSettings) -> PictureInput:
    """Refused where one channel has several numbers, or a crop has no size."""
    spec = made.spec
    if settings.aspect == "crop" and (made.width is None or made.height is None):
        raise _refused(
            "WrongShape", f"input {spec.name!r} is {spec.shown_shape}; aspect crop expected a width and a height"
        )
    for name in ("mean", "std", "pad"):
        numbers = getattr(settings, name)
        if made.channels == 1 and len({*numbers}) > 1:
            raise _refused(
                "WrongShape", f"input {spec.name!r} has one channel; {name} {list(numbers)} came: expected one number"
            )
    return made


def _made(made: PictureInput) -> Shape:
    """What a picture becomes; None for a side that is the picture's own."""
    if made.layout == "CHW":
        return (1, made.channels, made.height, made.width)
    return (1, made.height, made.width, made.channels)


def _contradiction(made: PictureInput, declared: int | None) -> str:
    what = f"a picture becomes {shown_sizes(_made(made))}, layout {made.layout}; input {made.spec.name!r} takes "
    what += f"{made.spec.shown_shape}"
    if declared is not None and declared not in _CHANNELS:
        other = "HWC" if made.layout == "CHW" else "CHW"
        return (
            f"{what}: {declared} channels; pictures have 3, or 1 where they are grey: configure the layout {other} if "
            f"the channels are in its other place, send a table with its columns, {_STEP}"
        )
    if declared is not None and declared != made.channels:
        return f"{what}: colour GRAY makes one channel; expected RGB or BGR for three"
    if (batch := made.spec.shape and made.spec.shape[0]) not in (None, 1):
        return f"{what}: its first dimension is fixed at {batch}, and a picture is a request of its own: send a table"
    return f"{what}: configure its layout, width and height, or none of them"


def _array(given: GivenInput, spec: TensorSpec, facts: Mapping[str, float]) -> npt.NDArray[Any]:
    values = np.array([facts[value] if isinstance(value, str) else value for value in given.values], np.float64)
    if spec.dtype == "string":
        raise _refused("WrongDtype", f"inputs: {given.name} is {spec.dtype}; expected an input of numbers")
    shape = _beside_shape(given, spec)
    with np.errstate(invalid="ignore", over="ignore"):
        cast = values.astype(spec.dtype)
    whole = np.asarray([isinstance(value, str) and not value.startswith("scale") for value in given.values])
    exact = np.ones(len(values), bool) if cast.dtype.kind in "iub" else whole
    if not np.array_equal(cast[exact].astype(np.float64), values[exact]) or not np.isfinite(cast).all():
        raise _refused(
            "WrongDtype",
            f"inputs: {given.name} is {spec.dtype}, which cannot hold {', '.join(f'{value:g}' for value in values)}",
        )
    return np.full(shape, cast[0]) if len(cast) == 1 else cast.reshape(shape)


def _beside_shape(given: GivenInput, spec: TensorSpec) -> tuple[int, ...]:
    """The input's own shape for one picture. A free first dimension is 1, but for an input of one dimension. One number
    fills the input, one word does not."""
    count = len(given.values)
    if spec.shape is None:
        return (1, count)
    free = [1 if at == 0 and side is None and len(spec.shape) > 1 else side for at, side in enumerate(spec.shape)]
    known = math.prod(side for side in free if side is not None)
    if free.count(None) == 1 and known and count % known == 0:
        free = [count // known if side is None else side for side in free]
    shape = tuple(side for side in free if side is not None)
    fills = count == 1 and not isinstance(given.values[0], str)
    if len(shape) < len(free) or (not fills and math.prod(shape) != count):
        raise _refused(
            "WrongShape",
            f"inputs: {given.name} takes {spec.shown_shape}, {count} {'value' if count == 1 else 'values'} came: "
            f"{', '.join(map(str, given.values))}",
        )
    return shape


def _refused(error: RefusalCode, message: str) -> Refused:
    return Refused(error, message, "decode")
