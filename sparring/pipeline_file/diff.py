"""What must be done so that the system is as the file wants it. Pure."""

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Literal

import msgspec

from schemas.catalog import Catalog, Pipeline
from schemas.pipelines import PipelineVersion, Step, Validation
from sparring.pipeline_file.describe import SHORT, configuration_in_words, step_in_words
from sparring.pipeline_file.plan import NEW, PlannedVersion, as_configured

Sign = Literal["+", "-", "~"]
ChangeKind = Literal[
    "workspace", "upload", "configure", "pipeline", "step", "validation", "frame age", "version", "deploy", "tag"
]
"""Steps and validations are part of the version that is added or deployed after them; the rest is done one by one."""


class Change(msgspec.Struct, frozen=True):
    """One line. `+` comes, `-` goes, `~` becomes another. name: of what; text: for people. new_version: of a
    deployment: no version is as it is wanted yet."""

    sign: Sign
    kind: ChangeKind
    name: str
    text: str = ""
    new_version: bool = False

    def __str__(self) -> str:
        return f"{self.sign} {self.kind} {self.name}  {self.text}".rstrip()


def differences(planned: PlannedVersion, catalog: Catalog) -> list[Change]:
    """In the order in which they are done; empty where everything is as it is wanted."""
    wanted = planned.wanted
    known = catalog.pipelines.get(wanted.pipeline)
    changes: list[Change] = []
    if not catalog.has_workspace(wanted.pipeline.workspace):
        changes.append(Change("+", "workspace", wanted.pipeline.workspace))
    changes += _models(planned, catalog)
    if known is None:
        changes.append(Change("+", "pipeline", wanted.pipeline.name))
    changes += _version(planned, known or Pipeline())
    if wanted.tags is not None:
        tags = () if known is None else known.tags
        changes += [Change("+", "tag", tag) for tag in wanted.tags if tag not in tags]
        changes += [Change("-", "tag", tag) for tag in tags if tag not in wanted.tags]
    return changes


def _models(planned: PlannedVersion, catalog: Catalog) -> Iterator[Change]:
    for one in planned.wanted.models:
        pinned = planned.models[one.name]
        model = pinned.model
        if model.version == NEW:
            known = catalog.model_versions(model.workspace, model.name)
            beside = f"  the newest is version {known[-1].version[:SHORT]}" if known else ""
            yield Change("+", "upload", one.name, f"{one.shown}  sha {model.sha256[:SHORT]}{beside}")
        before = as_configured(model, catalog)
        if pinned.configuration != before:
            text = configuration_in_words(pinned.configuration, None if model.version == NEW else before)
            yield Change("+" if model.version == NEW else "~", "configure", one.name, text)


def _version(planned: PlannedVersion, known: Pipeline) -> Iterator[Change]:
    """The live version counts where one is to be live; else the latest, which deploy() would take."""
    name, wanted = planned.version.name, planned.version
    latest = known.versions.get(known.latest)
    live = known.live_version
    there = latest if latest is not None and _same(latest, wanted) else None
    if planned.wanted.deployed:
        if live is not None and _same(live, wanted):
            return
        yield from _inside(live or latest, wanted)
        came_from = "" if live is None else f"version {live.version[:SHORT]} -> "
        new = "a new version" if there is None else f"version {there.version[:SHORT]}"
        yield Change("+" if live is None else "~", "deploy", name, came_from + new, there is None)
        return
    if live is not None:
        yield Change("-", "deploy", name, f"version {live.version[:SHORT]}")
    if there is None:
        yield from _inside(latest, wanted)
        yield Change("+", "version", name, "not deployed")


def _same(one: PipelineVersion, other: PipelineVersion) -> bool:
    return (one.steps, _rules(one), one.frame_age_ms_max) == (other.steps, _rules(other), other.frame_age_ms_max)


def _inside(before: PipelineVersion | None, wanted: PipelineVersion) -> Iterator[Change]:
    """Step by step, rule by rule."""
    steps = () if before is None else before.steps
    for index, (old, new) in enumerate(zip_longest(steps, wanted.steps)):
        if old != new:
            yield _step(str(index), old, new)
    yield from _validations({} if before is None else _rules(before), _rules(wanted))
    age = None if before is None else before.frame_age_ms_max
    if age != wanted.frame_age_ms_max:
        yield Change("~", "frame age", wanted.name, f"{_milliseconds(age)} -> {_milliseconds(wanted.frame_age_ms_max)}")


def _milliseconds(age: int | None) -> str:
    return "any" if age is None else f"at most {age} ms"


def _step(name: str, old: Step | None, new: Step | None) -> Change:
    words = [None if step is None else step_in_words(step, versions=True) for step in (old, new)]
    match words:
        case [None, str(came)]:
            return Change("+", "step", name, came)
        case [str(went), None]:
            return Change("-", "step", name, went)
        case [went, came] if went == came:
            return Change("~", "step", name, f"{came}, with its models as they are configured now")
        case [went, came]:
            return Change("~", "step", name, f"{went} -> {came}")
        case _:
            raise AssertionError(words)


def _validations(old: Mapping[str, Validation], new: Mapping[str, Validation]) -> Iterator[Change]:
    for name in dict.fromkeys((*old, *new)):
        if name not in new:
            yield Change("-", "validation", name)
        elif name not in old:
            yield Change("+", "validation", name, _rule(new[name]))
        elif old[name] != new[name]:
            yield Change("~", "validation", name, f"{_rule(old[name])} -> {_rule(new[name])}")


def _rules(version: PipelineVersion) -> dict[str, Validation]:
    return {rule.name: rule for rule in version.validations}


def _rule(rule: Validation) -> str:
    from adapters.rules import read  # noqa: PLC0415  # polars, only where there are rules

    return str(read(rule))
