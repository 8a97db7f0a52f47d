"""To the target and back: sends frames, brings delivery reports and answers, in one queue for one loop."""

import contextlib
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

from schemas.errors import FrameTooLarge
from schemas.frames import RawHeaders, is_request_id
from schemas.names import PipelineName
from schemas.results import Answer
from sparring.frames.headers import outgoing
from sparring.kafka.broker import Delivery
from sparring.operations.deadletters import REPLAY_OF
from sparring.replay.frame import ReplayFrame
from sparring.results.answers import AnswerStream, read_answers
from sparring.system.connection import Connection

_END_S_MAX: Final = 15.0


@dataclass(frozen=True, slots=True)
class Delivered:
    """Where a frame lies now, or why it does not."""

    number: int
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class AnswersLost:
    """Answers can no longer be read."""

    error: Exception


Event = Delivered | Answer | AnswersLost


class ReplayTransport:
    """To one pipeline; a context manager.

    Frames keep their request ids, so that they are split as they were; on a live system they get new ones, and the old
    one in the header `replay-of`.

    Args:
        connection: where the pipeline answers.
        pipeline: its name.
        replay: the replay's id, with which new request ids begin.
        live: whether the system is the official one.
    """

    def __init__(self, connection: Connection, pipeline: PipelineName, replay: str, *, live: bool) -> None:
        self._connection = connection
        self._pipeline = pipeline
        self._replay = replay
        self._live = live
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._streams: list[AnswerStream] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        for role in ("official", "shadow"):
            # Without an earlier time it reads from now on: nothing of this replay was sent before.
            stream = read_answers(self._connection.broker, self._connection.topics, role, follow=True)
            thread = threading.Thread(target=self._listen, args=(stream,), name=f"replay-{role}", daemon=True)
            self._streams.append(stream)
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for stream in self._streams:
            stream.stop()
        for thread in self._threads:
            thread.join(_END_S_MAX)

    def send(self, frame: ReplayFrame) -> str:
        """Send one frame; its delivery report and its answers come by `take`. Returns its request id.

        Raises:
            FrameTooLarge: it is above the limit.
            ConnectionError: the broker does not take it.
            RetryLater: the reference store does not take it.
        """
        request_id = self._request_id(frame)
        headers: RawHeaders = [*frame.headers, ("pipeline", str(self._pipeline).encode())]
        headers.append(("request-id", request_id.encode()))
        if self._live:
            headers.append((REPLAY_OF, frame.asked.subject.encode()))
        refers = any(name == "reference" and value is not None for name, value in frame.headers)
        store = "" if refers else self._connection.settings.reference_store
        sent = outgoing(frame.value, frame.key, headers, store, frame.asked.source)

        def ended(delivery: Delivery) -> None:
            self._events.put(Delivered(frame.number, delivery))

        topic = self._connection.topics.frames
        try:
            self._connection.broker.start(topic, sent.value, ended, key=frame.key, headers=sent.headers)
        except FrameTooLarge as error:
            raise FrameTooLarge(f"{frame.asked.source}: {error}") from error
        return request_id

    def take(self, within_s: float) -> Event | None:
        """The next report or answer; None where none comes in time."""
        try:
            return self._events.get(timeout=within_s) if within_s > 0 else self._events.get_nowait()
        except queue.Empty:
            return None

    def _request_id(self, frame: ReplayFrame) -> str:
        if not self._live and frame.request_id is not None and is_request_id(frame.request_id):
            return frame.request_id
        return f"{self._replay}-{frame.number}"

    def _listen(self, stream: AnswerStream) -> None:
        try:
            with contextlib.closing(stream):
                for answer in self._ours(stream):
                    self._events.put(answer)
        except Exception as error:  # noqa: BLE001  # whatever it is, the loop must hear of it
            self._events.put(AnswersLost(error))

    def _ours(self, stream: AnswerStream) -> Iterator[Answer]:
        """On a live system others are answered too."""
        return (one for one in stream if not self._live or one.request_id.startswith(f"{self._replay}-"))
