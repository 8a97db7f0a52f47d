"""A note in the commit's metadata names the message that ended its process."""

from adapters.kafka.record import Committed, Record
from workers.inference.attempts import CLOSED, OPEN, attempt_note, quarantine_of


def record(offset: int) -> Record:
    return Record("work", 0, offset, 0, None, b"", [])


def test_a_partition_that_was_left_in_good_order_is_not_quarantined() -> None:
    assert quarantine_of(Committed(None, ""), 16) is None
    assert quarantine_of(Committed(5, CLOSED), 16) is None


def test_a_partition_that_was_left_open_runs_its_next_messages_alone() -> None:
    quarantine = quarantine_of(Committed(5, OPEN), 16)
    assert quarantine is not None
    assert (quarantine.remaining, quarantine.next_attempt(record(5))) == (32, 1)


def test_attempts_count_for_the_message_at_that_offset_only() -> None:
    quarantine = quarantine_of(Committed(5, attempt_note(2)), 16)
    assert quarantine is not None
    assert quarantine.next_attempt(record(5)) == 3
    assert quarantine.next_attempt(record(6)) == 1
