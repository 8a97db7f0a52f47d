"""The index of answers: Redis or Valkey, by request. A view: wiped, it is rebuilt from the topics.

`AnswerIndex.write` is idempotent and atomic per answer: the first official answer of a request
wins, a later one of another frame is noted as a duplicate; of a challenger's answers the first
wins, but a real one replaces `shed`. Whoever waits for a request is woken by a message.
"""

import json
import queue
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import redis

from schemas.errors import RetryLater
from schemas.keys import Keys, challenger_field, duplicate_field, headers_field, official_field
from schemas.limits import PIPELINE_LOG_MAX, RESULT_TTL_S
from schemas.results import Answer

_CONNECT_S: Final = 5.0
_ANSWER_S: Final = 30.0
_DEAF_S: Final = 1.0
"""A listener looks by itself this often: a message is lost where its connection was."""

_WRITE: Final = """
local request, pipeline = KEYS[1], KEYS[2]
local field, headers_field, value, headers = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local official, frame, duplicate_field = ARGV[5] == '1', ARGV[6], ARGV[7]
local ttl_s, published_at, request_id, log_max, channel = ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[12]
local there = redis.call('HGET', request, headers_field)
if official then
    if not there then
        redis.call('HSET', request, field, value, headers_field, headers)
        redis.call('ZADD', pipeline, published_at, request_id)
        redis.call('ZREMRANGEBYRANK', pipeline, 0, -(tonumber(log_max) + 1))
        redis.call('EXPIRE', pipeline, ttl_s)
    elseif cjson.decode(there)['frame'] ~= frame then
        redis.call('HSETNX', request, duplicate_field, published_at)
    end
elseif not there or cjson.decode(there)['status'] == 'shed' then
    redis.call('HSET', request, field, value, headers_field, headers)
end
redis.call('EXPIRE', request, ttl_s)
redis.call('PUBLISH', channel, field)
"""


@dataclass(frozen=True, slots=True)
class Answers:
    """What is known of one request to one pipeline.

    challengers: of the official answer's pipeline version, in no order; empty while there is no
    official answer. duplicates: later official answers of other frames with the same request id.
    """

    official: Answer | None
    challengers: tuple[Answer, ...]
    duplicates: int

    @property
    def complete(self) -> bool:
        """The official answer and every challenger's are there."""
        return self.official is not None and len(self.challengers) >= self.official.parts


class Ear:
    """Hears of one request. Made by `AnswerIndex.listen`."""

    def __init__(self, read: Callable[[], Answers], pubsub: Any) -> None:
        self._read = read
        self._pubsub = pubsub

    def wait(self, enough: Callable[[Answers], bool], timeout_s: float) -> Answers:
        """What is known as soon as `enough` says so, or when `timeout_s` is over. Sleeps in between."""
        deadline_s = time.monotonic() + timeout_s
        answers = self._read()
        while not enough(answers) and (left_s := deadline_s - time.monotonic()) > 0:
            self._pubsub.get_message(ignore_subscribe_messages=True, timeout=min(left_s, _DEAF_S))
            answers = self._read()
        return answers


class AnswerIndex:
    """One per process; safe for threads. RetryLater where Redis does not answer."""

    def __init__(self, url: str, namespace: str, result_ttl_s: int = RESULT_TTL_S) -> None:
        self._redis: Any = redis.Redis.from_url(
            url, socket_connect_timeout=_CONNECT_S, socket_timeout=_ANSWER_S, health_check_interval=30
        )
        self._keys = Keys(namespace)
        self._result_ttl_s = result_ttl_s
        self._script = self._redis.register_script(_WRITE)
        self._ears: queue.LifoQueue[Any] = queue.LifoQueue()

    def write(self, answers: Sequence[Answer]) -> None:
        """Write all of them; when this returns, they are there. Writing them again changes nothing."""
        try:
            with self._redis.pipeline(transaction=False) as pipe:
                for answer in answers:
                    self._script(self._redis_keys(answer), self._arguments(answer), client=pipe)
                pipe.execute()
        except (redis.ConnectionError, redis.TimeoutError, redis.ResponseError) as error:
            raise RetryLater(f"Redis did not take {len(answers)} answers: {error}") from error

    def read(self, request_id: str, pipeline: str) -> Answers:
        """What is known of a request; `pipeline` is `workspace/name`."""
        try:
            fields: dict[bytes, bytes] = self._redis.hgetall(self._keys.request(request_id))
        except (redis.ConnectionError, redis.TimeoutError) as error:
            raise RetryLater(f"Redis does not answer: {error}") from error
        return _answers({name.decode(): value for name, value in fields.items()}, pipeline)

    @contextmanager
    def listen(self, request_id: str, pipeline: str) -> Iterator[Ear]:
        """Listen before the request is sent, so that no answer comes unheard."""
        channel = self._keys.answered(request_id)
        try:
            pubsub = self._ears.get_nowait()
        except queue.Empty:
            pubsub = self._redis.pubsub()
        try:
            pubsub.subscribe(channel)
            _until(pubsub, "subscribe", channel)
            yield Ear(lambda: self.read(request_id, pipeline), pubsub)
            pubsub.unsubscribe(channel)
            _until(pubsub, "unsubscribe", channel)
        except (redis.ConnectionError, redis.TimeoutError) as error:
            pubsub.close()
            raise RetryLater(f"Redis does not answer: {error}") from error
        except BaseException:
            pubsub.close()
            raise
        self._ears.put(pubsub)

    def newest(self, pipeline: str, count: int) -> list[str]:
        """Request ids of a pipeline's newest official answers, newest first."""
        return [name.decode() for name in self._redis.zrevrange(self._keys.pipeline(pipeline), 0, count - 1)]

    def close(self) -> None:
        """Close every connection."""
        while not self._ears.empty():
            self._ears.get_nowait().close()
        self._redis.close()

    def _redis_keys(self, answer: Answer) -> list[str]:
        return [self._keys.request(answer.request_id), self._keys.pipeline(answer.pipeline)]

    def _arguments(self, answer: Answer) -> list[str | bytes | int]:
        field = official_field(answer.pipeline)
        if not answer.official:
            field = challenger_field(
                answer.pipeline,
                answer.pipeline_version or "",
                answer.model or "",
                answer.model_version or "",
            )
        return [
            field,
            headers_field(field),
            answer.value,
            json.dumps(answer.text_headers()),
            int(answer.official),
            answer.frame,
            duplicate_field(answer.pipeline, answer.frame),
            self._result_ttl_s,
            answer.published_at,
            answer.request_id,
            PIPELINE_LOG_MAX,
            self._keys.answered(answer.request_id),
        ]


def _answers(fields: dict[str, bytes], pipeline: str) -> Answers:
    official = _answer(fields, official_field(pipeline))
    challengers: list[Answer] = []
    if official is not None and official.pipeline_version is not None:
        beginning = challenger_field(pipeline, official.pipeline_version, "", "").removesuffix("@")
        names = [n for n in fields if n.startswith(beginning) and headers_field(n) in fields]
        challengers = [answer for name in names if (answer := _answer(fields, name)) is not None]
    duplicates = sum(name.startswith(duplicate_field(pipeline, "")) for name in fields)
    return Answers(official, tuple(challengers), duplicates)


def _answer(fields: dict[str, bytes], field: str) -> Answer | None:
    headers = fields.get(headers_field(field))
    if headers is None:
        return None
    return Answer.from_text(b"", fields[field], json.loads(headers))


def _until(pubsub: Any, kind: str, channel: str) -> None:
    """Read up to the confirmation of (un)subscribing to `channel`; what came before is of no interest."""
    deadline_s = time.monotonic() + _CONNECT_S
    while (left_s := deadline_s - time.monotonic()) > 0:
        message = pubsub.get_message(timeout=left_s)
        if message and message["type"] == kind and message["channel"] == channel.encode():
            return
    raise redis.TimeoutError(f"no {kind} of {channel} within {_CONNECT_S} s")
