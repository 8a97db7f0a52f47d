"""The image settings of `configure()`, checked: how an encoded image becomes a model's input. Pure."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from schemas import models
from schemas.errors import Refused
from schemas.models import GivenInput, ImageSettings, TensorSpec
from schemas.pictures.inputs import WORDS, check_beside, may_take_a_picture, picture_input
from sparring.checks import plain, struct_of

SIDE_PX_MAX: Final = 65_535
"""Of a side of what images are resized to: more than any encoded image has."""


def checked_image(
    model: models.ModelVersion, inputs: Sequence[TensorSpec], image: object, batch_rows_max: int
) -> ImageSettings:
    """The image settings of a model; ValueError if they do not fit. Nothing to fit: a model of tables only."""
    settings = image_settings(image)
    if image is None or not (settings.inputs or any(may_take_a_picture(spec) for spec in inputs)):
        return settings
    try:
        picture_input(inputs, settings, explicit=True)
        check_beside(inputs, settings)
    except Refused as refusal:
        raise ValueError(f"image: {refusal.message.replace('the model', model.name, 1)}") from None
    flat = [spec.name for spec in inputs if spec.shape is not None and len(spec.shape) == 1]
    several = [extra for extra in settings.inputs if extra.name in flat and len(extra.values) > 1]
    if batch_rows_max > 1 and several:
        raise ValueError(
            f"image: inputs: {several[0].name} has one dimension, which holds {len(several[0].values)} values of one "
            f"picture; batch_rows_max {batch_rows_max} came: expected 1"
        )
    return settings


def image_settings(image: object) -> ImageSettings:
    """ImageSettings from a struct or its fields; TypeError or ValueError that names the field."""
    if image is None:
        return ImageSettings()
    if isinstance(image, ImageSettings):
        image = msgspec.structs.asdict(image)  # a struct made by a user is not checked yet
    if not isinstance(image, Mapping):
        raise TypeError(f"image: {type(image).__name__}; expected a dictionary or ImageSettings")
    fields = {name: _three(plain(value)) if name in ("mean", "std", "pad") else value for name, value in image.items()}
    if "inputs" in fields:
        fields["inputs"] = _given_inputs(fields["inputs"])
    settings = struct_of("image", fields, ImageSettings)
    _check_numbers(settings)
    _check_aspect(settings)
    return settings


def _check_numbers(settings: ImageSettings) -> None:
    for name in ("width", "height", "resize_shorter"):
        pixels = getattr(settings, name)
        if pixels is not None and not 1 <= pixels <= SIDE_PX_MAX:
            raise ValueError(f"image: {name} {pixels}; expected 1 to {SIDE_PX_MAX} pixels")
    if not all(map(math.isfinite, (settings.scale, *settings.mean, *settings.std))) or 0 in settings.std:
        raise ValueError(
            f"image: scale {settings.scale}, mean {settings.mean}, std {settings.std}; "
            "expected finite numbers, and none of std 0"
        )
    if not all(0 <= value <= 255 for value in settings.pad):
        raise ValueError(f"image: pad {list(settings.pad)}; expected pixels, 0 to 255")


def _check_aspect(settings: ImageSettings) -> None:
    """ValueError for a setting that has no effect with the aspect."""
    defaults = ImageSettings()
    for name, aspects in (
        ("pad", ("letterbox", "crop")),
        ("place", ("letterbox",)),
        ("rounding", ("letterbox",)),
        ("resize_shorter", ("crop",)),
    ):
        value = getattr(settings, name)
        if value != getattr(defaults, name) and settings.aspect not in aspects:
            listed = list(value) if isinstance(value, tuple) else value
            raise ValueError(
                f"image: {name} {listed!r} with aspect {settings.aspect!r}; expected aspect "
                f"{' or '.join(map(repr, aspects))}"
            )


def _three(value: object) -> object:
    """A single number, for all channels, as three."""
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 1:
        value = value[0]
    return [value] * 3 if isinstance(value, int | float) and not isinstance(value, bool) else value


def _given_inputs(given: object) -> list[GivenInput]:
    accepted = "expected a mapping of inputs to words and numbers, as {'orig_target_sizes': 'width,height'}"
    if isinstance(given, list | tuple) and all(isinstance(extra, GivenInput) for extra in given):
        given = {extra.name: extra.values for extra in given}
    if not isinstance(given, Mapping):
        raise TypeError(f"image: inputs: {type(given).__name__}; {accepted}")
    return [GivenInput(str(name), tuple(_values(str(name), value))) for name, value in given.items()]


def _values(name: str, given: object) -> Iterator[str | float]:
    """Words and numbers, from text with commas or from a list."""
    parts = given.split(",") if isinstance(given, str) else given
    parts = [parts] if isinstance(parts, int | float) else parts
    wrong = ValueError(f"image: inputs: {name}: {given!r}; expected numbers, or some of {', '.join(WORDS)}")
    if not isinstance(parts, Sequence) or not parts:
        raise wrong
    for part in parts:
        word = part.strip() if isinstance(part, str) else part
        if isinstance(word, str) and word in WORDS:
            yield word
            continue
        try:
            number = float(word)
        except (TypeError, ValueError):
            raise wrong from None
        if not math.isfinite(number):
            raise wrong
        yield number
