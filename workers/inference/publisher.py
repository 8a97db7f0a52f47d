"""Publishes answers and dead letters, and counts their delivery reports.

Inference threads call `publish` in the order of the tickets (`in_flight`). The main thread serves the delivery reports.
"""

import logging
from collections.abc import Callable
from dataclasses import replace

from adapters.kafka.confirming_producer import ConfirmingProducer, DeliveryError
from adapters.settings import InferenceSettings
from adapters.traces import NO_SPAN, Span
from schemas.errors import RetryLater
from schemas.results import dead_letter
from workers.inference.in_flight import Finished, Ticket
from workers.inference.recorder import Recorder

log = logging.getLogger(__name__)


class Publisher:
    """The process's producer of answers and dead letters."""

    def __init__(self, settings: InferenceSettings, recorder: Recorder) -> None:
        self._topics = settings.topics
        self._recorder = recorder
        self._failure: RetryLater | None = None
        self._producer = ConfirmingProducer(settings.brokers)
        self._producer.prefetch_metadata((self._topics.results, self._topics.shadows, self._topics.deadletters))

    def publish(self, ticket: Ticket, finished: Finished) -> None:
        """Send a ticket's answer, and before it the dead letter of an official error.

        If the broker is lost between the two, the task is read again, and may have expired by then.
        """
        publishing = self._recorder.answered(ticket, finished)
        answer = replace(finished.answer, traceparent=publishing.traceparent)
        topic = self._topics.results if answer.official else self._topics.shadows
        if finished.refusal is not None:
            log.info(
                "refused: %s: %s",
                *(finished.refusal.error, finished.refusal.message),
                extra={"request_id": answer.request_id},
            )
            self._producer.send(
                self._topics.deadletters,
                *dead_letter(ticket.frame, finished.refusal, ticket.attempts),
                on_delivery=confirmation(ticket, self._undelivered),
            )
        confirmed = confirmation(ticket, self._undelivered, publishing)
        self._producer.send(topic, answer.key, answer.value, answer.headers(), confirmed)

    def poll(self) -> None:
        """Serve the delivery reports that have arrived."""
        self._producer.poll()

    def flush(self, within_s: float) -> None:
        """Wait until everything sent is delivered."""
        self._producer.flush(within_s)

    def raise_failure(self) -> None:
        """Raise RetryLater if an answer was not delivered."""
        if self._failure is not None:
            raise self._failure

    def _undelivered(self, why: str) -> None:
        self._failure = RetryLater(f"an answer was not delivered: {why}")


def confirmation(
    ticket: Ticket, fail: Callable[[str], None], publishing: Span = NO_SPAN
) -> Callable[[DeliveryError | None], None]:
    """The delivery callback of one record sent for a ticket. It calls `fail` with the error of a failed delivery."""
    ticket.sent += 1

    def settle(error: DeliveryError | None) -> None:
        if error is None:
            publishing.end()
            ticket.delivered.append(None)
        else:
            fail(str(error))

    return settle
