"""`Frames`: frames sent from a `with` block, with back-pressure and a report for each. Made by `Client.frames`."""

import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from sparring.checks import checked_seconds
from sparring.frames.encode import Given
from sparring.frames.labels import Labels
from sparring.kafka.broker import Delivery
from sparring.producer.async_frames import AsyncFrames
from sparring.producer.options import ProducerOptions
from sparring.producer.reports import LEAVE_S_MAX, Report, Reports
from sparring.producer.sender import CLOSED, FINISH_S_MAX, SendCounts, SentFrame


class Frames:
    """Sends frames to one pipeline. A context manager: leaving it waits until each frame has its report.

        with client.frames("labels", key="camera-7") as frames:
            sent = frames.send(jpeg)

    In an event loop, `async with client.frames(...)` gives an `AsyncFrames`. At most 256 frames, and 32 MiB, are under
    way; who sends faster waits in `send`. Threads may share one: their frames go out one after another. Frames of one
    key stay in the order in which they were sent.
    """

    def __init__(self, asked: ProducerOptions) -> None:
        asked.live()
        self._asked = asked
        self._reports = Reports(asked.on_report)
        self._sender = asked.sender(self._reported)
        self._lock = threading.RLock()
        self._closed = False
        self._async: AsyncFrames | None = None

    def send(
        self,
        frame: Given,
        key: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        request_id: str | None = None,
        deadline_ms: int | None = None,
    ) -> SentFrame:
        """Send one frame; returns once it is under way, with its `request_id`, `name` and `size_bytes`.

        It waits while too many are under way: seconds where Kafka is slow, at most 35 where it is gone.

        Args:
            frame: the bytes of a JPEG, PNG, WebP, an Arrow IPC stream or JSON records, which travel as they are; the
                path of a file with these; a uint8 array [H, W], [H, W, 3] (RGB) or [H, W, 4], which travels as PNG; a
                DataFrame or Table as `Pipeline.infer` takes it, which travels as Arrow.
            key: instead of the block's.
            headers: beside the block's; one of the same name counts instead.
            request_id: your own: 1 to 128 letters, digits, or some of `._:-`. None: a new one. Who sends a frame again
                gives the id it had.
            deadline_ms: instead of the block's.

        Raises:
            TypeError, ValueError: an argument is wrong, or the block was left: nothing was sent.
            FileNotFoundError: the path leads to no file.
            FrameTooLarge: frame, key or headers are above the limit: nothing was sent.
            RuntimeError: the pipeline is no longer deployed, or it was called by `on_report`.
            ConnectionError: the broker does not take it; or it did not confirm one before, and there is no `on_report`
                that was told. Raised once: the next `send` tries again.
            RetryLater: the reference store does not take a frame that is too large for Kafka.
        """
        labels = Labels.checked(key, headers, deadline_ms, request_id)
        self._check_open()
        self._asked.live()
        made = self._asked.frame(frame)
        with self._lock:
            self._check_open()
            self._sender.wait(0)
            self._reports.check()
            return self._sender.send(
                made.value,
                made.content_type,
                made.name,
                key=labels.key,
                headers=labels.headers,
                request_id=labels.request_id,
                deadline_ms=labels.deadline_ms,
            )

    def flush(self, timeout_s: float = FINISH_S_MAX) -> None:
        """Wait until every frame that was sent has its report.

        Args:
            timeout_s: a frame without a report by then is reported as not confirmed. It takes its room among those
                under way until Kafka's client has let go of it.

        Raises:
            ProduceError: frames were not confirmed, and there is no `on_report` that was told; they are not raised
                again.
        """
        checked_seconds("timeout_s", timeout_s)
        with self._lock:
            self._check_open()
            self._sender.finish(timeout_s)
            self._reports.settle()

    @property
    def counts(self) -> SendCounts:
        """Frames `sent`, `confirmed`, `failed` and `under_way`, and `confirmed_bytes`, now."""
        if self._lock.acquire(blocking=False):  # else another thread sends, and takes the reports
            try:
                if not self._reports.telling:
                    self._sender.wait(0)
            finally:
                self._lock.release()
        return self._sender.counts

    def close(self) -> None:
        """Leave without a `with` block. Raises as `flush`, and what `on_report` raised."""
        self._finish(FINISH_S_MAX)
        self._reports.settle()

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._asked.owner.is_here:
            return  # the parent's reports come to the parent
        if error is None:
            self.close()
            return
        self._sender.shut(LEAVE_S_MAX)
        self._finish(LEAVE_S_MAX)
        self._reports.note_on(error)

    async def __aenter__(self) -> AsyncFrames:
        self._check_open()
        self._closed = True  # what is sent goes through the other one
        self._async = AsyncFrames(self._asked)
        return self._async

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._async is not None:
            await self._async.__aexit__(kind, error, trace)

    def _finish(self, within_s: float) -> None:
        self._asked.owner.check()
        with self._lock:
            self._check_not_telling()
            self._closed = True
            self._sender.finish(within_s)

    def _check_open(self) -> None:
        self._asked.owner.check()
        self._check_not_telling()
        if self._closed:
            raise ValueError(CLOSED)

    def _check_not_telling(self) -> None:
        """RuntimeError in the thread that calls `on_report` now: it has the lock."""
        if self._reports.telling and self._lock.acquire(blocking=False):
            self._lock.release()
            raise RuntimeError("frames: on_report cannot send or wait itself; note what is to be sent again")

    def _reported(self, sent: SentFrame, delivery: Delivery) -> None:
        self._reports.take(Report.of(sent, delivery))
