"""How frames are sent: many at once, a bounded number under way, a report for each.

Who has frames calls `send` for each of them and `finish` at the end; one that comes faster than Kafka
takes them waits in `send`. What a frame is made of is not known here.
"""

import itertools
import math
import queue
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, assert_never
from uuid import uuid4

from adapters.clock import now_ms
from schemas.errors import FrameTooLarge
from schemas.frames import Origin
from schemas.limits import DELIVERY_S_MAX, MIB
from schemas.names import PipelineName
from sparring.frames.headers import frame_headers, outgoing
from sparring.kafka.broker import Broker, Delivery

CLOSED: Final = "frames: the block was left; client.frames(...) opens another"
"""Of a sender that was shut, which the block does whose frames it sends."""

IN_FLIGHT_FRAMES_MAX: Final = 256
IN_FLIGHT_BYTES_MAX: Final = 32 * MIB
"""Sent and not yet confirmed. The client itself has no bound; a single frame may always go."""

FINISH_S_MAX: Final = DELIVERY_S_MAX + 5.0
"""The client gives up on a record after DELIVERY_S_MAX, and reports it."""


@dataclass(frozen=True, slots=True)
class SentFrame:
    """One frame that was given to Kafka. name: the caller's own, such as a path; number: of this sender's frames, from
    0."""

    request_id: str
    name: str
    size_bytes: int
    number: int


OnDelivery = Callable[[SentFrame, Delivery], None]
_Call = Literal["interrupt", "look"]
"""From another thread."""


@dataclass(frozen=True, slots=True)
class SendCounts:
    """Frames so far; those that are neither confirmed nor failed are under way."""

    sent: int = 0
    confirmed: int = 0
    failed: int = 0
    confirmed_bytes: int = 0

    @property
    def under_way(self) -> int:
        """Frames that Kafka has not yet confirmed or refused."""
        return self.sent - self.confirmed - self.failed


class Sender:
    """Sends frames of one pipeline. For one thread; `report` is called in it, from `send`, `wait` and `finish`. Any
    thread may read `counts`.

    Args:
        broker: where.
        topic: the topic `frames` of the namespace.
        pipeline: whose frames they are.
        report: called once for each frame, with where it lies or why it does not.
        key: frames of one key stay in order. None: they are spread evenly.
        headers: the user's own, on each frame.
        deadline_ms: milliseconds from sending after which nobody wants the answer. None: for ever.
        store: where frames go that are too large for Kafka (the setting `reference_store`); empty: they are refused.
        woken: called from the client's own thread when a frame has ended: `wait(0)` would report it. It must be quick.
    """

    def __init__(
        self,
        broker: Broker,
        topic: str,
        pipeline: PipelineName,
        report: OnDelivery,
        *,
        key: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        deadline_ms: int | None = None,
        store: str = "",
        woken: Callable[[], None] | None = None,
    ) -> None:
        self.counts = SendCounts()
        self._broker = broker
        self._topic = topic
        self._pipeline = pipeline
        self._report = report
        self._key = key
        self._headers = dict(headers or {})
        self._deadline_ms = deadline_ms
        self._store = store
        self._woken = woken
        self._numbers = itertools.count()
        self._under_way: dict[int, SentFrame] = {}
        self._given_up: dict[int, SentFrame] = {}
        """Reported as not confirmed, and in the client all the same: they take their room until it lets go of them."""
        self._held_bytes = 0
        self._leave_by_s = math.inf
        self._ended: queue.SimpleQueue[tuple[int, Delivery] | _Call] = queue.SimpleQueue()

    def send(
        self,
        value: bytes,
        content_type: str,
        name: str = "",
        *,
        key: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        request_id: str | None = None,
        deadline_ms: int | None = None,
    ) -> SentFrame:
        """Send one frame; returns once it is under way. Waits while too many are.

        Args:
            value: the frame.
            content_type: of the value.
            name: the caller's own.
            key: instead of the sender's; None: that one.
            headers: beside the sender's; one of the same name counts instead.
            request_id: None: a new one.
            deadline_ms: as `key`.

        Raises:
            FrameTooLarge: value, key or headers are above the limit: nothing was sent.
            ConnectionError: the broker does not take it, or says nothing about those under way.
            RetryLater: the store does not take it.
            ValueError: the sender is shut: nothing was sent.
        """
        self._check_open()
        sent = SentFrame(request_id or str(uuid4()), name, len(value), next(self._numbers))
        key = self._key if key is None else key
        own = {**self._headers, **_deadline(self._deadline_ms), **(headers or {}), **_deadline(deadline_ms)}
        made = frame_headers(self._pipeline, request_id=sent.request_id, content_type=content_type, headers=own)
        frame = outgoing(value, key, made, self._store)
        self._wait_for_room(len(value))
        self._under_way[sent.number] = sent
        self._held_bytes += sent.size_bytes
        self.counts = replace(self.counts, sent=self.counts.sent + 1)

        def ended(delivery: Delivery) -> None:
            self._ended.put((sent.number, delivery))
            if self._woken is not None:
                self._woken()

        try:
            self._broker.start(self._topic, frame.value, ended, key=key, headers=frame.headers)
        except (ConnectionError, FrameTooLarge):
            del self._under_way[sent.number]
            self._held_bytes -= sent.size_bytes
            self.counts = replace(self.counts, sent=self.counts.sent - 1)
            raise
        return sent

    def wait(self, within_s: float) -> None:
        """Report what has ended, and what ends within this time."""
        by_s = time.monotonic() + within_s
        while True:
            left_s = by_s - time.monotonic()
            if not self._take(left_s) and left_s <= 0:
                return

    def finish(self, within_s: float = FINISH_S_MAX) -> None:
        """Wait until each frame has its report; one that has none in time is reported as not confirmed."""
        began_s = time.monotonic()
        while self._under_way and self._take(min(began_s + within_s, self._leave_by_s) - time.monotonic()):
            pass
        waited_s = round(time.monotonic() - began_s, 1)
        for number, sent in list(self._under_way.items()):
            self._given_up[number] = self._under_way.pop(number)
            self._report_delivery(sent, ConnectionError(f"{self._topic}: no delivery report within {waited_s:g} s"))

    def interrupt(self) -> None:
        """The next `send`, `wait` or `finish` raises KeyboardInterrupt, between two reports.

        For a signal's handler: raised at once, it could lose a report or leave the client half done.
        """
        self._ended.put("interrupt")

    def shut(self, within_s: float) -> None:
        """Stop sending. A `send` raises ValueError, also one that waits for room; no `finish` waits longer than
        `within_s`. Any thread may call it."""
        self._leave_by_s = time.monotonic() + within_s
        self._ended.put("look")

    def _check_open(self) -> None:
        if self._leave_by_s < math.inf:
            raise ValueError(CLOSED)

    def _wait_for_room(self, size_bytes: int) -> None:
        while self._take(0):
            pass
        while (held := len(self._under_way) + len(self._given_up)) and (
            held >= IN_FLIGHT_FRAMES_MAX or self._held_bytes + size_bytes > IN_FLIGHT_BYTES_MAX
        ):
            self._check_open()
            if not self._take(FINISH_S_MAX):
                raise ConnectionError(f"{self._topic}: no delivery report within {FINISH_S_MAX:g} s")

    def _take(self, within_s: float) -> bool:
        """Report one that has ended; False where none has in time."""
        try:
            ended = self._ended.get(timeout=within_s) if within_s > 0 else self._ended.get_nowait()
        except queue.Empty:
            return False
        match ended:
            case "interrupt":
                raise KeyboardInterrupt
            case "look":
                pass
            case number, delivery:
                self._end(number, delivery)
            case _:
                assert_never(ended)
        return True

    def _end(self, number: int, delivery: Delivery) -> None:
        """The client let go of a frame."""
        sent = self._under_way.pop(number, None)
        if sent is None:
            self._held_bytes -= self._given_up.pop(number).size_bytes
            return
        self._held_bytes -= sent.size_bytes
        self._report_delivery(sent, delivery)

    def _report_delivery(self, sent: SentFrame, delivery: Delivery) -> None:
        counts = self.counts
        if isinstance(delivery, Origin):
            size_bytes = counts.confirmed_bytes + sent.size_bytes
            self.counts = replace(counts, confirmed=counts.confirmed + 1, confirmed_bytes=size_bytes)
        else:
            self.counts = replace(counts, failed=counts.failed + 1)
        self._report(sent, delivery)


def _deadline(deadline_ms: int | None) -> dict[str, str]:
    return {} if deadline_ms is None else {"deadline": str(now_ms() + deadline_ms)}
