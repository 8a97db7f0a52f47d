"""Some of the corpus through a whole system; `make fuzz` sends ten thousand."""

from collections.abc import Iterator

import pytest

from adapters.settings import Settings
from sparring import Client
from sparring.stack import LocalStack
from tests.fuzz.corpus import KINDS, corpus
from tests.fuzz.run import Outcome, fuzz

_OF_EACH_KIND = 12


@pytest.fixture(scope="module")
def outcome(broker: LocalStack, seed: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """Of a system of its own on the session's broker, so that its processes are nobody else's."""
    folder = tmp_path_factory.mktemp("fuzz")
    with (
        LocalStack(folder / "stack", on=broker, namespace="fuzzed") as stack,
        Client(Settings.read(stack.environment())) as client,
    ):
        yield fuzz(stack, client, folder, corpus(seed, _OF_EACH_KIND * len(KINDS)))


def test_each_bad_frame_is_answered_once_with_its_reason_and_no_process_dies_or_grows(outcome: Outcome) -> None:
    assert outcome.failures() == []


def test_kafka_took_every_frame(outcome: Outcome) -> None:
    assert (len(outcome.frames), outcome.not_taken.total()) == (_OF_EACH_KIND * len(KINDS), 0)


def test_what_is_no_picture_or_table_at_all_is_refused_by_name(outcome: Outcome) -> None:
    said = outcome.said()
    assert set(said["PNG of 30,000 x 30,000 pixels"]) == {"ImageTooLarge"}
    assert set(said["Arrow bomb"]) == {"TableTooLarge"}
