"""The arguments of `sparring replay` as a source and a plan."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, assert_never
from uuid import uuid4

import pyarrow.fs

from adapters.clock import now_ms
from adapters.storage.models import ModelStore
from schemas.errors import SparringError
from schemas.names import PipelineName
from schemas.pipelines import PipelineVersion
from sparring.cli.deployed import require_deployed
from sparring.cli.out import complain
from sparring.kafka.offsets import OffsetRange
from sparring.pipeline_file.parse import read_pipeline_file
from sparring.replay.dataset_frames import count_rows
from sparring.replay.journal import FOLDER
from sparring.replay.plan import STACK, Pace, Plan
from sparring.replay.select import AnswerFilter, begins_at, by_offsets, by_time, dead_letters, selected_frames
from sparring.replay.source import DatasetFrames, DeadLetters, Files, FrameSource, SelectedFrames, TopicRange
from sparring.replay.target import candidate, deployed_version
from sparring.sources import find_files, said_left_out
from sparring.sources.paths import VIDEOS
from sparring.sources.remote import find_remote
from sparring.sources.store import Store, is_remote, plain
from sparring.system.connection import Connection

_DAY_MS = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class FrameSelection:
    """Which frames. count: how many there are at most; None: not known. since: the first one's time, Unix
    milliseconds; None: not known."""

    source: FrameSource
    count: int | None
    since: int | None = None


def frames_of(connection: Connection, parsed: argparse.Namespace, answers: PipelineName) -> FrameSelection:
    """The source that is meant. answers: the pipeline whose recorded frames are meant where none is named."""
    pipeline = parsed.of_pipeline or answers
    if parsed.paths:
        return _files(parsed) if parsed.column is None else _rows(parsed)
    if parsed.dead_letters:
        since = parsed.since
        return _counted(dead_letters(connection, since, parsed.until, parsed.error, pipeline), since)
    if parsed.offsets is not None:
        spans = {
            number: OffsetRange(begin) if end is None else OffsetRange(begin, end)
            for number, (begin, end) in parsed.offsets.items()
        }
        try:
            found = by_offsets(connection, spans, str(pipeline))
        except ValueError as error:
            raise SparringError(f"--offsets: {error}") from error
        return _counted(found, begins_at(connection, found))
    wanted = AnswerFilter(
        ids=parsed.ids,
        # An id is enough: it selects a frame of any pipeline.
        pipeline=pipeline if parsed.ids is None else parsed.of_pipeline,
        model=parsed.of_model,
        anomalous=parsed.anomalous,
        confidence_below=parsed.confidence_below,
        status=parsed.status,
    )
    if wanted == AnswerFilter(pipeline=pipeline):
        return _counted(by_time(connection, parsed.since, parsed.until, str(pipeline)), parsed.since)
    since = now_ms() - _DAY_MS if parsed.since is None else parsed.since
    return _counted(selected_frames(connection, wanted, since, parsed.until), since)


def pipeline_of(parsed: argparse.Namespace) -> PipelineName:
    """Whose version answers: the pipeline that is named, or the candidate's."""
    if parsed.candidate is None:
        name: PipelineName = parsed.pipeline
        return name
    path = Path(parsed.candidate)
    return read_pipeline_file(path.read_bytes(), path.parent, "default").pipeline


def version_of(connection: Connection, parsed: argparse.Namespace, folder: Path | None) -> PipelineVersion:
    """What answers. folder: of the dataset, where a candidate's models are kept; None where no candidate is named."""
    catalog = connection.catalog()
    if parsed.live:
        return require_deployed(catalog, parsed.pipeline)
    if parsed.candidate is None:
        return deployed_version(catalog, parsed.pipeline, parsed.version)
    if folder is None:
        raise SparringError("--candidate is deployed nowhere: no decision was made by it; name its --pipeline")
    return candidate(catalog, Path(parsed.candidate), ModelStore(str(folder / FOLDER / STACK / "store")))


def plan_of(parsed: argparse.Namespace, frames: FrameSelection, version: PipelineVersion) -> Plan:
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


def check_permission(plan: Plan) -> None:
    """SparringError where the replay's own host would have to run Python and may not: going on would not help."""
    python = [one.model.name for one in plan.version.models() if one.configuration.runtime == "python"]
    if python and not (plan.live or plan.allow_python):
        raise SparringError(
            f"--allow-python is missing: the step {python[0]} is Python, and the replay's own host runs none without it"
        )


def _files(parsed: argparse.Namespace) -> FrameSelection:
    found = [path for name in parsed.paths for path in _found(name)]
    is_video = any(_ending(path) in VIDEOS for path in found)
    return FrameSelection(Files(tuple(found)), None if is_video else len(found))


def _found(name: str) -> Sequence[str]:
    if is_remote(name):
        return find_remote(name)
    found = find_files([name])
    if found.left_out:
        complain(f"{name}: {said_left_out(found.left_out)}")
    return [str(path.absolute()) for path in found.files]


def _ending(name: str) -> str:
    return PurePosixPath(plain(name) if is_remote(name) else name).suffix.lower()


def _rows(parsed: argparse.Namespace) -> FrameSelection:
    (uri,) = parsed.paths
    where = uri if is_remote(uri) else str(Path(uri).absolute())
    source = DatasetFrames(where, _format(uri), parsed.column, now_ms(), parsed.key_column)
    return FrameSelection(source, count_rows(source))


def _format(uri: str) -> Literal["parquet", "arrow"]:
    """By the name; a folder's by what is in it."""
    if is_remote(uri):
        store = Store.of(uri)
        is_folder = store.info().type == pyarrow.fs.FileType.Directory
        endings = set(map(_ending, store.below(store.path, recursive=True))) if is_folder else {_ending(uri)}
    elif (path := Path(uri)).is_dir():
        endings = {one.suffix for one in path.rglob("*")}
    else:
        endings = {path.suffix}
    return "arrow" if endings & {".arrow", ".feather", ".ipc"} and ".parquet" not in endings else "parquet"


def _counted(source: FrameSource, since: int | None) -> FrameSelection:
    match source:
        case TopicRange(reaches=reaches):
            return FrameSelection(source, sum(one.end - one.begin for one in reaches), since)
        case SelectedFrames(offsets=offsets) | DeadLetters(offsets=offsets):
            return FrameSelection(source, sum(map(len, offsets.values())), since)
        case Files() | DatasetFrames():
            return FrameSelection(source, None, since)
        case _:
            assert_never(source)
