"""Some of the corpus through a whole system; `make fuzz` sends ten thousand."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.settings import Settings
from sparring import Client
from sparring.stack import LocalStack
from tests.fuzz.corpus import KINDS, corpus
from tests.fuzz.run import Outcome, fuzz

_OF_EACH_KIND = 12


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders in which libraries leave what is theirs, by the variable that says where."""
    folder = tmp_path_factory.mktemp("places")
    names = {name: folder / name for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME")}
    for place in names.values():
        place.mkdir()
    return names


@pytest.fixture(scope="module")
def outcome(
    broker: LocalStack, seed: int, places: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Outcome]:
    """Of a system of its own on the session's broker, so that its processes are nobody else's."""
    folder = tmp_path_factory.mktemp("fuzz")
    environment = {name: str(place) for name, place in places.items()}
    with (
        LocalStack(folder / "stack", on=broker, namespace="fuzzed", environment=environment) as stack,
        Client(Settings.read(stack.environment())) as client,
    ):
        yield fuzz(stack, client, folder, corpus(seed, _OF_EACH_KIND * len(KINDS)))


def test_each_bad_frame_is_answered_once_with_its_reason_and_no_process_dies_or_grows(outcome: Outcome) -> None:
    assert outcome.failures() == []


def test_no_service_leaves_a_file_in_the_home_the_cache_or_the_temporary_folder(
    outcome: Outcome, places: dict[str, Path]
) -> None:
    assert outcome.heard.answers
    # What is open while a service runs has its name: the indexer's tables, which go with it.
    left = [str(path) for place in places.values() for path in place.iterdir()]
    assert [path for path in left if "sparring-indexer-" not in path] == []


def test_kafka_took_every_frame(outcome: Outcome) -> None:
    assert (len(outcome.frames), outcome.not_taken.total()) == (_OF_EACH_KIND * len(KINDS), 0)


def test_what_is_no_picture_or_table_at_all_is_refused_by_name(outcome: Outcome) -> None:
    said = outcome.said()
    assert set(said["PNG of 30,000 x 30,000 pixels"]) == {"ImageTooLarge"}
    assert set(said["Arrow bomb"]) == {"TableTooLarge"}
