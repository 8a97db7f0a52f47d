"""Which model processes a host should run, and what it cannot run and why. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from schemas.names import ModelKey
from schemas.pipelines import PipelineVersion
from schemas.presence import Beat
from schemas.topics import Lane

LaneOf = tuple[ModelKey, Lane]


@dataclass(frozen=True, slots=True)
class Wanted:
    """lanes: processes to run. problems: one sentence each, shown by `deploy()`."""

    lanes: frozenset[LaneOf] = frozenset()
    problems: tuple[str, ...] = field(default=())


def wanted_lanes(versions: Iterable[PipelineVersion], patterns: Sequence[str], allow_python: bool, host: str) -> Wanted:
    """The lanes that these versions need and that this host serves."""
    lanes: set[LaneOf] = set()
    problems: list[str] = []
    for version in versions:
        steps = [pinned for pinned in version.models() if pinned.configuration.runtime == "python"]
        if steps and not allow_python:
            problems.append(
                f"host {host} may not run Python steps: {version.pipeline} has {steps[0].model.name}; "
                "start it with SPARRING_ALLOW_PYTHON=true"
            )
            continue
        lanes |= {lane for lane in version.lanes() if serves(patterns, lane[0])}
    return Wanted(frozenset(lanes), tuple(problems))


def cold_lanes(
    versions: Iterable[PipelineVersion], lanes: Iterable[LaneOf], beats: Iterable[Beat], host: str
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


def serves(patterns: Sequence[str], model: ModelKey) -> bool:
    """Whether one of the patterns matches `workspace/name`."""
    return any(fnmatchcase(f"{model.workspace}/{model.name}", pattern) for pattern in patterns)
