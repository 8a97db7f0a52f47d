"""The index of answers: Redis or Valkey, by request. A view: wiped, it is rebuilt from the topics.

The indexer writes, the SDK reads and listens. `AnswerIndex.write` is idempotent and atomic per
answer: the first official answer of a request wins, a later one of another frame is noted once as
a duplicate; of a challenger's answers the first wins, but a real one replaces `shed`. Writing the
same answers again changes nothing. Whoever waits for a request is woken by a message.
"""

import contextlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import redis
from redis.backoff import NoBackoff
from redis.exceptions import ClusterDownError, OutOfMemoryError, ReadOnlyError, TryAgainError
from redis.retry import Retry

from adapters.redis_url import shown_url
from schemas.errors import RetryLater
from schemas.keys import Keys, challenger_field, duplicate_field, headers_field, official_field, pipeline_of
from schemas.limits import PIPELINE_LOG_MAX, RESULT_TTL_S
from schemas.results import Answer

_CONNECT_S_MAX: Final = 2.0
_REPLY_S_MAX: Final = 2.0
"""With one repetition, and one question under way, this leaves a service time to end within STOP_S_MAX."""

_AGAIN_AFTER_S: Final = 0.2
_ASK_AGAIN_S: Final = 1.0
_IDLE_EARS_MAX: Final = 8

_MARK_TTL_S: Final = RESULT_TTL_S
"""Since an indexer last asked for its mark or set it. Not `result_ttl_s`, which may be short: an expired mark would be
taken for a loss."""

_AWAY: Final = (
    redis.ConnectionError,
    redis.TimeoutError,
    ReadOnlyError,
    OutOfMemoryError,
    ClusterDownError,
    TryAgainError,
)
"""Errors of a server that may answer later. With `_NO_WRITES`, all of them; any other error is a bug."""

_NO_WRITES: Final = re.compile(r"\b(MISCONF|NOREPLICAS)\b")
"""Its disk is full, or it has too few replicas. redis-py has no classes for these, and puts the command before them."""

# `shed` says that nothing ran: a real answer replaces it. An answer of the frame that is held already
# is a redelivery, and changes nothing.
_WRITE: Final = """
local hash, log, channel = KEYS[1], KEYS[2], KEYS[3]
local field, headers_field, duplicate_field = ARGV[1], ARGV[2], ARGV[3]
local value, headers, status, frame = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local request_id, published_at, ttl_s, log_max = ARGV[8], ARGV[9], ARGV[10], ARGV[11]
local official = duplicate_field ~= ''

local held = redis.call('HGET', hash, headers_field)
if held then held = cjson.decode(held) end
local wins = not held or (held.status == 'shed' and status ~= 'shed')
if wins then
    redis.call('HSET', hash, field, value, headers_field, headers)
elseif not official or held.frame == frame
        or redis.call('HSETNX', hash, duplicate_field, published_at) == 0 then
    return
end
redis.call('EXPIRE', hash, ttl_s)
if wins and official then
    local oldest = (redis.call('TIME')[1] - ttl_s) * 1000
    redis.call('ZADD', log, published_at, request_id)
    redis.call('ZREMRANGEBYSCORE', log, '-inf', string.format('(%.0f', oldest))
    redis.call('ZREMRANGEBYRANK', log, 0, -(log_max + 1))
    redis.call('EXPIRE', log, ttl_s)
end
redis.call('PUBLISH', channel, field)
"""


@dataclass(frozen=True, slots=True)
class Answers:
    """What is known of one request to one pipeline.

    challengers: of the official answer's pipeline version; empty while there is no official answer.
    duplicates: later official answers of other frames with the same request id. An answer's `key`
    is not kept in the index: it is empty here.
    """

    official: Answer | None = None
    challengers: tuple[Answer, ...] = ()
    duplicates: int = 0

    @property
    def complete(self) -> bool:
        """The official answer and every challenger's are there."""
        return self.official is not None and len(self.challengers) >= self.official.parts


class Subscription:
    """Hears of one request. Made by `AnswerIndex.listen`, for the thread that listens."""

    def __init__(self, read: Callable[[], Answers], pubsub: Any, channel: str) -> None:
        self._read = read
        self._pubsub = pubsub
        self._channel = channel.encode()
        self._subscribed = False
        self._answers = Answers()

    def wait(self, enough: Callable[[Answers], bool], timeout_s: float) -> Answers:
        """The answers as soon as `enough` accepts them, or after `timeout_s`. Sleeps in between.

        `enough` is asked after each news and once a second: it may also look at who lives.

        Raises:
            RetryLater: when Redis did not answer at the end of that time.
        """
        deadline_s = time.monotonic() + timeout_s
        while not enough(self._answers):
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                self._answers = self._read()
                break
            with contextlib.suppress(RetryLater):
                if self._hears(min(left_s, _ASK_AGAIN_S)):
                    self._answers = self._read()
        return self._answers

    def subscribe(self) -> None:
        """Ask for the channel. That it was granted is the first thing that is heard, so an answer which was
        written before is found too; so it is after a connection was lost and made anew."""
        self._pubsub.subscribe(self._channel)
        self._subscribed = True

    def unsubscribe(self) -> None:
        """Hear no more."""
        self._pubsub.unsubscribe(self._channel)

    def _hears(self, within_s: float) -> bool:
        try:
            if not self._subscribed:
                self.subscribe()
            heard = self._pubsub.get_message(timeout=within_s)
        except _AWAY:
            time.sleep(min(_AGAIN_AFTER_S, within_s))
            return False
        # A connection that was used before may still say how its last channel ended.
        return heard is not None and heard["channel"] == self._channel


class AnswerIndex:
    """One per process; safe for threads. RetryLater where Redis does not answer."""

    def __init__(self, url: str, namespace: str, result_ttl_s: int = RESULT_TTL_S) -> None:
        self.namespace = namespace
        self._url = shown_url(url)
        # Any: half of redis-py's own methods are not annotated.
        self._redis: Any = redis.Redis.from_url(
            url,
            protocol=2,
            socket_connect_timeout=_CONNECT_S_MAX,
            socket_timeout=_REPLY_S_MAX,
            socket_keepalive=True,
            # Retry once, for a stale connection of the pool; the caller waits and retries further.
            retry=Retry(NoBackoff(), 1),
        )
        self._keys = Keys(namespace)
        self._result_ttl_s = result_ttl_s
        self._script = self._redis.register_script(_WRITE)
        self._idle: list[Any] = []

    def write(self, answers: Sequence[Answer], mark: tuple[str, int] | None = None) -> int:
        """Write all of them, in order; when this returns, they are there.

        Args:
            answers: what is written.
            mark: an indexer's name and the number of this write, which is set behind them: where it is, they are.

        Returns the number that stood there before; 0: none, or no mark was given.

        Raises:
            RetryLater: when Redis did not confirm all of them. Write them again.
        """
        with self._redis.pipeline(transaction=False) as pipe:
            for answer in answers:
                self._script(self._redis_keys(answer), self._arguments(answer), client=pipe)
            if mark is not None:
                indexer, number = mark
                pipe.set(self._keys.indexer(indexer), number, ex=_MARK_TTL_S, get=True)
            try:
                replies = pipe.execute()
            except redis.RedisError as error:
                if not _takes_writes_later(error):
                    raise
                raise self._away(error) from error
        return 0 if mark is None else int(replies[-1] or 0)

    def mark(self, indexer: str) -> int:
        """The number of an indexer's newest write that Redis has; 0: none. RetryLater where Redis does not answer.
        Who asks has its mark kept: an indexer may have nothing to write for days."""
        try:
            return int(self._redis.getex(self._keys.indexer(indexer), ex=_MARK_TTL_S) or 0)
        except redis.RedisError as error:
            if not _takes_writes_later(error):
                raise
            raise self._away(error) from error

    def read(self, request_id: str, pipeline: str) -> Answers:
        """What is known of a request; `pipeline` is `workspace/name`."""
        try:
            fields: dict[bytes, bytes] = self._redis.hgetall(self._keys.request(request_id))
        except _AWAY as error:
            raise self._away(error) from error
        return _answers({name.decode(): value for name, value in fields.items()}, pipeline)

    def pipelines(self, request_id: str) -> list[str]:
        """The pipelines that a request's answers are of, challengers' too; empty where nothing is known of it."""
        try:
            names: list[bytes] = self._redis.hkeys(self._keys.request(request_id))
        except _AWAY as error:
            raise self._away(error) from error
        return sorted({pipeline for name in names if (pipeline := pipeline_of(name.decode())) is not None})

    @contextlib.contextmanager
    def subscription(self, request_id: str, pipeline: str) -> Iterator[Subscription]:
        """Listen before the request is sent, so that no answer comes unheard. Connections are kept and
        used again: it costs one command in, one out."""
        try:
            pubsub = self._idle.pop()
        except IndexError:
            pubsub = self._redis.pubsub()
        subscription = Subscription(lambda: self.read(request_id, pipeline), pubsub, self._keys.answered(request_id))
        whole = False
        try:
            with contextlib.suppress(*_AWAY):
                subscription.subscribe()
            yield subscription
            whole = True
        except Exception:
            whole = True
            raise
        finally:
            self._keep(subscription, pubsub, whole)

    def newest(self, pipeline: str, count: int) -> list[str]:
        """Request ids of a pipeline's newest official answers, newest first."""
        try:
            names: list[bytes] = self._redis.zrevrange(self._keys.pipeline(pipeline), 0, count - 1)
        except _AWAY as error:
            raise self._away(error) from error
        return [name.decode() for name in names]

    def close(self) -> None:
        """Close every connection."""
        while self._idle:
            self._idle.pop().close()
        self._redis.close()

    def _keep(self, subscription: Subscription, pubsub: Any, whole: bool) -> None:
        """For the next listener; but not one that broke, or that Ctrl-C met in the middle of a message."""
        with contextlib.suppress(*_AWAY):
            if whole and len(self._idle) < _IDLE_EARS_MAX:
                subscription.unsubscribe()
                self._idle.append(pubsub)
                return
        pubsub.close()

    def _redis_keys(self, answer: Answer) -> list[str]:
        keys = self._keys
        return [
            keys.request(answer.request_id),
            keys.pipeline(answer.pipeline),
            keys.answered(answer.request_id),
        ]

    def _arguments(self, answer: Answer) -> list[str | bytes | int]:
        """In the order of the script; only official answers have duplicates."""
        field = field_of(answer)
        return [
            field,
            headers_field(field),
            duplicate_field(answer.pipeline, answer.frame) if answer.official else "",
            answer.value,
            msgspec.json.encode(answer.text_headers()),
            answer.status,
            answer.frame,
            answer.request_id,
            answer.published_at,
            self._result_ttl_s,
            PIPELINE_LOG_MAX,
        ]

    def _away(self, error: Exception) -> RetryLater:
        return RetryLater(f"Redis at {self._url}: {error}")


def _takes_writes_later(error: Exception) -> bool:
    return isinstance(error, _AWAY) or _NO_WRITES.search(str(error)) is not None


def field_of(answer: Answer) -> str:
    """Where an answer stands in its request's hash. ValueError for a challenger's without its model."""
    if answer.official:
        return official_field(answer.pipeline)
    if answer.pipeline_version is None or answer.model is None or answer.model_version is None:
        raise ValueError("not an answer: a challenger's without pipeline-version, model and model-version")
    return challenger_field(answer.pipeline, answer.pipeline_version, answer.model, answer.model_version)


def _answers(fields: dict[str, bytes], pipeline: str) -> Answers:
    """The answers in a request's hash."""
    official = _answer(fields, official_field(pipeline))
    duplicates = sum(name.startswith(duplicate_field(pipeline, "")) for name in fields)
    if official is None or official.pipeline_version is None:
        return Answers(official, (), duplicates)
    beginning, end = f"{pipeline}|{official.pipeline_version}|", headers_field("")
    arms = [name.removesuffix(end) for name in fields if name.startswith(beginning) and name.endswith(end)]
    challengers = tuple(answer for arm in sorted(arms) if (answer := _answer(fields, arm)) is not None)
    return Answers(official, challengers, duplicates)


def _answer(fields: dict[str, bytes], field: str) -> Answer | None:
    headers = fields.get(headers_field(field))
    if headers is None:
        return None
    return Answer.from_text(b"", fields[field], msgspec.json.decode(headers, type=dict[str, str]))
