"""One request looked up: its answers in the index, and its frame's picture with their boxes.

What a box means is a convention of outputs: `boxes`, x1, y1, x2, y2 in pixels of the input of the first model
on the path, or of the picture itself where that model gets its size; `classes`, numbers
that `configure(class_names=...)` names; `confidences`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from adapters.images.decode import target_size
from adapters.redis import AnswerIndex, Answers
from schemas.errors import Refused, SparringError
from schemas.frames import Origin, RawHeaders, content_type
from schemas.models import PinnedModel
from schemas.names import PipelineName
from schemas.pictures.inputs import boxes_are_on_the_picture, picture_input, placed
from schemas.pictures.placement import Placement, placement
from schemas.pipelines import ModelStep, PipelineVersion, RandomSplit, ShadowDeploy
from schemas.results import Answer, digest
from schemas.tables.read import read_arrow
from sparring.frames.fetch import ReferenceUnreadable, fetch, resolved
from sparring.results.dataframe import cells
from sparring.system.connection import Connection
from sparring.vision import (
    COLOURS,
    Image,
    Layer,
    confident,
    decode,
    draw_layers,
    enlarged,
    legend,
)
from sparring.vision.places import four, on_picture


class NoPicture(SparringError, ValueError):
    """There are no boxes to draw, or no picture; the message names which."""


@dataclass(frozen=True, slots=True)
class FoundRequest:
    """A request in the index. pipelines: all that have answered it, challengers' lanes too; pipeline: the one that
    `answers` are of, None where it is not clear which one is meant."""

    request_id: str
    pipelines: tuple[str, ...]
    pipeline: str | None
    answers: Answers


def find(index: AnswerIndex, request_id: str, pipeline: str | None = None) -> FoundRequest:
    """What is known of a request to one pipeline, `workspace/name`; None: to the only one that answered it.

    Raises:
        RetryLater: Redis does not answer.
    """
    pipelines = tuple(index.pipelines(request_id))
    if pipeline is None and len(pipelines) == 1:
        pipeline = pipelines[0]
    answers = Answers() if pipeline is None else index.read(request_id, pipeline)
    return FoundRequest(request_id, pipelines, pipeline, answers)


def picture(connection: Connection, answers: Answers, confidence_min: float = 0.0) -> Image:
    """The frame of a request with the boxes of its answers, each model in a colour of its own, and a legend.

    A small frame is enlarged, so that labels have room. confidence_min: boxes below are left out.

    Raises:
        NoPicture: no official result, an answer without boxes, a frame that is no picture or is no longer on its
            topic.
        ConnectionError: Kafka does not answer.
    """
    official = answers.official
    if official is None or official.status != "ok":
        raise NoPicture("picture: there is no official result, so there are no boxes")
    name = PipelineName.parse(official.pipeline)
    version = connection.catalog().version(name, official.pipeline_version or "")
    if version is None:
        raise NoPicture(f"picture: the catalog has no version {official.pipeline_version} of pipeline {name}")
    exif = path_of(version, official)[0].configuration.image.exif
    value = _frame_value(connection, official)
    try:
        image = decode(value, exif=exif)
        layers = [_layer(image, path_of(version, official), official, 0, confidence_min)]
        for number, answer in enumerate(answers.challengers, start=1):
            path = path_of(version, answer)
            # Of a picture that it saw turned, its boxes would lie elsewhere.
            if answer.status == "ok" and path[0].configuration.image.exif == exif and has_boxes(answer):
                layers.append(_layer(image, path, answer, number, confidence_min))
        return legend(draw_layers(enlarged(image), layers), layers)
    except ValueError as error:
        raise NoPicture(f"picture: {error}") from error


def path_of(version: PipelineVersion, answer: Answer) -> tuple[PinnedModel, ...]:
    """The models that made an answer, in order: as the router chose them, a challenger's up to itself. Pure."""
    return tuple(_path_of(version, answer))


def _path_of(version: PipelineVersion, answer: Answer) -> Iterator[PinnedModel]:
    chosen = {choice.step: (choice.name, choice.version) for choice in answer.split}
    for index, step in enumerate(version.steps):
        match step:
            case ModelStep(model=model):
                yield model
            case RandomSplit(arms=arms):
                yield from (arm.model for arm in arms if _named(arm.model) == chosen.get(index))
            case ShadowDeploy(champion=champion, challengers=challengers):
                its_own = [one for one in challengers if _named(one) == (answer.model, answer.model_version)]
                if answer.role == "challenger" and its_own:
                    yield its_own[0]
                    return
                yield champion


def _named(pinned: PinnedModel) -> tuple[str, str]:
    return pinned.model.name, pinned.model.version


def class_names(path: tuple[PinnedModel, ...]) -> tuple[str, ...] | None:
    """The names that the last model of a path with any was configured with."""
    named = (pinned.configuration.class_names for pinned in reversed(path))
    return next((names for names in named if names is not None), None)


def has_boxes(answer: Answer) -> bool:
    """Whether an `ok` answer holds the boxes of one picture."""
    table = read_arrow(answer.value)
    return "boxes" in table.column_names and table.num_rows == 1


def _layer(image: Image, path: tuple[PinnedModel, ...], answer: Answer, number: int, confidence_min: float) -> Layer:
    """The boxes of an answer, on the picture as it is drawn."""
    table = read_arrow(answer.value)
    if not has_boxes(answer):
        raise ValueError(
            f"{answer.model} gives {', '.join(table.column_names)} in {table.num_rows} rows; expected an output "
            "`boxes` (x1, y1, x2, y2 for each, in pixels of the model's input) in one row"
        )
    found = on_picture(four(_first(table, "boxes") or []), _lies(image, path[0])) * _times(image)
    classes, confidences = (_first(table, name) for name in ("classes", "confidences"))
    layer = Layer(found, classes, confidences, class_names(path), COLOURS[number % len(COLOURS)])
    kept = confident(layer, confidence_min)
    count = f"{len(found)} {'box' if len(found) == 1 else 'boxes'}"
    if (drawn := np.shape(kept.boxes)[0]) < len(found):
        count = f"{drawn} of {count}, from {confidence_min:g}"
    return replace(kept, title=f"{answer.model} {(answer.model_version or '')[:8]} ({answer.role}): {count}")


def _lies(image: Image, model: PinnedModel) -> Placement:
    """Where the picture lies in what the model's boxes are in pixels of: its input, or the picture itself."""
    own = (image.shape[1], image.shape[0])
    settings = model.configuration.image
    if boxes_are_on_the_picture(settings):
        return placement(own, own)
    try:
        spec = picture_input(model.inputs, settings).spec
    except Refused as refusal:
        raise ValueError(f"{model.model.name} takes no pictures: {refusal.message}") from None
    return placed(settings, own, target_size(image, settings, spec))


def _times(image: Image) -> int:
    """How many times as large the picture is drawn."""
    large, own = enlarged(image).shape[0], image.shape[0]
    return int(large // own)


def _first(table: pa.Table, name: str) -> list[float] | None:
    """The first row's list of one output; None where there is no such output."""
    return cells(table[name])[0] if name in table.column_names else None


def _frame_value(connection: Connection, answer: Answer) -> bytes:
    """The frame's bytes, as the model saw them."""
    place = Origin.parse(answer.frame)
    original = fetch(connection.broker, [place]).get(place)
    if original is None:
        raise NoPicture(
            f"picture: the frame {place} is no longer on its topic: frames are kept for 24 h, unless the topic is "
            "set otherwise"
        )
    why = "the topic was made anew" if original.reference is None else "what its reference leads to was changed"
    try:
        original = resolved(original, connection.settings)
    except ReferenceUnreadable as error:
        raise NoPicture(f"picture: {error}") from None
    if digest(original.value) != answer.frame_digest:
        raise NoPicture(f"picture: another frame lies at {place}: {why} after this answer")
    kind = content_type(_text(original.headers, "content-type"), original.value)
    if not kind.startswith("image/"):
        raise NoPicture(f"picture: the frame {place} is {kind}, not an encoded image")
    return original.value


def _text(headers: RawHeaders, name: str) -> str | None:
    """The last header of that name; it was read before, by the model's process."""
    return next((value.decode() for given, value in reversed(headers) if given == name and value is not None), None)
