"""The account: facts of frames and answers go in, a report comes out. Pure.

For each frame there must be

- an answer on `results`, of the frame's own bytes, decided as the pure routing function decides for the pipeline
  version that the answer names (model, sha256, number of challengers, position in each split), which was live at that
  time; more than one answer is counted
- an answer without a version only if none was live then, or if one of those refuses the frame with that error
- no `expired` before its deadline
- for an answer that is an error, a dead letter with the frame's bytes, and no dead letter without one; unless the frame
  has expired: a broker that was lost between the two kept the letter only, and the frame was read again too late
- for each challenger that the routing function names, an answer, an error or a shed record on `shadows`
- exactly one official answer by request in Redis, equal to one of this request's on the topic
- order: frames of one key that one process ran are answered in their order. They lie on one partition, and so do their
  answers. A path's process is that of its first model; a challenger's is the challenger's own. Shed records, and
  the router's answers for a model that cannot be reached, are excluded: they are written at a timeout.

Times are Unix milliseconds.
"""

import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from schemas.catalog import Switch
from sparring.ledger.decisions import mismatch
from sparring.ledger.facts import DeadLetterFact, Decision, IndexedAnswer, ObservedAnswer, ObservedFrame

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


def live_for(frame: ObservedFrame, answer: ObservedAnswer) -> tuple[str | None, ...]:
    """The versions that a router may have known when it took the frame, which was answered so: from the frame's own
    time on, since it may have waited, until its answer's. A camera's clock that is further ahead says nothing."""
    ahead = frame.produced_at > answer.published_at + SWITCH_SLACK_MS
    since = 0 if ahead else frame.produced_at - SWITCH_SLACK_MS
    return live_between(frame.history, since, answer.published_at + SWITCH_SLACK_MS)


ProcessOf = Callable[[ObservedFrame, ObservedAnswer], str | None]
"""The model, `name@version`, whose process gave an answer; None: no model's."""


def official_process(frame: ObservedFrame, answer: ObservedAnswer) -> str | None:
    """That of the first model of the frame's path."""
    decision = frame.decisions.get(answer.pipeline_version or "")
    return None if decision is None else decision.first


def challengers_process(_frame: ObservedFrame, answer: ObservedAnswer) -> str | None:
    """Each challenger has its own."""
    return answer.routed.model


def out_of_order(
    sent: Sequence[ObservedFrame], answer: Mapping[str, Sequence[ObservedAnswer]], process: ProcessOf
) -> list[tuple[ObservedFrame, str]]:
    """Frames whose first answer by a process follows that of a later frame of the same key; with the finding's text."""
    found: list[tuple[ObservedFrame, str]] = []
    lines: dict[tuple[bytes, int, str, int], list[tuple[int, ObservedFrame]]] = defaultdict(list)
    for frame in sent:
        if frame.key is None:
            continue
        firsts: dict[str, ObservedAnswer] = {}
        for one in answer.get(frame.origin, ()):
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


FindingKind = Literal[
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

    kind: FindingKind
    request_id: str
    origin: str
    what: str


@dataclass(slots=True)
class LedgerReport:
    """counts: what was seen; findings: what does not hold. An account without findings is in order."""

    counts: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    @property
    def in_order(self) -> bool:
        """Whether every frame is accounted for."""
        return not self.findings


NoLongerKept = Literal["no longer kept"]
IndexLookup = Callable[[ObservedAnswer], IndexedAnswer | NoLongerKept | None]
"""What Redis holds as the official answer of the request and the pipeline that an answer names; None: nothing, though
its time is not over."""

_AS_READ_HERE: Final = {"MissingHeader": ("BadHeader",)}
"""A frame whose headers have names that nobody can read is read without headers here (`sparring.kafka.bad_headers`):
what the router says of it is the second."""

_NOBODY_THERE: Final = {"UnknownPipeline", "NotDeployed"}
"""A router's errors while no version is live."""

_EXPIRED: Final = "Expired"
"""The error of an expired answer. No frame has a dead letter for it."""


def account(
    sent: Sequence[ObservedFrame],
    results: Iterable[ObservedAnswer],
    shadows: Iterable[ObservedAnswer],
    dead: Iterable[DeadLetterFact],
    index: IndexLookup | None,
) -> LedgerReport:
    """Account for every frame. Answers of other frames are left out; index None: Redis is not read."""
    report = LedgerReport()
    wanted = {frame.origin for frame in sent}
    official = _by_origin(results, wanted)
    challenged = _by_origin(shadows, wanted)
    letters: dict[str, list[DeadLetterFact]] = defaultdict(list)
    for letter in dead:
        if letter.origin in wanted:
            letters[letter.origin].append(letter)
    for frame in sent:
        answers = official.get(frame.origin, [])
        _count(report, answers, challenged.get(frame.origin, []), letters[frame.origin])
        if not answers:
            _find(report, "missing answer", frame, "no answer on results")
            continue
        for answer in answers:
            _check_answer(report, frame, answer)
        _check_letters(report, frame, answers, letters[frame.origin])
        for answer in challenged.get(frame.origin, []):
            _check_challenger(report, frame, answer)
        _check_challengers(report, frame, answers[0], challenged.get(frame.origin, []))
        if index is not None:
            _check_index(report, frame, answers[0], wanted, official, index)
    for frame, what in out_of_order(sent, official, official_process):
        _find(report, "out of order", frame, what)
    # Counted only: a challenger's tasks are rather lost than waited for, and what is sent again may change places.
    report.counts["challengers out of order"] = len(out_of_order(sent, challenged, challengers_process))
    report.counts["frames"] = len(sent)
    return report


def _by_origin(answer: Iterable[ObservedAnswer], wanted: set[str]) -> dict[str, list[ObservedAnswer]]:
    found: dict[str, list[ObservedAnswer]] = defaultdict(list)
    for one in answer:
        if one.origin in wanted:
            found[one.origin].append(one)
    return found


def _count(
    report: LedgerReport, answers: list[ObservedAnswer], challenged: list[ObservedAnswer], letters: list[DeadLetterFact]
) -> None:
    counts = report.counts
    counts["answers on results"] += len(answers)
    counts["duplicates on results"] += max(0, len(answers) - 1)
    for answer in answers[:1]:
        counts[f"answered {answer.status}"] += 1
        if answer.error is not None:
            counts[f"answered {answer.status}: {answer.error}"] += 1
    counts["records on shadows"] += len(challenged)
    counts["duplicates on shadows"] += len(challenged) - len(
        {(answer.pipeline_version, answer.routed.model) for answer in challenged}
    )
    for answer in challenged:
        counts[f"shadows {answer.status}"] += 1
    counts["dead letters"] += len(letters)
    counts["duplicate dead letters"] += max(0, len(letters) - 1)


def _check_answer(report: LedgerReport, frame: ObservedFrame, answer: ObservedAnswer) -> None:
    _check_bytes(report, frame, answer)
    if answer.pipeline_version is None:
        if not _is_right_before_any_version(frame, answer):
            what = (
                f"{answer.error or answer.status} before any version took it, which none that was live then says of it"
            )
            _find(report, "wrong decision", frame, what)
        return
    decision = _decision(frame, answer)
    if decision is None:
        what = f"answered by {answer.pipeline} version {answer.pipeline_version}, which was not live for it then"
        _find(report, "wrong decision", frame, what)
    elif (wrong := mismatch(decision, answer.routed)) is not None:
        _find(report, "wrong decision", frame, f"answered: {wrong.was}; expected {wrong.derived}")
    elif answer.status == "shed" or (answer.status == "expired" and not _is_over(frame, answer, decision)):
        _find(report, "wrong decision", frame, f"{answer.status}, which nothing allowed")


def _decision(frame: ObservedFrame, answer: ObservedAnswer) -> Decision | None:
    """That of the version which an answer names; None where it was not live for the frame."""
    if answer.pipeline != frame.pipeline or answer.pipeline_version not in live_for(frame, answer):
        return None
    return frame.decisions.get(answer.pipeline_version or "")


def _is_right_before_any_version(frame: ObservedFrame, answer: ObservedAnswer) -> bool:
    """Of an answer that names no version: refused, or expired, before one took the frame."""
    if frame.refused is not None:
        return answer.error in {frame.refused, *_AS_READ_HERE.get(frame.refused, ())}
    live = live_for(frame, answer)
    decided = [decision for version, decision in frame.decisions.items() if version in live]
    if answer.status == "expired":
        return any(_is_over(frame, answer, one) for one in decided)
    if None in live and answer.error in _NOBODY_THERE:
        return True
    return answer.error is not None and answer.error in {one.refused for one in decided}


def _is_over(frame: ObservedFrame, answer: ObservedAnswer, decision: Decision) -> bool:
    """Whether the frame had expired when its answer was published."""
    return decision.lives_ms is not None and frame.produced_at + decision.lives_ms <= answer.published_at


def _check_bytes(report: LedgerReport, frame: ObservedFrame, answer: ObservedAnswer) -> None:
    if answer.digest != (frame.digest or answer.digest) or answer.request_id != frame.request_id:
        _find(report, "other bytes", frame, f"an answer is of request {answer.request_id}, sha256 {answer.digest[:12]}")


def _check_challenger(report: LedgerReport, frame: ObservedFrame, answer: ObservedAnswer) -> None:
    _check_bytes(report, frame, answer)
    decision = _decision(frame, answer)
    if decision is None:
        version = f"{answer.pipeline} version {answer.pipeline_version}"
        what = f"challenged by {answer.routed.model} of {version}, which was not live for it then"
        _find(report, "wrong decision", frame, what)
    elif (wrong := mismatch(decision, answer.routed, official=False)) is not None:
        _find(report, "wrong decision", frame, f"challenged: {wrong.was}; expected {wrong.derived}")
    elif answer.status == "expired" and not _is_over(frame, answer, decision):
        _find(report, "wrong decision", frame, f"{answer.routed.model}: expired, which nothing allowed")


def _check_letters(
    report: LedgerReport, frame: ObservedFrame, answers: list[ObservedAnswer], letters: list[DeadLetterFact]
) -> None:
    errors = {answer.error for answer in answers if answer.status == "error"}
    for error in errors:
        if not any(letter.error == error and letter.digest == (frame.digest or letter.digest) for letter in letters):
            what = error or "an error that is not named"
            _find(report, "missing dead letter", frame, f"{what} has no dead letter with the frame's bytes")
    expired = any(answer.status == "expired" for answer in answers)
    for letter in letters:
        if letter.error in errors:
            continue
        if expired and letter.error != _EXPIRED:
            report.counts["refused, then expired when read again"] += 1
        else:
            _find(report, "dead letter without an error", frame, f"{letter.error} has no error answer")


def _check_challengers(
    report: LedgerReport, frame: ObservedFrame, answer: ObservedAnswer, challenged: list[ObservedAnswer]
) -> None:
    decision = frame.decisions.get(answer.pipeline_version or "")
    if decision is None:
        return
    came = {one.routed.model for one in challenged if one.pipeline_version == answer.pipeline_version}
    for challenger in sorted(decision.challengers):
        if challenger not in came:
            _find(report, "missing challenger", frame, f"{challenger}: no answer, error or shed record on shadows")


def _check_index(
    report: LedgerReport,
    frame: ObservedFrame,
    answer: ObservedAnswer,
    wanted: set[str],
    official: Mapping[str, list[ObservedAnswer]],
    index: IndexLookup,
) -> None:
    held = index(answer)
    if held is None:
        _find(report, "not in the index", frame, f"Redis has no official answer of {answer.pipeline}")
    elif held == "no longer kept":
        report.counts["no longer kept in Redis"] += 1
    elif (held.request_id, held.pipeline) != (answer.request_id, answer.pipeline):
        what = f"Redis holds an answer of request {held.request_id} to {held.pipeline} ({held.origin})"
        _find(report, "other answer in the index", frame, what)
    elif held.origin not in wanted:
        report.counts["answered in Redis by an earlier frame of the same request id"] += 1
    elif not any(_is_of(held, one) for one in official.get(held.origin, [])):
        _find(report, "other answer in the index", frame, "Redis holds an answer that is not on results")


def _is_of(held: IndexedAnswer, answer: ObservedAnswer) -> bool:
    """Whether an answer is the one that Redis holds."""
    return (answer.request_id, answer.pipeline, answer.value_digest) == (
        held.request_id,
        held.pipeline,
        held.value_digest,
    )


def _find(report: LedgerReport, kind: FindingKind, frame: ObservedFrame, what: str) -> None:
    report.findings.append(Finding(kind, frame.request_id, frame.origin, what))
