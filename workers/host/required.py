"""Which model processes a host should run, and what it cannot run and why. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from schemas.models import PinnedModel
from schemas.names import ModelKey, ModelLane
from schemas.pipelines import PipelineVersion
from schemas.presence import Beat, Failed


@dataclass(frozen=True, slots=True)
class RequiredLanes:
    """lanes: processes to run. problems: one sentence each, shown by `deploy()`."""

    lanes: frozenset[ModelLane] = frozenset()
    problems: tuple[str, ...] = field(default=())


def required_lanes(
    versions: Iterable[PipelineVersion], patterns: Sequence[str], allow_python: bool, host: str
) -> RequiredLanes:
    """The lanes that these versions need and that this host serves."""
    lanes: set[ModelLane] = set()
    problems: list[str] = []
    for version in versions:
        steps = _python_steps(version)
        if steps and not allow_python:
            problems.append(
                f"host {host} may not run Python steps: {version.pipeline} has {steps[0].model.name}; "
                "start it with SPARRING_ALLOW_PYTHON=true"
            )
            continue
        lanes |= {lane for lane in version.lanes() if serves(patterns, lane[0])}
    return RequiredLanes(frozenset(lanes), tuple(problems))


def _python_steps(version: PipelineVersion) -> list[PinnedModel]:
    return [pinned for pinned in version.models() if pinned.configuration.runtime == "python"]


def cold_lanes(
    versions: Iterable[PipelineVersion], lanes: Iterable[ModelLane], beats: Iterable[Beat], host: str
) -> list[str]:
    """What a host still waits for, one line each: its lanes whose process is not warm for a version that needs them."""
    warm = {(beat.model, beat.lane, warm.version) for beat in beats if beat.host == host for warm in beat.warm}
    mine = set(lanes)
    return [
        f"{model} ({lane} lane) to be warm for {version.pipeline} version {version.version}"
        for version in versions
        for model, lane in version.lanes()
        if (model, lane) in mine and (str(model), lane, version.version) not in warm
    ]


def failed(
    versions: Iterable[PipelineVersion], lanes: Collection[ModelLane], never: Mapping[ModelLane, str]
) -> tuple[Failed, ...]:
    """The failures that a host reports for versions that need a lane which it cannot serve.

    lanes: those that it serves. never: those that it cannot, and why.
    """
    return tuple(
        Failed(str(version.pipeline), version.version, str(model), lane, never[model, lane])
        for version in versions
        for model, lane in sorted(version.lanes())
        if (model, lane) in lanes and (model, lane) in never
    )


def retired_lanes(
    known: Iterable[PipelineVersion], needed: Iterable[PipelineVersion], patterns: Sequence[str], allow_python: bool
) -> frozenset[ModelLane]:
    """Lanes that no version needs any more, and whose every task this host may run: one may still come.

    known: all versions that there ever were. needed: those that are live or offered.
    """
    mine: set[ModelLane] = set()
    others = {lane for version in needed for lane in version.lanes()}
    for version in known:
        lanes = mine if allow_python or not _python_steps(version) else others
        lanes |= {lane for lane in version.lanes() if serves(patterns, lane[0])}
    return frozenset(mine - others)


def all_routers_know(beats: Iterable[Beat], catalog_offset: int) -> bool:
    """Whether every router has read the catalog so far, and delivered what it had decided before. Where no router
    beats nobody says so: one that is silent may have tasks to deliver."""
    routers = [beat for beat in beats if beat.kind == "router"]
    return bool(routers) and all(beat.catalog_offset >= catalog_offset for beat in routers)


def serves(patterns: Sequence[str], model: ModelKey) -> bool:
    """Whether one of the patterns matches `workspace/name`."""
    return any(fnmatchcase(f"{model.workspace}/{model.name}", pattern) for pattern in patterns)
