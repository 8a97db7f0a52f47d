"""The arguments of `sparring replay` as a source and a plan."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, assert_never
from uuid import uuid4

from adapters.store import ModelStore
from schemas.errors import SparringError
from schemas.names import PipelineName
from schemas.pipelines import PipelineVersion
from sparring.connection import Connection
from sparring.replay.choosing import Answered, chosen, dead_letters
from sparring.replay.execute import STACK
from sparring.replay.journal import FOLDER
from sparring.replay.plan import Pace, Plan
from sparring.replay.reaches import by_offsets, by_time
from sparring.replay.rows import count_rows
from sparring.replay.source import Chosen, DeadLetters, Files, Rows, Source, TopicRange
from sparring.replay.target import candidate, deployed_version
from sparring.sources import find_files
from sparring.spans import Span
from sparring.wanted.file import read_wanted
from sparring.when import now_ms

_DAY_MS = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Frames:
    """Which frames. count: how many there are at most; None: not known. since: the first one's time, Unix
    milliseconds; None: not known."""

    source: Source
    count: int | None
    since: int | None = None


def frames_of(connection: Connection, parsed: argparse.Namespace, answers: PipelineName) -> Frames:
    """The source that is meant. answers: the pipeline whose recorded frames are meant where none is named."""
    pipeline = parsed.of_pipeline or answers
    if parsed.paths:
        return _files(parsed) if parsed.column is None else _rows(parsed)
    if parsed.dead_letters:
        since = parsed.since
        return _counted(dead_letters(connection, since, parsed.error, pipeline), since)
    if parsed.offsets is not None:
        spans = {
            number: Span(begin) if end is None else Span(begin, end) for number, (begin, end) in parsed.offsets.items()
        }
        try:
            return _counted(by_offsets(connection, spans, str(pipeline)), None)
        except ValueError as error:
            raise SparringError(f"--offsets: {error}") from error
    wanted = Answered(
        ids=parsed.ids,
        # An id says enough: whoever names one means it, whatever its pipeline.
        pipeline=pipeline if parsed.ids is None else parsed.of_pipeline,
        model=parsed.of_model,
        anomalous=parsed.anomalous,
        confidence_below=parsed.confidence_below,
        status=parsed.status,
    )
    if wanted == Answered(pipeline=pipeline):
        return _counted(by_time(connection, parsed.since, parsed.until, str(pipeline)), parsed.since)
    since = now_ms() - _DAY_MS if parsed.since is None else parsed.since
    return _counted(chosen(connection, wanted, since, parsed.until), since)


def pipeline_of(parsed: argparse.Namespace) -> PipelineName:
    """Whose version answers: the pipeline that is named, or the candidate's."""
    if parsed.candidate is None:
        name: PipelineName = parsed.pipeline
        return name
    path = Path(parsed.candidate)
    return read_wanted(path.read_bytes(), path.parent, "default").pipeline


def version_of(connection: Connection, parsed: argparse.Namespace, folder: Path | None) -> PipelineVersion:
    """What answers. folder: of the dataset, where a candidate's models are kept; None: a temporary one will do."""
    catalog = connection.catalog()
    if parsed.candidate is None:
        return deployed_version(catalog, parsed.pipeline, parsed.version)
    if folder is None:
        raise SparringError("--candidate is deployed nowhere: no decision was made by it; name its --pipeline")
    return candidate(catalog, Path(parsed.candidate), ModelStore(str(folder / FOLDER / STACK / "store")))


def plan_of(parsed: argparse.Namespace, frames: Frames, version: PipelineVersion) -> Plan:
    """All that is needed to go on later."""
    speed = 1.0 if parsed.realtime else parsed.speed
    return Plan(
        id=uuid4().hex[:12],
        created_at=now_ms(),
        source=frames.source,
        version=version,
        live=parsed.live,
        allow_python=parsed.allow_python,
        pace=Pace(parsed.fps, speed),
        frames=frames.count,
        since=frames.since,
    )


def _files(parsed: argparse.Namespace) -> Frames:
    found = find_files(parsed.paths).files
    from sparring.sources.paths import VIDEOS  # noqa: PLC0415  # beside what uses it

    count = None if any(path.suffix.lower() in VIDEOS for path in found) else len(found)
    return Frames(Files(tuple(str(path.absolute()) for path in found)), count)


def _rows(parsed: argparse.Namespace) -> Frames:
    (uri,) = parsed.paths
    where = uri if "://" in uri else str(Path(uri).absolute())
    source = Rows(where, _format(uri), parsed.column, now_ms(), parsed.key_column)
    return Frames(source, count_rows(source))


def _format(uri: str) -> Literal["parquet", "arrow"]:
    """By the name; a folder's by what is in it."""
    path = Path(uri)
    endings = {path.suffix} if "://" in uri or not path.is_dir() else {one.suffix for one in path.rglob("*")}
    return "arrow" if endings & {".arrow", ".feather", ".ipc"} and ".parquet" not in endings else "parquet"


def _counted(source: Source, since: int | None) -> Frames:
    match source:
        case TopicRange(reaches=reaches):
            return Frames(source, sum(one.end - one.begin for one in reaches), since)
        case Chosen(offsets=offsets) | DeadLetters(offsets=offsets):
            return Frames(source, sum(map(len, offsets.values())), since)
        case Files() | Rows():
            return Frames(source, None, since)
        case _:
            assert_never(source)
