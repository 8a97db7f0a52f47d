"""How sending each frame ended, and who gets the report.

A report goes to the user's `on_report`. Without one, failures are kept until they are raised. Pure.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from schemas.errors import FrameTooLarge, ProduceError
from schemas.frames import Origin
from sparring.kafka.broker import Delivery
from sparring.producer.sender import SentFrame


@dataclass(frozen=True, slots=True)
class Report:
    """Of one frame: where it lies, or why it is not known to.

    request_id: its answer is found by it. name: the path that it was read from, or empty. size_bytes: of its value.
    place: `topic`, `partition`, `offset`; None where it was not confirmed. error: None where it was. After a
    ConnectionError the frame may be there all the same; sent again with its request id it does no harm.
    """

    request_id: str
    name: str
    size_bytes: int
    place: Origin | None
    error: FrameTooLarge | ConnectionError | None

    @classmethod
    def of(cls, sent: SentFrame, delivery: Delivery) -> Self:
        """The report on this frame."""
        if isinstance(delivery, Origin):
            return cls(sent.request_id, sent.name, sent.size_bytes, delivery, None)
        return cls(sent.request_id, sent.name, sent.size_bytes, None, delivery)

    @property
    def confirmed(self) -> bool:
        """Whether every in-sync replica of Kafka has the frame."""
        return self.place is not None


OnReport = Callable[[Report], None]


FAILURES_MAX: Final = 10
"""Failures that are kept with their errors; of more only the number is."""

LEAVE_S_MAX: Final = 10.0
"""How long is waited for reports where an exception leaves a block."""


class Reports:
    """Takes each frame's report. For one thread at a time."""

    def __init__(self, on_report: OnReport | None) -> None:
        self.telling = False
        """Whether `on_report` is being called."""
        self.settled = 0
        """How often the failures were raised and reset."""
        self._on_report = on_report
        self._broken: Exception | None = None
        self._failures: dict[str, FrameTooLarge | ConnectionError] = {}
        self._failed = 0
        self._lost: ConnectionError | None = None

    def take(self, report: Report) -> None:
        """Pass a report on. An error of `on_report` is kept for `check`; the other frames' reports still follow."""
        if self._on_report is not None:
            self.telling = True
            try:
                self._on_report(report)
            except Exception as error:  # noqa: BLE001  # the user's own
                self._broken = self._broken or error
            finally:
                self.telling = False
        elif report.error is not None:
            self._failed += 1
            if len(self._failures) < FAILURES_MAX:
                self._failures[report.request_id] = report.error
            if isinstance(report.error, ConnectionError):
                self._lost = report.error

    def forget(self, report: Report, settled: int) -> None:
        """Another caller got this failure, which was taken when failures had been raised `settled` times. Failures
        raised since then are reported already."""
        if self._on_report is not None or settled != self.settled:
            return
        self._failed -= 1
        self._failures.pop(report.request_id, None)
        if self._failed == 0 or self._lost is report.error:
            self._lost = None

    def check(self) -> None:
        """Raise, each once, what prevents further sends: an error of `on_report`, a lost broker."""
        if self._broken is not None:
            broken, self._broken = self._broken, None
            raise broken
        if self._lost is not None:
            lost, self._lost = self._lost, None
            raise ConnectionError(f"{lost}; not confirmed so far: {self._failed}; this frame was not sent") from lost

    def settle(self) -> None:
        """Raise what was not reported yet: an error of `on_report`, or a ProduceError for all failures so far."""
        self._lost = None
        self.check()
        if self._failed:
            error = ProduceError(self._failed, self._failures)
            self._failures, self._failed = {}, 0
            self.settled += 1
            raise error

    def note_on(self, error: BaseException) -> None:
        """Say it on the exception that leaves the block: that one counts."""
        if self._failed:
            error.add_note(f"frames: {ProduceError(self._failed, self._failures)}")
