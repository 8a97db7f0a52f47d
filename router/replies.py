"""Records that the router sends instead of a task: error answers, dead letters, expired and shed answers. Pure.

Each function returns the records in the order in which they are sent. A dead letter stands before its answer: if the
broker is lost between the two, the frame is read again, and may have expired by then.
"""

from dataclasses import replace
from typing import NamedTuple

from schemas.errors import Refused
from schemas.frames import Frame, RawHeaders
from schemas.results import (
    Answer,
    Timings,
    answer_before_routing,
    answer_of_slip,
    dead_letter,
    failure_value,
    why_expired,
)
from schemas.tasks import Task
from schemas.topics import TopicNames


class Reply(NamedTuple):
    """One record to send."""

    topic: str
    key: bytes | None
    value: bytes
    headers: RawHeaders


def refused(topics: TopicNames, frame: Frame, refusal: Refused, traceparent: str | None, now_ms: int) -> list[Reply]:
    """The dead letter and the error answer of a frame that has no route."""
    value = failure_value(refusal.error, refusal.message, refusal.stage)
    answer = replace(answer_before_routing(frame, "error", value, now_ms), traceparent=traceparent)
    return [_dead_letter(topics, frame, refusal), _answer(topics.results, answer)]


def undeliverable(topics: TopicNames, task: Task, refusal: Refused, now_ms: int) -> list[Reply]:
    """The dead letter and the error answer of an official task whose topic is gone. The answer names the task's
    pipeline version and model."""
    value = failure_value(refusal.error, refusal.message, refusal.stage)
    answer = answer_of_slip(task.frame, task.slip, "error", value, now_ms, Timings())
    return [_dead_letter(topics, task.frame, refusal), _answer(topics.results, answer)]


def expired(topics: TopicNames, frame: Frame, deadline_ms: int, traceparent: str | None, now_ms: int) -> list[Reply]:
    """The answer of a frame that was read after its deadline, a Unix time in ms."""
    value = failure_value("Expired", why_expired(frame, deadline_ms, "the router read the frame"), "route")
    answer = replace(answer_before_routing(frame, "expired", value, now_ms), traceparent=traceparent)
    return [_answer(topics.results, answer)]


def shed(topics: TopicNames, task: Task, reason: str, now_ms: int) -> list[Reply]:
    """The answer of a challenger's task that was not delivered in time."""
    value = failure_value("Shed", reason, "route")
    return [_answer(topics.shadows, answer_of_slip(task.frame, task.slip, "shed", value, now_ms, Timings()))]


def _dead_letter(topics: TopicNames, frame: Frame, refusal: Refused) -> Reply:
    return Reply(topics.deadletters, *dead_letter(frame, refusal, attempts=1))


def _answer(topic: str, answer: Answer) -> Reply:
    return Reply(topic, answer.key, answer.value, answer.headers())
