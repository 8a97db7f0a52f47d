"""The account: facts of frames and answers go in, a report comes out. Pure.

For each frame there must be

- an answer on `results`, of the frame's own bytes, made by the model that the pure routing function names for the
  pipeline version that the answer names; more than one is counted
- for an answer that is an error, a dead letter with the frame's bytes, and no dead letter without one
- for each challenger that the routing function names, an answer, an error or a shed record on `shadows`
- exactly one official answer by request in Redis, and it is one of those on the topic
- the order of its key: frames of one key, answered by one model version, have their first answers in their order
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sparring.ledger.facts import Dead, Decision, Sent, Told

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


Index = Callable[[str, str], tuple[str, str] | None]
"""(request id, pipeline) -> the official answer in Redis: its frame's origin and its value's sha256; None where there
is none."""


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
    on_results = {(told.origin, told.value_digest) for answers in official.values() for told in answers}
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
            _check_index(report, frame, answers[0], wanted, on_results, index)
    for frame, what in _out_of_order(sent, official):
        _find(report, "out of order", frame, what)
    # Counted only: a challenger's tasks are rather lost than waited for, and what is sent again may change places.
    report.counts["challengers out of order"] = len(_out_of_order(sent, challenged))
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
        {(told.pipeline_version, told.model) for told in challenged}
    )
    for told in challenged:
        counts[f"shadows {told.status}"] += 1
    counts["dead letters"] += len(letters)
    counts["duplicate dead letters"] += max(0, len(letters) - 1)


def _check_answer(report: Report, frame: Sent, told: Told) -> None:
    _check_bytes(report, frame, told)
    if told.pipeline_version is None:
        # Refused or expired before a version took it.
        if frame.routable:
            _find(report, "wrong decision", frame, f"{told.error or told.status}, while a version was live for it")
        return
    decision = frame.decisions.get(told.pipeline_version)
    if decision is None or told.pipeline != frame.pipeline:
        what = f"answered by {told.pipeline} version {told.pipeline_version}, which was not live for it then"
        _find(report, "wrong decision", frame, what)
    elif (decision.answers, decision.sha256) != (told.model, told.sha256):
        what = f"answered by {told.model}, sha256 {told.sha256}; expected {_expected(decision)}"
        _find(report, "wrong decision", frame, what)
    elif told.status == "shed" or (told.status == "expired" and not decision.may_expire):
        _find(report, "wrong decision", frame, f"{told.status}, which nothing allowed")


def _check_bytes(report: Report, frame: Sent, told: Told) -> None:
    if told.digest != (frame.digest or told.digest) or told.request_id != frame.request_id:
        _find(report, "other bytes", frame, f"an answer is of request {told.request_id}, sha256 {told.digest[:12]}")


def _check_challenger(report: Report, frame: Sent, told: Told) -> None:
    _check_bytes(report, frame, told)
    decision = frame.decisions.get(told.pipeline_version or "")
    if decision is None or told.pipeline != frame.pipeline or decision.challengers.get(told.model or "") != told.sha256:
        _find(report, "wrong decision", frame, f"challenged by {told.model}, sha256 {told.sha256}, which nobody chose")


def _check_letters(report: Report, frame: Sent, answers: list[Told], letters: list[Dead]) -> None:
    errors = {told.error for told in answers if told.status == "error"}
    for error in errors:
        if not any(letter.error == error and letter.digest == (frame.digest or letter.digest) for letter in letters):
            _find(report, "missing dead letter", frame, f"{error} has no dead letter with the frame's bytes")
    for letter in letters:
        if letter.error not in errors:
            _find(report, "dead letter without an error", frame, f"{letter.error} has no error answer")


def _check_challengers(report: Report, frame: Sent, told: Told, challenged: list[Told]) -> None:
    decision = frame.decisions.get(told.pipeline_version or "")
    if decision is None:
        return
    came = {one.model for one in challenged if one.pipeline_version == told.pipeline_version}
    for challenger in sorted(decision.challengers):
        if challenger not in came:
            _find(report, "missing challenger", frame, f"{challenger}: no answer, error or shed record on shadows")


def _check_index(
    report: Report, frame: Sent, told: Told, wanted: set[str], on_results: set[tuple[str, str]], index: Index
) -> None:
    held = index(told.request_id, told.pipeline)
    if held is None:
        _find(report, "not in the index", frame, f"Redis has no official answer of {told.pipeline}")
    elif held[0] not in wanted:
        report.counts["answered in Redis by an earlier frame of the same request id"] += 1
    elif held not in on_results:
        _find(report, "other answer in the index", frame, "Redis holds an answer that is not on results")


def _out_of_order(sent: Sequence[Sent], told: dict[str, list[Told]]) -> list[tuple[Sent, str]]:
    """Frames of one key lie on one partition, and so do their answers. What is shed, or answered by the router because
    its model cannot be reached, is written when somebody gives up, not in a turn."""
    found: list[tuple[Sent, str]] = []
    lines: dict[tuple[bytes, int, str, int], list[tuple[int, Sent]]] = defaultdict(list)
    for frame in sent:
        firsts: dict[str, Told] = {}
        for one in told.get(frame.origin, []):
            if one.model is not None and one.status != "shed" and not one.by_router:
                firsts.setdefault(one.model, one)
        for model, first in firsts.items():
            if frame.key is not None:
                lines[frame.key, frame.partition, model, first.partition].append((first.offset, frame))
    for line in lines.values():
        latest = -1
        for _, frame in sorted(line, key=lambda answered: answered[0]):
            if frame.offset < latest:
                found.append((frame, f"answered after the frame at offset {latest} of the same key"))
            latest = max(latest, frame.offset)
    return found


def _expected(decision: Decision) -> str:
    return f"the error {decision.refused}" if decision.answers is None else decision.answers


def _find(report: Report, kind: Kind, frame: Sent, what: str) -> None:
    report.findings.append(Finding(kind, frame.request_id, frame.origin, what))
