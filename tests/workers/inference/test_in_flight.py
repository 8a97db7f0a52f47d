"""Answers leave in the order in which tasks came; commits follow delivery."""

import random
from dataclasses import dataclass, field

from adapters.kafka.confirming_producer import DeliveryError
from adapters.kafka.record import Record
from router.route import route
from schemas.pipelines import ModelStep
from schemas.results import Timings, answer_of_slip
from tests.nouns import frame, pinned, pipeline_version
from workers.inference.in_flight import Finished, InFlight, Ticket
from workers.inference.publisher import confirmation

VERSION = pipeline_version(ModelStep(pinned("m")))


def new_ticket(offset: int, partition: int = 0) -> Ticket:
    request = frame(f"r{partition}-{offset}")
    (task,) = route(request, VERSION)
    record = Record("work", partition, offset, 0, None, request.value, [])
    return Ticket(record, request, task.slip)


def finished(ticket: Ticket) -> Finished:
    return Finished(answer_of_slip(ticket.frame, ticket.slip, "ok", b"", 0, Timings()))


@dataclass
class Sent:
    """The published tickets, and the delivery callbacks that are not called yet."""

    order: list[tuple[int, int]] = field(default_factory=list)
    reports: list[object] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def publish(self, ticket: Ticket, _finished: Finished) -> None:
        self.order.append((ticket.record.partition, ticket.record.offset))
        self.reports.append(confirmation(ticket, self.failures.append))

    def deliver(self, count: int, error: DeliveryError | None = None) -> None:
        for _ in range(count):
            self.reports.pop(0)(error)  # type: ignore[operator]  # a delivery callback


def test_answers_leave_in_the_order_of_their_partition(seed: int) -> None:
    sent = Sent()
    in_flight = InFlight(sent.publish)
    tickets = [new_ticket(offset, partition) for offset in range(20) for partition in range(3)]
    for ticket in tickets:
        in_flight.add(ticket)
    random.Random(seed).shuffle(tickets)
    for ticket in tickets:
        in_flight.finish(ticket, finished(ticket))
    for partition in range(3):
        assert [o for p, o in sent.order if p == partition] == list(range(20))
    assert in_flight.running == 0


def test_the_oldest_ticket_is_published_at_once() -> None:
    sent = Sent()
    in_flight = InFlight(sent.publish)
    first, second = new_ticket(0), new_ticket(1)
    in_flight.add(first)
    in_flight.add(second)
    in_flight.finish(first, finished(first))
    assert sent.order == [(0, 0)]


def test_only_what_is_delivered_may_be_committed() -> None:
    sent = Sent()
    in_flight = InFlight(sent.publish)
    tickets = [new_ticket(offset) for offset in range(3)]
    for ticket in tickets:
        in_flight.add(ticket)
    in_flight.finish(tickets[1], finished(tickets[1]))
    in_flight.finish(tickets[0], finished(tickets[0]))
    assert in_flight.settled() == {}
    sent.deliver(1)
    assert in_flight.settled() == {("work", 0): 1}
    sent.deliver(1)
    assert in_flight.settled() == {("work", 0): 2}
    assert len(in_flight) == 1


def test_an_answer_that_is_not_delivered_is_never_committed() -> None:
    sent = Sent()
    in_flight = InFlight(sent.publish)
    ticket = new_ticket(0)
    in_flight.add(ticket)
    in_flight.finish(ticket, finished(ticket))
    sent.deliver(1, DeliveryError("broken", permanent=False))
    assert in_flight.settled() == {}
    assert sent.failures == ["broken"]


def test_tasks_of_a_partition_that_others_have_now_are_forgotten() -> None:
    sent = Sent()
    in_flight = InFlight(sent.publish)
    ticket = new_ticket(0)
    in_flight.add(ticket)
    in_flight.forget(("work", 0))
    in_flight.finish(ticket, finished(ticket))
    assert sent.order == []
    assert (in_flight.settled(), in_flight.running) == ({}, 0)


def test_there_is_room_again_when_an_answer_is_there() -> None:
    in_flight = InFlight(Sent().publish)
    ticket = new_ticket(0)
    in_flight.add(ticket)
    assert in_flight.wait_for_room(1, wait_s=0.0) == 0
    in_flight.finish(ticket, finished(ticket))
    assert in_flight.wait_for_room(1, wait_s=0.0) == 1
