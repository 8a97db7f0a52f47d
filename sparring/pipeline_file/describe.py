"""Steps and configurations as text: for lists, and for one line per change. Pure."""

from collections.abc import Sequence
from typing import Any, Final, assert_never

import msgspec

from schemas.models import Configuration, ImageSettings, PinnedModel, arm_names
from schemas.pipelines import ModelStep, RandomSplit, ShadowDeploy, Step, step_models

SHORT: Final = 8
"""Characters of a version or sha in text for people."""

_VALUE_CHARS_MAX: Final = 60


def steps_in_words(steps: Sequence[Step]) -> str:
    """`split 2:1 a, b > post`; empty without steps."""
    return " > ".join(step_in_words(step) for step in steps)


def step_in_words(step: Step, *, versions: bool = False) -> str:
    """`split 2:1 a, b by camera`. versions: with each model's version, as `a@3b0e1c2d`."""
    models = step_models(step)
    names = [_with_version(pinned) for pinned in models] if versions else [_short(name) for name in arm_names(models)]
    match step:
        case ModelStep():
            return names[0]
        case RandomSplit(arms=arms, hash_key=hash_key):
            weights = ":".join(f"{arm.weight:g}" for arm in arms)
            return f"split {weights} {', '.join(names)}" + (f" by {hash_key}" if hash_key else "")
        case ShadowDeploy(share=share):
            return f"shadow {names[0]} with {', '.join(names[1:])}" + ("" if share == 1.0 else f" share {share:g}")
        case _:
            assert_never(step)


def configuration_in_words(configuration: Configuration, before: Configuration | None = None) -> str:
    """The fields that differ from `before`, with both values; None: those that differ from the defaults."""
    base = Configuration(runtime=configuration.runtime) if before is None else before
    changes = []
    for name in Configuration.__struct_fields__:
        old, new = getattr(base, name), getattr(configuration, name)
        if old != new:
            changes.append(f"{name} {_value(new)}" if before is None else f"{name} {_value(old)} -> {_value(new)}")
    return "; ".join(changes)


def _with_version(pinned: PinnedModel) -> str:
    return f"{pinned.model.name}@{pinned.model.version[:SHORT]}"


def _short(name: str) -> str:
    beginning, at, version = name.partition("@")
    return f"{beginning}{at}{version[:SHORT]}"


def _value(value: Any) -> str:
    if isinstance(value, ImageSettings):
        return _image(value)
    text = msgspec.json.encode(value).decode()
    if len(text) <= _VALUE_CHARS_MAX:
        return text
    return f"{len(value)} of them" if isinstance(value, tuple) else f"{text[:_VALUE_CHARS_MAX]}..."


def _image(settings: ImageSettings) -> str:
    """The settings that differ from the defaults: `{"aspect":"letterbox","pad":[114,114,114]}`."""
    plain = ImageSettings()
    differs = {
        name: value for name in plain.__struct_fields__ if (value := getattr(settings, name)) != getattr(plain, name)
    }
    if settings.inputs:
        differs["inputs"] = {extra.name: extra.values for extra in settings.inputs}
    return msgspec.json.encode(differs).decode()
