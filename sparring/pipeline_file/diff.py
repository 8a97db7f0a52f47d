"""The changes that bring the system to the state of a pipeline file. Pure."""

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Literal

import msgspec

from schemas.catalog import Catalog, Pipeline
from schemas.pipelines import PipelineVersion, Step, Validation
from sparring.pipeline_file.describe import SHORT, configuration_in_words, step_in_words
from sparring.pipeline_file.plan import NEW, PipelinePlan, as_configured

Sign = Literal["+", "-", "~"]
ChangeKind = Literal[
    "workspace", "upload", "configure", "pipeline", "step", "validation", "frame age", "version", "deploy", "tag"
]
"""Changes of steps, validations and frame age are part of the version that is added or deployed after them. Each other
change is executed alone."""


class Change(msgspec.Struct, frozen=True):
    """One change, and one line of output."""

    sign: Sign
    """`+` adds, `-` removes, `~` changes."""
    kind: ChangeKind
    name: str
    """Of the workspace, model, pipeline, step (its index), rule or tag."""
    text: str = ""
    """Details, for people."""
    new_version: bool = False
    """Of a deployment: no existing version has the planned steps and rules."""

    def __str__(self) -> str:
        return f"{self.sign} {self.kind} {self.name}  {self.text}".rstrip()


def differences(plan: PipelinePlan, catalog: Catalog) -> list[Change]:
    """The changes, in the order of their execution; empty if the system is in the planned state."""
    spec = plan.spec
    known = catalog.pipelines.get(spec.pipeline)
    changes: list[Change] = []
    if not catalog.has_workspace(spec.pipeline.workspace):
        changes.append(Change("+", "workspace", spec.pipeline.workspace))
    changes += _models(plan, catalog)
    if known is None:
        changes.append(Change("+", "pipeline", spec.pipeline.name))
    changes += _version(plan, known or Pipeline())
    if spec.tags is not None:
        tags = () if known is None else known.tags
        changes += [Change("+", "tag", tag) for tag in spec.tags if tag not in tags]
        changes += [Change("-", "tag", tag) for tag in tags if tag not in spec.tags]
    return changes


def _models(plan: PipelinePlan, catalog: Catalog) -> Iterator[Change]:
    for one in plan.spec.models:
        pinned = plan.models[one.name]
        model = pinned.model
        if model.version == NEW:
            known = catalog.model_versions(model.workspace, model.name)
            beside = f"  the newest is version {known[-1].version[:SHORT]}" if known else ""
            yield Change("+", "upload", one.name, f"{one.shown}  sha {model.sha256[:SHORT]}{beside}")
        before = as_configured(model, catalog)
        if pinned.configuration != before:
            text = configuration_in_words(pinned.configuration, None if model.version == NEW else before)
            yield Change("+" if model.version == NEW else "~", "configure", one.name, text)


def _version(plan: PipelinePlan, known: Pipeline) -> Iterator[Change]:
    """Compared with the live version if it is to be deployed; else with the latest, which `deploy()` takes."""
    name, version = plan.version.name, plan.version
    latest = known.versions.get(known.latest)
    live = known.live_version
    there = latest if latest is not None and _same(latest, version) else None
    if plan.spec.deployed:
        if live is not None and _same(live, version):
            return
        yield from _inside(live or latest, version)
        live_before = "" if live is None else f"version {live.version[:SHORT]} -> "
        new = "a new version" if there is None else f"version {there.version[:SHORT]}"
        yield Change("+" if live is None else "~", "deploy", name, live_before + new, there is None)
        return
    if live is not None:
        yield Change("-", "deploy", name, f"version {live.version[:SHORT]}")
    if there is None:
        yield from _inside(latest, version)
        yield Change("+", "version", name, "not deployed")


def _same(one: PipelineVersion, other: PipelineVersion) -> bool:
    return (one.steps, _rules(one), one.frame_age_ms_max) == (other.steps, _rules(other), other.frame_age_ms_max)


def _inside(before: PipelineVersion | None, version: PipelineVersion) -> Iterator[Change]:
    """The differences inside a version: step by step, rule by rule."""
    steps = () if before is None else before.steps
    for index, (old, new) in enumerate(zip_longest(steps, version.steps)):
        if old != new:
            yield _step(str(index), old, new)
    yield from _validations({} if before is None else _rules(before), _rules(version))
    age = None if before is None else before.frame_age_ms_max
    if age != version.frame_age_ms_max:
        yield Change(
            "~", "frame age", version.name, f"{_milliseconds(age)} -> {_milliseconds(version.frame_age_ms_max)}"
        )


def _milliseconds(age: int | None) -> str:
    return "any" if age is None else f"at most {age} ms"


def _step(name: str, old: Step | None, new: Step | None) -> Change:
    words = [None if step is None else step_in_words(step, versions=True) for step in (old, new)]
    match words:
        case [None, str(added)]:
            return Change("+", "step", name, added)
        case [str(removed), None]:
            return Change("-", "step", name, removed)
        case [before, after] if before == after:
            return Change("~", "step", name, f"{after}, with its models as they are configured now")
        case [before, after]:
            return Change("~", "step", name, f"{before} -> {after}")
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
