"""The offsets and quarantines of assigned partitions, with a real consumer that has not joined its group yet."""

from collections.abc import Iterator
from dataclasses import asdict

import pytest

from adapters.kafka.record import Committed, Record
from adapters.meter import Meter
from adapters.settings import InferenceSettings
from router.route import route
from schemas.pipelines import ModelStep
from sparring.stack import LocalStack
from tests.nouns import frame, pinned, pipeline_version
from tests.sparring.sdk import fresh_settings
from workers.inference.attempts import OPEN
from workers.inference.in_flight import InFlight, Ticket
from workers.inference.partitions import Partitions
from workers.inference.publisher import Publisher
from workers.inference.recorder import Recorder

TOPIC_PARTITION = ("work", 0)


@pytest.fixture
def partitions(broker: LocalStack) -> Iterator[Partitions]:
    settings = InferenceSettings(**asdict(fresh_settings(broker, "partitions")))
    recorder = Recorder(settings, Meter("inference"), pinned("m").key, "official")
    publisher = Publisher(settings, recorder)
    made = Partitions(settings, "work", InFlight(publisher.publish), publisher, lambda _within_s: None)
    yield made
    made.close()


def test_the_last_task_of_a_quarantine_does_not_end_a_later_one_of_its_partition(partitions: Partitions) -> None:
    request = frame("r")
    (task,) = route(request, pipeline_version(ModelStep(pinned("m"))))
    ticket = Ticket(Record("work", 0, 5, 0, None, request.value, []), request, task.slip)
    partitions._assigned({TOPIC_PARTITION: Committed(5, OPEN)})  # noqa: SLF001 (what the consumer calls)
    first = partitions.quarantine(ticket)
    assert first is not None
    first.remaining = 1
    # The commit behind the last task served a rebalance, which took the partition away and assigned it again.
    partitions._lost({TOPIC_PARTITION})  # noqa: SLF001 (as above)
    partitions._assigned({TOPIC_PARTITION: Committed(5, OPEN)})  # noqa: SLF001 (as above)
    second = partitions.quarantine(ticket)
    partitions.end_alone(ticket, first)
    assert second is not None
    assert partitions.quarantine(ticket) is second

    second.remaining = 1
    partitions.end_alone(ticket, second)
    assert partitions.quarantine(ticket) is None
