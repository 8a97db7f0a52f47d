"""Where partitions end now, as the broker says, and not as a client last heard it."""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Final

from kafka import TopicPartition
from kafka.errors import KafkaError

from adapters.clock import now_ms
from sparring.broker import Broker
from sparring.spans import end_offsets

ASK_EVERY_S: Final = 1.0
_SILENT_S_MAX: Final = 20.0
"""A broker that says nothing for so long is gone, not only slow: a single question is given half of it."""

_CLOSE_MS_MAX: Final = 2_000


class Ends:
    """Asked on a connection of its own, opened when it is first needed: one that reads may be waiting for records, and
    the broker's is shared. One that got no answer is replaced, as `Broker` does it.

    Args:
        broker: where the partitions are.
        places: the partitions.
        clock: seconds that only rise.
    """

    def __init__(self, broker: Broker, places: Sequence[TopicPartition], clock: Callable[[], float]) -> None:
        self._broker = broker
        self._places = places
        self._clock = clock
        self._asked_s = clock() - ASK_EVERY_S
        self._heard_s = clock()
        self._consumer: Any = None

    def ask(self, *, heard: bool) -> tuple[dict[TopicPartition, int], int] | None:
        """By partition, and when it was asked, Unix ms. None: it was a moment ago, or nobody answers for now.

        heard: the broker has just said something else. A client that lost its broker is as silent as a topic where
        nothing comes.

        Raises:
            ConnectionError: the broker has been silent for too long.
        """
        now_s = self._clock()
        if heard:
            self._heard_s = now_s
        if now_s - self._asked_s < ASK_EVERY_S:
            return None
        self._asked_s, asked_ms = now_s, now_ms()
        try:
            consumer = self._consumer = self._consumer or self._broker.consumer(())
            ends = end_offsets(consumer, self._places)
        except (KafkaError, ConnectionError) as error:
            self.close()
            self._check_silence(error)
            return None
        self._heard_s = self._clock()
        return ends, asked_ms

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with contextlib.suppress(KafkaError):
                consumer.close(autocommit=False, timeout_ms=_CLOSE_MS_MAX)

    def _check_silence(self, error: Exception) -> None:
        silent_s = self._clock() - self._heard_s
        if silent_s > _SILENT_S_MAX:
            topics = ", ".join(sorted({place.topic for place in self._places}))
            raise ConnectionError(
                f"{topics} on {self._broker.kafka}: no answer for {silent_s:.0f} s: {error!r}"
            ) from error
