"""Answers read from the topics `results` and `shadows`: by time, to the end or as they come.

The topics may hold an answer twice (see docs/contract.md); it is given as often as it stands there.
"""

import warnings
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Literal, Self

from schemas.results import Answer
from schemas.topics import TopicNames
from sparring.kafka.broker import Broker
from sparring.kafka.records import RecordStream
from sparring.results.query import Filter

AnswerRole = Literal["official", "shadow"]


def read_answers(
    broker: Broker,
    topics: TopicNames,
    role: AnswerRole = "official",
    wanted: Filter | None = None,
    *,
    since: int | None = None,
    follow: bool = False,
    passed_over: Callable[[str], None] | None = None,
) -> "AnswerStream":
    """The answers of one topic; where reading begins and ends is settled before this returns.

    Args:
        broker: where the topics are.
        topics: their names.
        role: official: `results`; shadow: `shadows`, the challengers'.
        wanted: which of them; None: all.
        since: Unix milliseconds. None: from the topic's beginning, or, with follow, from now on.
        follow: False: up to the topic's end as it is now, in the order of time across partitions. True: on and on,
            as they come; a key's answers are in order, those of different keys need not be.
        passed_over: told of each record that is no answer, with its place; None: a warning each.

    Raises:
        ConnectionError: the topic is not there, or the broker does not answer in time; so does the iteration.
    """
    topic = topics.results if role == "official" else topics.shadows
    return AnswerStream(RecordStream(broker, topic, since, follow=follow), wanted or Filter(), passed_over or _warn)


class AnswerStream(Iterator[Answer]):
    """Made by `read_answers`. Iterate in one thread; a context manager, or call `close`. Any thread, and a signal's
    handler, may call `stop`."""

    def __init__(self, records: RecordStream, wanted: Filter, passed_over: Callable[[str], None]) -> None:
        self._records = records
        self._wanted = wanted
        self._passed_over = passed_over
        self.stop = records.stop
        self.close = records.close

    def __next__(self) -> Answer:
        for record in self._records:
            answer = self._answer(record)
            if answer is not None and self._wanted.takes(answer):
                return answer
        raise StopIteration

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answer(self, record: Any) -> Answer | None:
        try:
            if record.value is None:
                raise ValueError("it has no value")  # noqa: TRY301  # as any other record that is no answer
            return Answer.from_record(record.key, record.value, list(record.headers))
        except ValueError as error:
            why = " ".join(str(error).split())
            self._passed_over(f"{record.topic}/{record.partition}/{record.offset} is passed over: {why}")
            return None


def _warn(line: str) -> None:
    warnings.warn(line, stacklevel=4)
