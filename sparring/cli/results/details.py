"""One request's answers as a page: what is known of them, and the outputs side by side."""

from typing import Any, Final

from rich.table import Table

from adapters.redis import Answers
from schemas.errors import Refused
from schemas.results import Answer
from schemas.tasks import SplitChoice
from schemas.topics import TopicNames
from sparring.checks import printed
from sparring.cli.results.fields import outputs
from sparring.cli.tables import console, table
from sparring.dataset.outputs import failure_of

_SHOWN: Final = 6
"""Numbers of one list; `--json` has all."""


def print_answers(official: Answer, answers: Answers, topics: TopicNames) -> None:
    """Everything about one answer, the most asked first."""
    out = console(highlight=False)
    facts = table("", "", show_header=False)
    facts.columns[0].style = "bold"
    for name, text in _facts(official, answers, topics):
        facts.add_row(name, text)
    out.print(facts)
    beside = (official, *answers.challengers)
    if any(answer.status == "ok" for answer in beside):
        out.print()
        out.print(_outputs(beside))


def _facts(official: Answer, answers: Answers, topics: TopicNames) -> list[tuple[str, str]]:
    times = official.timings
    facts = [("request", official.request_id), ("status", official.status)]
    if official.status != "ok":
        why = failure_of(official)
        facts += [
            ("error", f"{why.error}: {why.message}"),
            ("stage", why.stage),
            ("dead letter", _letter(official, topics)),
        ]
    facts += [
        ("pipeline", f"{official.pipeline}, {_version(official.pipeline_version)}"),
        ("model", _model(official)),
        ("sha256", official.model_sha256 or "-"),
        *(("split", _decision(choice)) for choice in official.split),
        ("frame", f"{official.frame}, sha256 {official.frame_digest[:16]}..."),
        ("published", printed(official.published_at)),
        ("times", f"queued {_ms(times.queued_ns)}, decode {_ms(times.decode_ns)}, infer {_ms(times.infer_ns)}"),
    ]
    if official.traceparent is not None:
        facts.append(("trace", official.traceparent))
    facts += [("challenger", _challenger(answer)) for answer in answers.challengers]
    if (missing := official.parts - len(answers.challengers)) > 0:
        facts.append(("challenger", f"{missing} of {official.parts} not there (yet)"))
    if answers.duplicates:
        facts.append(
            ("duplicates", f"{answers.duplicates} later frames had the same request id; the first answer stays")
        )
    return facts


def _letter(official: Answer, topics: TopicNames) -> str:
    if official.status == "expired":
        return "none: an expired frame has none"
    return f"the frame and its headers: topic {topics.deadletters}, the record with the header frame={official.frame}"


def _model(answer: Answer) -> str:
    if answer.model is None:
        return "none: routing failed"
    named = f"{answer.model}, {_version(answer.model_version)}"
    return named if answer.role == "challenger" else f"{named}, {answer.role}"


def _version(version: str | None) -> str:
    return "version unknown" if version is None else f"version {version}"


def _challenger(answer: Answer) -> str:
    line = f"{_model(answer)}: {answer.status}"
    if answer.status == "ok":
        return f"{line}, infer {_ms(answer.timings.infer_ns)}"
    why = failure_of(answer)
    return f"{line}: {why.error}: {why.message} (stage {why.stage})"


def _decision(choice: SplitChoice) -> str:
    weights = ", ".join(f"{weight} {name}" for name, weight in choice.weights)
    if choice.hash_key is None:
        by = "by the request id"
    elif choice.missing:
        by = f"by the request id: {choice.hash_key} was not in the request"
    elif choice.position is None:
        by = f"by {choice.hash_key}"
    else:
        by = f"by {choice.hash_key}, {choice.position:g}"
    return f"step {choice.step}: {choice.name} of {weights}; {by}"


def _outputs(answers: tuple[Answer, ...]) -> Table:
    """A line per row and output, a column per answer."""
    by_answer = [_columns(answer) for answer in answers]
    shown = table("row ", "output", *(f"{answer.model} ({answer.role})" for answer in answers))
    names = list(dict.fromkeys(name for columns in by_answer for name in columns))
    count = max((len(cells) for columns in by_answer for cells in columns.values()), default=0)
    for row in range(count):
        for name in names:
            cells = [columns.get(name, [])[row : row + 1] for columns in by_answer]
            shown.add_row(str(row), name, *(_cell(*cell) if cell else "-" for cell in cells))
    return shown


def _columns(answer: Answer) -> dict[str, list[Any]]:
    try:
        return outputs(answer) if answer.status == "ok" else {}
    except Refused:
        return {}


def _cell(value: object) -> str:
    if not isinstance(value, list):
        return _number(value)
    shown = ", ".join(_number(one) for one in value[:_SHOWN])
    return f"{shown}, ... {len(value)} in all" if len(value) > _SHOWN else shown or "none"


def _number(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _ms(duration_ns: int) -> str:
    return f"{duration_ns / 1e6:.1f} ms"
