"""The index rebuilt from the topics: Redis is a view, so it can be had again."""

from collections.abc import Callable
from typing import Final

from adapters.redis import field_of
from schemas.limits import MIB
from schemas.results import Answer
from sparring.results.answers import AnswerRole, read_answers
from sparring.system.connection import Connection

_ANSWERS_AT_ONCE: Final = 100
_BYTES_AT_ONCE: Final = 8 * MIB


def rebuild(connection: Connection, since: int, progress: Callable[[str, int], None]) -> tuple[int, int]:
    """Write the answers from `since` (Unix milliseconds) on into Redis; returns how many were official, and
    challengers'. In the order of the topics, so that of two official answers the first one stays.

    Raises:
        ConnectionError: Kafka does not answer.
        RetryLater: Redis does not answer. What was written stays; run it again.
    """
    return (_rebuild(connection, "official", since, progress), _rebuild(connection, "shadow", since, progress))


def _rebuild(connection: Connection, role: AnswerRole, since: int, progress: Callable[[str, int], None]) -> int:
    waiting: list[Answer] = []
    waiting_bytes = written = 0
    with read_answers(connection.broker, connection.topics, role, since=since) as answers:
        for answer in answers:
            if not _is_indexed(answer):
                continue
            waiting.append(answer)
            waiting_bytes += len(answer.value)
            if len(waiting) >= _ANSWERS_AT_ONCE or waiting_bytes >= _BYTES_AT_ONCE:
                connection.answers.write(waiting)
                written += len(waiting)
                waiting, waiting_bytes = [], 0
                progress("results" if role == "official" else "shadows", written)
    connection.answers.write(waiting)
    return written + len(waiting)


def _is_indexed(answer: Answer) -> bool:
    """A stranger's record is passed over, as the indexer does: it must not keep all that follows out of Redis."""
    try:
        field_of(answer)
    except ValueError:
        return False
    return True
