"""What is recorded, on a real broker that stands still."""

from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

import pytest

from adapters.brokers import Brokers
from schemas.topics import RECORD_BYTES_MAX
from sparring.kafka.broker import Broker
from sparring.kafka.source import recorded_spans
from sparring.stack import LocalStack
from tests.freezing import frozen
from tests.sparring.results.test_answers import Writer, writer

__all__ = ["writer"]  # a fixture


@pytest.fixture(scope="module")
def broker(own_broker: LocalStack) -> LocalStack:
    """The test freezes it."""
    return own_broker


class StandingStill(Broker):
    """Kafka stands still as soon as somebody is about to ask; until `thaw` is closed."""

    def __init__(self, stack: LocalStack, thaw: ExitStack) -> None:
        super().__init__(Brokers(stack.kafka))
        self._stack = stack
        self._thaw = thaw

    def consumer(self, places: Iterable[tuple[str, int]], fetch_bytes_max: int = RECORD_BYTES_MAX) -> Any:
        made = super().consumer(places, fetch_bytes_max)
        self._thaw.enter_context(frozen(self._stack.process("kafka")))
        return made


def test_where_nobody_answers_it_is_a_connection_error_that_names_the_topic(broker: LocalStack, writer: Writer) -> None:
    topic = writer.topics.results
    said = f"{topic} on {broker.kafka}: no answer: .*Time"
    with ExitStack() as thaw, StandingStill(broker, thaw) as kafka, pytest.raises(ConnectionError, match=said):
        recorded_spans(kafka, [(topic, None, None)])
