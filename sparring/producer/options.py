"""The arguments of `client.frames`, checked. They make the frames, and the sender of both kinds of blocks."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass

from schemas.names import PipelineName
from schemas.pipelines import PipelineVersion
from sparring.frames.encode import frame_given
from sparring.frames.headers import frame_bytes_max
from sparring.frames.labels import Labels
from sparring.kafka.broker import Delivery
from sparring.kafka.owner import Owner
from sparring.producer.reports import OnReport
from sparring.producer.sender import Sender, SentFrame
from sparring.requests.infer import live_version
from sparring.sources import Sendable
from sparring.system.connection import Connection


@dataclass(frozen=True, slots=True)
class ProducerOptions:
    """The arguments of `client.frames`, checked. labels: of all frames."""

    connection: Connection
    pipeline: PipelineName
    labels: Labels
    on_report: OnReport | None

    def __post_init__(self) -> None:
        given: object = self.on_report
        if given is not None and (not callable(given) or inspect.iscoroutinefunction(given)):
            came = "a coroutine function" if callable(given) else type(given).__name__
            raise TypeError(f"on_report: {came}; expected a function that takes a Report, or None")

    @property
    def owner(self) -> Owner:
        """The process of the client."""
        return self.connection.owner

    def live(self) -> PipelineVersion:
        """What answers now; RuntimeError where the pipeline is not deployed."""
        return live_version(self.connection, self.pipeline)

    def frame(self, given: object) -> Sendable:
        """What is sent for it. Errors: see `frame_given`."""
        return frame_given(given, self.live, frame_bytes_max(self.connection.settings.reference_store))

    def sender(self, report: Callable[[SentFrame, Delivery], None], woken: Callable[[], None] | None = None) -> Sender:
        """A new one, for the frames of one block."""
        return Sender(
            self.connection.broker,
            self.connection.topics.frames,
            self.pipeline,
            report,
            key=self.labels.key,
            headers=self.labels.headers,
            deadline_ms=self.labels.deadline_ms,
            store=self.connection.settings.reference_store,
            woken=woken,
        )
