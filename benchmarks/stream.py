"""Frames in, answers out: as fast as they go, or evenly spaced. The same for every way with a queue."""

import secrets
import threading
import time
from collections.abc import Sequence
from typing import Any, Final

import redis
from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

from benchmarks.numbers import Latency
from schemas.frames import RawHeaders
from schemas.keys import Keys
from schemas.limits import PARTITIONS
from schemas.topics import RECORD_BYTES_MAX

WINDOW_FRAMES: Final = 64
"""Frames without an answer, at most, where they go as fast as they can: both queues are never empty."""

SILENCE_S_MAX: Final = 30.0
_REQUEST_S: Final = 10.0
_AGAIN_AFTER_S: Final = 0.05


class StreamError(Exception):
    """An answer is missing, or is an error: nothing was measured."""


class Stream:
    """index: Redis' URL and the namespace, where answers are waited for in the index as well."""

    def __init__(
        self, kafka: str, frames: str, results: str, headers: RawHeaders, index: tuple[str, str] | None = None
    ) -> None:
        self._frames = frames
        self._headers = headers
        self._index = index
        self._producer = Producer({"bootstrap.servers": kafka, "linger.ms": 0, "message.max.bytes": RECORD_BYTES_MAX})
        self._consumer = Consumer({"bootstrap.servers": kafka, "group.id": "bench"})
        self._consumer.assign([self._end(results, partition) for partition in range(PARTITIONS)])

    def flood(self, frames: Sequence[bytes], count: int) -> float:
        """Seconds from the first frame sent to the last of `count` answers."""
        run = secrets.token_hex(4)
        started_s = time.perf_counter()
        sent = 0
        answered: set[str] = set()
        while len(answered) < count:
            while sent < count and sent - len(answered) < WINDOW_FRAMES:
                self._send(f"{run}-{sent}", frames[sent % len(frames)])
                sent += 1
            answered.add(_request_id(self._next(run)))
        return time.perf_counter() - started_s

    def pace(self, frames: Sequence[bytes], count: int, per_s: float) -> list[Latency]:
        """Send `count` frames, evenly spaced; one latency per frame."""
        run = secrets.token_hex(4)
        sent_ns: dict[str, int] = {}
        found_ns: dict[str, int] = {}
        came: dict[str, tuple[int, float]] = {}
        hearing = self._hear(run, found_ns, count)
        receiving = threading.Thread(target=self._receive, args=(run, came, count), daemon=True)
        receiving.start()
        started_s = time.perf_counter()
        for number in range(count):
            time.sleep(max(0.0, started_s + number / per_s - time.perf_counter()))
            request_id = f"{run}-{number}"
            sent_ns[request_id] = time.perf_counter_ns()
            self._send(request_id, frames[number % len(frames)])
        for thread in (receiving, hearing):
            if thread is not None:
                thread.join(SILENCE_S_MAX + 1.0)
        missing = sent_ns.keys() - came.keys() or (self._index and sent_ns.keys() - found_ns.keys())
        if missing:
            raise StreamError(f"{len(missing)} of {count} answers did not come; look at the logs of the stack")
        return [
            Latency(
                work_ms=came[name][1],
                results_ms=(came[name][0] - since_ns) / 1e6,
                index_ms=(found_ns[name] - since_ns) / 1e6 if self._index else None,
            )
            for name, since_ns in sent_ns.items()
        ]

    def close(self) -> None:
        """Close the connections. After an error nobody waits for what is still on its way."""
        self._consumer.close()
        self._producer.purge()
        self._producer.flush(_REQUEST_S)
        del self._producer  # closes it: releases of this client below 2.10 have no call for it

    def _end(self, topic: str, partition: int) -> TopicPartition:
        """Where a partition ends now: OFFSET_END is looked up later, perhaps behind the first answer."""
        place = TopicPartition(topic, partition)
        deadline_s = time.monotonic() + _REQUEST_S
        while True:
            try:
                return TopicPartition(topic, partition, self._consumer.get_watermark_offsets(place, timeout=1.0)[1])
            except KafkaException as error:
                # A topic that was made just now has no leader yet.
                if time.monotonic() > deadline_s:
                    raise StreamError(f"{topic}/{partition}: {error.args[0].str()}") from error
                time.sleep(_AGAIN_AFTER_S)

    def _send(self, request_id: str, frame: bytes) -> None:
        headers: Any = [*self._headers, ("request-id", request_id.encode())]
        self._producer.produce(self._frames, frame, headers=headers)
        self._producer.poll(0)

    def _next(self, run: str) -> Message:
        """The next answer of this run."""
        deadline_s = time.monotonic() + SILENCE_S_MAX
        while time.monotonic() < deadline_s:
            message = self._consumer.poll(0.1)
            if message is not None and message.error() is None and _request_id(message).startswith(run):
                if _header(message, "status") != "ok":
                    raise StreamError(f"{_request_id(message)}: {message.value()!r}")
                return message
        raise StreamError(f"no answer for {SILENCE_S_MAX:.0f} s; look at the logs of the stack")

    def _receive(self, run: str, came: dict[str, tuple[int, float]], count: int) -> None:
        while len(came) < count:
            message = self._next(run)
            work_ns = int(_header(message, "decode-ns")) + int(_header(message, "infer-ns"))
            came[_request_id(message)] = (time.perf_counter_ns(), work_ns / 1e6)

    def _hear(self, run: str, found_ns: dict[str, int], count: int) -> threading.Thread | None:
        """Listens for the news of each request; it is granted before this returns."""
        if self._index is None:
            return None
        url, namespace = self._index
        prefix = Keys(namespace).answered(run)
        # Any: half of redis-py's own methods are not annotated.
        server: Any = redis.Redis.from_url(url, protocol=2)
        news = server.pubsub()
        news.psubscribe(f"{prefix}-*")
        news.get_message(timeout=5.0)

        def listen() -> None:
            deadline_s = time.monotonic() + count + SILENCE_S_MAX
            while len(found_ns) < count and time.monotonic() < deadline_s:
                heard = news.get_message(timeout=1.0)
                if heard is not None and heard["type"] == "pmessage":
                    name = heard["channel"].decode().removeprefix(Keys(namespace).answered(""))
                    found_ns.setdefault(name, time.perf_counter_ns())
            news.close()
            server.close()

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        return thread


def _header(message: Message, name: str) -> str:
    given: Any = message.headers() or []
    return str(dict(given).get(name, b"").decode())


def _request_id(message: Message) -> str:
    return _header(message, "request-id")
