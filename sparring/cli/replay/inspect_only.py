"""`sparring replay` without sending: what would be sent, decisions derived again, other weights."""

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, assert_never

from schemas.errors import SparringError
from schemas.limits import MIB
from schemas.pipelines import PipelineVersion
from sparring.cli.exits import FAILED, NOTHING_THERE, OK
from sparring.cli.out import complain, print_json, say
from sparring.cli.progress import watched
from sparring.cli.replay.options import FrameSelection
from sparring.cli.tables import console, table
from sparring.replay.decisions import Verified, WhatIf, verified
from sparring.replay.decisions import what_if as weigh_anew
from sparring.replay.frame import ExpiredFrames, FrameOfOtherPipeline, ReplayFrame, UnreadableFrame
from sparring.replay.pending_frames import read_frames
from sparring.replay.plan import REFUSALS_MAX, Plan
from sparring.replay.recorded import RecordedAnswers, official_answers
from sparring.replay.source import FrameSource, SelectedFrames, TopicRange
from sparring.replay.topic_frames import recorded_frames
from sparring.system.connection import Connection

T = TypeVar("T")


def dry_run(connection: Connection, plan: Plan, parsed: argparse.Namespace) -> int:
    """Read the frames, and say what would be sent, and where."""
    keys: Counter[bytes | None] = Counter()
    size_bytes = 0
    times: list[int] = []
    refused = missing = 0
    for frame in _watched(read_frames(connection, plan.source)):
        match frame:
            case UnreadableFrame(why=why):
                refused += 1
                if refused <= REFUSALS_MAX:
                    complain(f"would be refused: {why}")
            case ExpiredFrames(numbers=numbers):
                missing += len(numbers)
            case FrameOfOtherPipeline():
                pass
            case ReplayFrame():
                keys[frame.key] += 1
                size_bytes += len(frame.value)
                times = [min([*times[:1], frame.asked.at]), max([*times[1:], frame.asked.at])]
            case _:
                assert_never(frame)
    first, last = (datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds") for at in times or [0, 0])
    facts: dict[str, Any] = {
        "frames": keys.total(),
        "bytes": size_bytes,
        "keys": len([key for key in keys if key is not None]),
        "first": first if times else None,
        "last": last if times else None,
        "refused": refused,
        "missing": missing,
        "pipeline": str(plan.version.pipeline),
        "pipeline_version": None if parsed.candidate else plan.version.version,
        "candidate": parsed.candidate,
        "live": plan.live,
    }
    code = FAILED if refused or missing else OK if times else NOTHING_THERE
    if parsed.json:
        print_json(facts)
        return code
    shown = table("would be sent", "")
    shown.add_row("frames", f"{facts['frames']:,}")
    shown.add_row("size", f"{size_bytes / MIB:,.1f} MiB")
    shown.add_row("keys", f"{facts['keys']:,}")
    shown.add_row("from", str(facts["first"]))
    shown.add_row("to", str(facts["last"]))
    shown.add_row("refused", f"{refused:,}")
    shown.add_row("missing", f"{missing:,}")
    by = f"the candidate {parsed.candidate}" if parsed.candidate else f"version {plan.version.version}"
    shown.add_row("answered by", f"{plan.version.pipeline}, {by}")
    shown.add_row("answers", "official: the pipeline is live" if plan.live else "in a dataset, nothing official")
    console(soft_wrap=True).print(shown)
    say("nothing was sent")
    return code


def verify(connection: Connection, frames: FrameSelection, *, shown_max: int, as_json: bool) -> int:
    """Derive every decision again; exit code 1 where one differs or cannot be derived; 3 where there is none."""
    source = _routed(frames.source)
    with (
        tempfile.TemporaryDirectory(prefix="sparring-verify-") as folder,
        RecordedAnswers(Path(folder) / "answers") as recorded,
    ):
        recorded.keep(official_answers(connection, source, frames.since))
        seen = verified(_watched(recorded_frames(connection, source)), recorded, connection.catalog())
    if as_json:
        print_json(seen)
    else:
        _print_verified(seen, shown_max)
    if seen.differences or seen.unknown:
        return FAILED
    return OK if seen.decided else NOTHING_THERE


def what_if(connection: Connection, source: FrameSource, version: PipelineVersion, parsed: argparse.Namespace) -> int:
    """The split that other weights would have given."""
    try:
        seen = weigh_anew(_watched(recorded_frames(connection, _routed(source))), version, parsed.what_if)
    except ValueError as error:
        raise SparringError(f"--what-if: {error}") from error
    if parsed.json:
        print_json(seen)
    else:
        _print_what_if(seen, parsed.show)
    return OK


def _routed(source: FrameSource) -> TopicRange | SelectedFrames:
    if not isinstance(source, TopicRange | SelectedFrames):
        raise SparringError("decisions are derived of frames that were routed: --from, --offsets, --ids, or a filter")
    return source


def _watched(frames: Iterable[T]) -> Iterator[T]:
    return watched(frames, "frames")


def _print_verified(seen: Verified, shown_max: int) -> None:
    shown = table("decisions", "count ")
    shown.add_row("derived again", f"{seen.decided:,}")
    shown.add_row("of these otherwise", f"{len(seen.differences):,}")
    shown.add_row("of a version that the catalog does not know", f"{seen.unknown.total():,}")
    shown.add_row("refused or expired before a version decided", f"{seen.before:,}")
    shown.add_row("frames without an answer", f"{seen.unanswered:,}")
    console(soft_wrap=True).print(shown)
    for one in seen.differences[:shown_max]:
        say(
            f"request {one.request_id} ({one.frame}), version {one.version}: answered: {one.was}; "
            f"derived: {one.derived}"
        )
    if len(seen.differences) > shown_max:
        say(f"... and {len(seen.differences) - shown_max:,} more: --show, or --json for all")
    for version, number in seen.unknown.most_common(shown_max):
        say(f"{number:,} answers are of {version}, which the catalog does not know: not derived again")


def _print_what_if(seen: WhatIf, shown_max: int) -> None:
    shown = table("arm", "weight ", "then ", "frames ", "then ", "keys ", "then ")
    frames = max(1, seen.frames.total())
    for arm in seen.weights:
        shown.add_row(
            arm,
            f"{seen.weights[arm]:g}",
            f"{seen.other[arm]:g}",
            f"{seen.frames[arm]:,} ({seen.frames[arm] / frames:.1%})",
            f"{seen.frames_then[arm]:,} ({seen.frames_then[arm] / frames:.1%})",
            f"{seen.keys[arm]:,}",
            f"{seen.keys_then[arm]:,}",
        )
    console(soft_wrap=True).print(shown)
    if seen.refused:
        say(f"{seen.refused:,} frames that the split cannot place are left out")
    if seen.keys_left_out:
        say(f"only the first {seen.keys.total():,} keys are counted")
    routes = Counter((move.before, move.after) for move in seen.moves)
    for (before, after), number in routes.most_common():
        say(f"{number:,} of {seen.keys.total():,} keys would move from {before} to {after}")
    for move in seen.moves[:shown_max]:
        say(f"  {move.key}: {move.before} -> {move.after}")
    if len(seen.moves) > shown_max:
        say(f"  ... and {len(seen.moves) - shown_max:,} more: --show, or --json for all")
