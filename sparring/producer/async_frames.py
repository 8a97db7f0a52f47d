"""`AsyncFrames`: what `Frames` is, in an event loop. One thread sends, whatever the number of frames and tasks.

That thread may wait, for room or for the broker; the loop never does. Reports reach the loop in the order in which
they came, and before what was waiting for them goes on.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TypeAlias, TypeVar

from schemas.frames import Origin
from sparring.checks import checked_seconds
from sparring.frames.encode import Given
from sparring.frames.labels import Labels
from sparring.kafka.broker import Delivery
from sparring.producer.options import ProducerOptions
from sparring.producer.reports import LEAVE_S_MAX, Report, Reports
from sparring.producer.sender import CLOSED, FINISH_S_MAX, SendCounts, SentFrame

T = TypeVar("T")
Ended: TypeAlias = tuple[Report, int]
"""A frame's report, and how often failures had been raised by then."""


class AsyncSent:
    """One frame in flight: `request_id`, `name` and `size_bytes` as in `SentFrame`. Made by `AsyncFrames.send`."""

    def __init__(self, sent: SentFrame, ended: "asyncio.Future[Ended]", reports: Reports) -> None:
        self.request_id = sent.request_id
        self.name = sent.name
        self.size_bytes = sent.size_bytes
        self._ended = ended
        self._reports = reports
        self._told = False

    async def delivered(self) -> Origin:
        """Where the frame lies (`topic`, `partition`, `offset`), once Kafka has confirmed that it has it.

        Raises:
            ConnectionError: that was not confirmed in time: it may or may not be there.
            FrameTooLarge: the topic does not take a record of that size.
        """
        report, settled = await asyncio.shield(self._ended)
        if report.place is not None:
            return report.place
        if not self._told:
            self._told = True
            self._reports.forget(report, settled)
        raise report.error or AssertionError("a report has a place or an error")


class AsyncFrames:
    """Sends frames to one pipeline, from the tasks of one event loop. Made by `async with client.frames(...)`.

    Leaving the block waits until each frame has its report. At most 256 frames, and 32 MiB, are under way; a task that
    sends faster waits in `send`, and the loop goes on. Frames go out in the order in which `send` was awaited, those
    of one key stay in it.
    """

    def __init__(self, asked: ProducerOptions) -> None:
        self._asked = asked
        self._reports = Reports(asked.on_report)
        self._sender = asked.sender(self._reported, self._wake)
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sparring-frames")
        self._ends: dict[int, asyncio.Future[Ended]] = {}
        self._woken = False
        self._closed = False

    async def send(
        self,
        frame: Given,
        key: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        request_id: str | None = None,
        deadline_ms: int | None = None,
    ) -> AsyncSent:
        """Send one frame; returns once it is under way, and `await sent.delivered()` when Kafka has confirmed it.

        A task that is cancelled meanwhile may have sent its frame, or not.

        Args:
            frame: as in `Frames.send`, like everything that follows.
            key: instead of the block's.
            headers: beside the block's.
            request_id: your own.
            deadline_ms: instead of the block's.

        Raises:
            As `Frames.send`. Who was told by `delivered` of a frame that was not confirmed is not told again.
        """
        labels = Labels.checked(key, headers, deadline_ms, request_id)
        self._check_open()
        self._reports.check()
        # Bytes are checked at once: a frame that is too large is refused without a wait.
        ready = self._asked.frame(frame) if isinstance(frame, bytes | bytearray | memoryview) else None
        ended: asyncio.Future[Ended] = self._loop.create_future()

        def start() -> SentFrame:
            self._asked.live()
            made = ready or self._asked.frame(frame)
            sent = self._sender.send(
                made.value,
                made.content_type,
                made.name,
                key=labels.key,
                headers=labels.headers,
                request_id=labels.request_id,
                deadline_ms=labels.deadline_ms,
            )
            self._ends[sent.number] = ended
            return sent

        return AsyncSent(await self._in_thread(start), ended, self._reports)

    async def flush(self, timeout_s: float = FINISH_S_MAX) -> None:
        """Wait until every frame that was sent has its report; other tasks' `send` waits meanwhile.

        Args:
            timeout_s: a frame without a report by then is reported as not confirmed.

        Raises:
            ProduceError: frames were not confirmed, and neither `on_report` nor `delivered` was told; they are not
                raised again.
        """
        checked_seconds("timeout_s", timeout_s)
        self._check_open()
        await self._in_thread(lambda: self._sender.finish(timeout_s))
        self._reports.settle()

    @property
    def counts(self) -> SendCounts:
        """Frames `sent`, `confirmed`, `failed` and `under_way`, and `confirmed_bytes`, now."""
        return self._sender.counts

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        if not self._asked.owner.is_here:
            return  # the parent's reports come to the parent
        if error is not None:
            self._sender.shut(LEAVE_S_MAX)
        try:
            await self._in_thread(lambda: self._sender.finish(FINISH_S_MAX if error is None else LEAVE_S_MAX))
        finally:
            self._thread.shutdown(wait=False)
        if error is None:
            self._reports.settle()
        else:
            self._reports.note_on(error)

    def _check_open(self) -> None:
        self._asked.owner.check()
        if self._closed:
            raise ValueError(CLOSED)

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(self._thread, call)

    def _wake(self) -> None:
        """Called by Kafka's client, in its own thread: at most one look is waiting, however many frames have ended."""
        if not self._woken:
            self._woken = True
            with contextlib.suppress(RuntimeError):  # the block was left: whatever comes now was given up
                self._thread.submit(self._look)

    def _look(self) -> None:
        self._woken = False
        self._sender.wait(0)

    def _reported(self, sent: SentFrame, delivery: Delivery) -> None:
        """In the sending thread."""
        ended = self._ends.pop(sent.number)
        with contextlib.suppress(RuntimeError):  # a loop that is closed hears nothing more
            self._loop.call_soon_threadsafe(self._on_ended, ended, Report.of(sent, delivery))

    def _on_ended(self, ended: "asyncio.Future[Ended]", report: Report) -> None:
        ended.set_result((report, self._reports.settled))
        self._reports.take(report)
