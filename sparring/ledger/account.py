"""The account: facts of frames and answers go in, a report comes out. Pure.

For each frame there must be

- an answer on `results`, of the frame's own bytes, decided as the pure routing function decides for the pipeline
  version that the answer names (model, sha256, number of challengers, place in each split), which was live then; more
  than one is counted
- an answer before any version only where none was live then, or where one of those refuses the frame with that error
- no `expired` before its deadline
- for an answer that is an error, a dead letter with the frame's bytes, and no dead letter without one; unless the frame
  has expired: a broker that was lost between the two took the letter only, and the frame was read again too late
- for each challenger that the routing function names, an answer, an error or a shed record on `shadows`
- exactly one official answer by request in Redis, and it is one of this request's on the topic
- the order of its key (`order`)

Which versions of a pipeline were live when, by its history in the catalog. Unix milliseconds throughout. Pure.

Order: frames of one key that one process took are answered in their order. Pure.

Such frames lie on one partition, and so do their answers. A path's process is that of its first model; a challenger's
is the challenger's own. What is shed, or answered by the router because its model cannot be reached, is written when
somebody gives up, not in a turn.
"""

import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from schemas.catalog import Switch
from sparring.ledger.decisions import otherwise
from sparring.ledger.facts import Dead, Decision, Held, Sent, Told

SWITCH_SLACK_MS: Final = 60_000
"""How much the clocks of a producer, a broker and a service may differ. A switch that close to a frame may be before
it or after."""


def live_between(history: Sequence[Switch], since: int, until: float = math.inf) -> tuple[str | None, ...]:
    """The versions that were live at any moment from `since` to `until`; None among them: for a moment none was."""
    first = bisect_left(history, since, key=lambda switch: switch.at)
    found: dict[str | None, None] = {history[first - 1].version if first else None: None}
    while first < len(history) and history[first].at <= until:
        found[history[first].version] = None
        first += 1
    return tuple(found)


def live_for(frame: Sent, told: Told) -> tuple[str | None, ...]:
    """The versions that a router may have known when it took the frame, which was answered so: from the frame's own
    time on, since it may have waited, until its answer's. A camera's clock that is further ahead says nothing."""
    ahead = frame.produced_at > told.published_at + SWITCH_SLACK_MS
    since = 0 if ahead else frame.produced_at - SWITCH_SLACK_MS
    return live_between(frame.history, since, told.published_at + SWITCH_SLACK_MS)


Process = Callable[[Sent, Told], str | None]
"""The model, `name@version`, whose process gave an answer; None: no model's."""


def official_process(frame: Sent, told: Told) -> str | None:
    """That of the first model of the frame's path."""
    decision = frame.decisions.get(told.pipeline_version or "")
    return None if decision is None else decision.first


def challengers_process(_frame: Sent, told: Told) -> str | None:
    """Each challenger has its own."""
    return told.routed.model


def out_of_order(sent: Sequence[Sent], told: Mapping[str, Sequence[Told]], process: Process) -> list[tuple[Sent, str]]:
    """Frames whose first answer by a process came after that of a later frame of the same key; with what to say."""
    found: list[tuple[Sent, str]] = []
    lines: dict[tuple[bytes, int, str, int], list[tuple[int, Sent]]] = defaultdict(list)
    for frame in sent:
        if frame.key is None:
            continue
        firsts: dict[str, Told] = {}
        for one in told.get(frame.origin, ()):
            if one.status != "shed" and not one.by_router and (by := process(frame, one)) is not None:
                firsts.setdefault(by, one)
        for by, first in firsts.items():
            lines[frame.key, frame.partition, by, first.partition].append((first.offset, frame))
    for line in lines.values():
        latest = -1
        for _, frame in sorted(line, key=lambda answered: answered[0]):
            if frame.offset < latest:
                found.append((frame, f"answered after the frame at offset {latest} of the same key"))
            latest = max(latest, frame.offset)
    return found


Kind = Literal[
    "missing answer",
    "other bytes",
    "wrong decision",
    "missing dead letter",
    "dead letter without an error",
    "missing challenger",
    "not in the index",
    "other answer in the index",
    "out of order",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not hold, of one frame."""

    kind: Kind
    request_id: str
    origin: str
    what: str


@dataclass(slots=True)
class Report:
    """counts: what was seen; findings: what does not hold. An account without findings is in order."""

    counts: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    @property
    def in_order(self) -> bool:
        """Whether every frame is accounted for."""
        return not self.findings


NoLongerKept = Literal["no longer kept"]
Index = Callable[[Told], Held | NoLongerKept | None]
"""What Redis holds as the official answer of the request and the pipeline that an answer names; None: nothing, though
its time is not over."""

_AS_READ_HERE: Final = {"MissingHeader": ("BadHeader",)}
"""A frame whose headers have names that nobody can read is read without headers here (`sparring.unreadable`): what the
router says of it is the second."""

_NOBODY_THERE: Final = {"UnknownPipeline", "NotDeployed"}
"""What a router says while no version is live."""

_EXPIRED: Final = "Expired"
"""The error of an answer that says so. No frame has a dead letter for it."""


def account(
    sent: Sequence[Sent],
    results: Iterable[Told],
    shadows: Iterable[Told],
    dead: Iterable[Dead],
    index: Index | None,
) -> Report:
    """Account for every frame. Answers of other frames are left out; index None: Redis is not asked."""
    report = Report()
    wanted = {frame.origin for frame in sent}
    official = _by_origin(results, wanted)
    challenged = _by_origin(shadows, wanted)
    letters: dict[str, list[Dead]] = defaultdict(list)
    for letter in dead:
        if letter.origin in wanted:
            letters[letter.origin].append(letter)
    for frame in sent:
        answers = official.get(frame.origin, [])
        _count(report, answers, challenged.get(frame.origin, []), letters[frame.origin])
        if not answers:
            _find(report, "missing answer", frame, "no answer on results")
            continue
        for told in answers:
            _check_answer(report, frame, told)
        _check_letters(report, frame, answers, letters[frame.origin])
        for told in challenged.get(frame.origin, []):
            _check_challenger(report, frame, told)
        _check_challengers(report, frame, answers[0], challenged.get(frame.origin, []))
        if index is not None:
            _check_index(report, frame, answers[0], wanted, official, index)
    for frame, what in out_of_order(sent, official, official_process):
        _find(report, "out of order", frame, what)
    # Counted only: a challenger's tasks are rather lost than waited for, and what is sent again may change places.
    report.counts["challengers out of order"] = len(out_of_order(sent, challenged, challengers_process))
    report.counts["frames"] = len(sent)
    return report


def _by_origin(told: Iterable[Told], wanted: set[str]) -> dict[str, list[Told]]:
    found: dict[str, list[Told]] = defaultdict(list)
    for one in told:
        if one.origin in wanted:
            found[one.origin].append(one)
    return found


def _count(report: Report, answers: list[Told], challenged: list[Told], letters: list[Dead]) -> None:
    counts = report.counts
    counts["answers on results"] += len(answers)
    counts["duplicates on results"] += max(0, len(answers) - 1)
    for told in answers[:1]:
        counts[f"answered {told.status}"] += 1
        if told.error is not None:
            counts[f"answered {told.status}: {told.error}"] += 1
    counts["records on shadows"] += len(challenged)
    counts["duplicates on shadows"] += len(challenged) - len(
        {(told.pipeline_version, told.routed.model) for told in challenged}
    )
    for told in challenged:
        counts[f"shadows {told.status}"] += 1
    counts["dead letters"] += len(letters)
    counts["duplicate dead letters"] += max(0, len(letters) - 1)


def _check_answer(report: Report, frame: Sent, told: Told) -> None:
    _check_bytes(report, frame, told)
    if told.pipeline_version is None:
        if not _is_right_before_any_version(frame, told):
            what = f"{told.error or told.status} before any version took it, which none that was live then says of it"
            _find(report, "wrong decision", frame, what)
        return
    decision = _decision(frame, told)
    if decision is None:
        what = f"answered by {told.pipeline} version {told.pipeline_version}, which was not live for it then"
        _find(report, "wrong decision", frame, what)
    elif (wrong := otherwise(decision, told.routed)) is not None:
        _find(report, "wrong decision", frame, f"answered: {wrong.was}; expected {wrong.derived}")
    elif told.status == "shed" or (told.status == "expired" and not _is_over(frame, told, decision)):
        _find(report, "wrong decision", frame, f"{told.status}, which nothing allowed")


def _decision(frame: Sent, told: Told) -> Decision | None:
    """That of the version which an answer names; None where it was not live for the frame."""
    if told.pipeline != frame.pipeline or told.pipeline_version not in live_for(frame, told):
        return None
    return frame.decisions.get(told.pipeline_version or "")


def _is_right_before_any_version(frame: Sent, told: Told) -> bool:
    """Of an answer that names no version: refused, or expired, before one took the frame."""
    if frame.refused is not None:
        return told.error in {frame.refused, *_AS_READ_HERE.get(frame.refused, ())}
    live = live_for(frame, told)
    decided = [decision for version, decision in frame.decisions.items() if version in live]
    if told.status == "expired":
        return any(_is_over(frame, told, one) for one in decided)
    if None in live and told.error in _NOBODY_THERE:
        return True
    return told.error is not None and told.error in {one.refused for one in decided}


def _is_over(frame: Sent, told: Told, decision: Decision) -> bool:
    """Whether nobody wanted an answer any more when it was given."""
    return decision.lives_ms is not None and frame.produced_at + decision.lives_ms <= told.published_at


def _check_bytes(report: Report, frame: Sent, told: Told) -> None:
    if told.digest != (frame.digest or told.digest) or told.request_id != frame.request_id:
        _find(report, "other bytes", frame, f"an answer is of request {told.request_id}, sha256 {told.digest[:12]}")


def _check_challenger(report: Report, frame: Sent, told: Told) -> None:
    _check_bytes(report, frame, told)
    decision = _decision(frame, told)
    if decision is None:
        version = f"{told.pipeline} version {told.pipeline_version}"
        what = f"challenged by {told.routed.model} of {version}, which was not live for it then"
        _find(report, "wrong decision", frame, what)
    elif (wrong := otherwise(decision, told.routed, official=False)) is not None:
        _find(report, "wrong decision", frame, f"challenged: {wrong.was}; expected {wrong.derived}")
    elif told.status == "expired" and not _is_over(frame, told, decision):
        _find(report, "wrong decision", frame, f"{told.routed.model}: expired, which nothing allowed")


def _check_letters(report: Report, frame: Sent, answers: list[Told], letters: list[Dead]) -> None:
    errors = {told.error for told in answers if told.status == "error"}
    for error in errors:
        if not any(letter.error == error and letter.digest == (frame.digest or letter.digest) for letter in letters):
            what = error or "an error that is not named"
            _find(report, "missing dead letter", frame, f"{what} has no dead letter with the frame's bytes")
    expired = any(told.status == "expired" for told in answers)
    for letter in letters:
        if letter.error in errors:
            continue
        if expired and letter.error != _EXPIRED:
            report.counts["refused, then expired when read again"] += 1
        else:
            _find(report, "dead letter without an error", frame, f"{letter.error} has no error answer")


def _check_challengers(report: Report, frame: Sent, told: Told, challenged: list[Told]) -> None:
    decision = frame.decisions.get(told.pipeline_version or "")
    if decision is None:
        return
    came = {one.routed.model for one in challenged if one.pipeline_version == told.pipeline_version}
    for challenger in sorted(decision.challengers):
        if challenger not in came:
            _find(report, "missing challenger", frame, f"{challenger}: no answer, error or shed record on shadows")


def _check_index(
    report: Report, frame: Sent, told: Told, wanted: set[str], official: Mapping[str, list[Told]], index: Index
) -> None:
    held = index(told)
    if held is None:
        _find(report, "not in the index", frame, f"Redis has no official answer of {told.pipeline}")
    elif held == "no longer kept":
        report.counts["no longer kept in Redis"] += 1
    elif (held.request_id, held.pipeline) != (told.request_id, told.pipeline):
        what = f"Redis holds an answer of request {held.request_id} to {held.pipeline} ({held.origin})"
        _find(report, "other answer in the index", frame, what)
    elif held.origin not in wanted:
        report.counts["answered in Redis by an earlier frame of the same request id"] += 1
    elif not any(_is_of(held, one) for one in official.get(held.origin, [])):
        _find(report, "other answer in the index", frame, "Redis holds an answer that is not on results")


def _is_of(held: Held, told: Told) -> bool:
    """Whether an answer is the one that Redis holds."""
    return (told.request_id, told.pipeline, told.value_digest) == (held.request_id, held.pipeline, held.value_digest)


def _find(report: Report, kind: Kind, frame: Sent, what: str) -> None:
    report.findings.append(Finding(kind, frame.request_id, frame.origin, what))
