"""Reads a pipeline file: the format of docs/pipeline-file.md, and nothing else."""

from pathlib import Path
from typing import Final

from schemas.limits import FRAME_AGE_MS_LIMIT
from schemas.names import PipelineName, checked_name, checked_tag
from sparring.checks import checked_count
from sparring.framework import Framework
from sparring.wanted.configuring import read_arguments
from sparring.wanted.nouns import Wanted, WantedModel
from sparring.wanted.place import Place
from sparring.wanted.rules import read_rules
from sparring.wanted.steps import read_steps
from sparring.wanted.text import read_yaml

KEYS: Final = ("workspace", "pipeline", "tags", "models", "steps", "validations", "frame_age_ms_max", "deployed")
MODEL_KEYS: Final = ("path", "framework", "configure")


def read_wanted(content: bytes, folder: Path, workspace: str) -> Wanted:
    """What the file wants.

    Args:
        content: YAML.
        folder: what the models' paths are relative to.
        workspace: where the file names none.

    Raises:
        WrongFile: it names the place in the file.
    """
    fields = Place("", read_yaml(content)).known(KEYS, required=("pipeline", "steps"))
    return Wanted(
        pipeline=PipelineName(
            _name(fields["workspace"]) if "workspace" in fields else workspace, _name(fields["pipeline"])
        ),
        tags=_tags(fields["tags"]) if "tags" in fields else None,
        models=_models(fields["models"], folder) if "models" in fields else (),
        steps=read_steps(fields["steps"]),
        validations=read_rules(fields["validations"]) if "validations" in fields else (),
        frame_age_ms_max=_age(fields["frame_age_ms_max"]) if "frame_age_ms_max" in fields else None,
        deployed=fields["deployed"].flag() if "deployed" in fields else True,
    )


def _name(place: Place) -> str:
    try:
        return checked_name("", place.value)
    except ValueError:
        raise place.wrong("letters, digits and dashes, starting with a letter, under 64 characters") from None


def _age(place: Place) -> int:
    try:
        return checked_count("", place.value, 1, FRAME_AGE_MS_LIMIT)
    except (TypeError, ValueError):
        raise place.wrong(f"milliseconds, 1 to {FRAME_AGE_MS_LIMIT}") from None


def _tags(place: Place) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_tag(one) for one in place.items("tags")))


def _tag(place: Place) -> str:
    try:
        return checked_tag(place.value)
    except ValueError:
        raise place.wrong("printable text without commas, under 64 characters") from None


def _models(place: Place, folder: Path) -> tuple[WantedModel, ...]:
    return tuple(_model(name, one, folder) for name, one in place.fields("a mapping of models by name").items())


def _model(name: str, place: Place, folder: Path) -> WantedModel:
    _name(Place(place.path, name))
    fields = place.known(MODEL_KEYS, required=("path",))
    path = fields["path"].text("a path, relative to this file")
    if not (folder / path).is_file():
        raise fields["path"].wrong(f"a file; {folder / path} is none")
    framework = Framework.ONNX
    if "framework" in fields:
        if fields["framework"].value not in list(Framework):
            raise fields["framework"].wrong(" or ".join(Framework))
        framework = Framework(fields["framework"].text())
    arguments = read_arguments(fields["configure"]) if "configure" in fields else None
    return WantedModel(name, folder / path, path, framework, arguments, place)
