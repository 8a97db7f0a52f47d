"""`python -m workers indexer` on the real broker: nothing is lost, whoever goes away and comes back."""

import contextlib
import time
from itertools import count

from kafka.admin import KafkaAdminClient

from adapters.brokers import Brokers
from adapters.kafka.reader import Reader
from adapters.presence import PresenceReader
from adapters.topics import lag
from schemas.limits import INDEX_KEPT_S, MIB
from schemas.presence import Beat
from schemas.results import Answer
from tests.waiting import eventually
from tests.workers.indexer.answers import SHOP, challenger, official
from tests.workers.indexer.conftest import Place

_numbers = count(1)


def a_stream(length: int) -> list[Answer]:
    """Answers of new requests."""
    return [official(f"r{next(_numbers)}", bytes(3000)) for _ in range(length)]


def uncommitted(place: Place) -> int:
    group = place.topics.indexer_group()
    return sum(lag(Brokers(place.kafka), group, topic) for topic in (place.topics.results, place.topics.shadows))


def beat(watch: PresenceReader) -> Beat | None:
    return next(iter(watch.alive()), None)


def test_official_answers_and_challengers_are_found_by_request_and_committed(place: Place) -> None:
    place.publish(official("r", parts=1), challenger("r"))  # before there ever was an indexer
    indexer = place.indexer()
    eventually(lambda: place.index.read("r", SHOP).complete, 60, "the answers to be in Redis")
    stream = a_stream(500)
    place.publish(*stream)
    eventually(lambda: place.answered(stream), 60, "the stream to be in Redis")
    eventually(lambda: uncommitted(place) == 0, 60, "everything to be committed")
    assert indexer.terminate() == 0
    assert not [line for line in indexer.lines("ERROR") if "skipped" in line]


def test_it_lives_in_presence_until_it_leaves(place: Place) -> None:
    indexer = place.indexer()
    with contextlib.closing(PresenceReader(Brokers(place.kafka), place.topics.presence)) as watch:
        living = eventually(lambda: beat(watch), 60, "the indexer's beat")
        assert living.kind == "indexer"
    assert indexer.terminate() == 0
    with Reader(Brokers(place.kafka), place.topics.presence) as presence:
        said = [eventually(lambda: presence.read(1.0), 60, "what it said") for _ in range(presence.end(60))]
    assert (said[-1].key, said[-1].value) == (living.process.encode(), None), "a tombstone"


def test_an_answer_of_sixteen_mebibytes_arrives(place: Place) -> None:
    place.indexer()
    place.publish(official("large", bytes(16 * MIB)))
    answer = eventually(lambda: place.index.read("large", SHOP).official, 60, "the large answer")
    assert len(answer.value) == 16 * MIB


def test_a_record_that_is_no_answer_is_logged_with_its_place_and_passed_over(place: Place) -> None:
    place.publish_raw(b"?", [("request-id", b"r")])
    place.publish_raw(None, [])
    place.publish_raw(b"?", [("status", b"\xff\xfe"), ("nothing", None)])
    place.publish_raw(b"?", [(n, t.encode()) for n, t in challenger("r").text_headers().items() if n != "model"])
    stream = a_stream(50)
    place.publish(*stream)
    indexer = place.indexer()
    eventually(lambda: place.answered(stream), 60, "the answers beside them")
    said = f"skipped {place.topics.results}/"
    # Some may be read, and skipped, a second time.
    eventually(lambda: len({one for one in indexer.lines("ERROR") if one.startswith(said)}) == 4, 60, "four errors")
    eventually(lambda: uncommitted(place) == 0, 60, "everything to be committed")


def test_a_killed_indexer_loses_nothing_and_counts_nothing_twice(place: Place) -> None:
    stream = a_stream(2000)
    indexer = place.indexer()
    place.publish(*stream)
    eventually(lambda: place.answered(stream[:1]), 60, "the first answer")
    indexer.kill()
    place.indexer()
    eventually(lambda: place.answered(stream), 60, "all answers")
    assert sum(place.index.read(one.request_id, SHOP).duplicates for one in stream) == 0


def test_when_one_of_two_indexers_is_killed_the_other_takes_over(place: Place) -> None:
    first, _second = place.indexer(), place.indexer()
    with contextlib.closing(PresenceReader(Brokers(place.kafka), place.topics.presence)) as watch:
        eventually(lambda: len(watch.alive()) == 2, 60, "both indexers")
    before = a_stream(100)
    place.publish(*before)
    eventually(lambda: place.answered(before), 60, "the answers of both")
    first.kill()
    after = a_stream(100)
    place.publish(*after)
    eventually(lambda: place.answered(after), 60, "the answers of the one that is left")


def test_while_redis_is_away_answers_wait_and_presence_says_why(place: Place) -> None:
    place.indexer()
    before, after = a_stream(20), a_stream(20)
    place.publish(*before)
    eventually(lambda: place.answered(before), 60, "the answers before")
    place.valkey.go()
    place.publish(*after)
    with contextlib.closing(PresenceReader(Brokers(place.kafka), place.topics.presence)) as watch:
        eventually(lambda: (now := beat(watch)) and "Redis at" in "".join(now.problems), 60, "the problem in presence")
        place.valkey.come()
        eventually(lambda: place.answered(after), 60, "the answers that waited")
        eventually(lambda: (now := beat(watch)) and not now.problems, 60, "the problem's end in presence")


def confirmed_lately(place: Place) -> list[Answer]:
    """Answers that Redis has just confirmed, and is going to forget; none where that took so long that the indexer may
    have let go of them. Whoever commits what is confirmed has done so."""
    place.valkey.remember()
    began_s, some = time.monotonic(), a_stream(20)
    place.publish(*some)
    eventually(lambda: place.answered(some), 60, "answers to be written")
    eventually(
        lambda: uncommitted(place) == 0 or time.monotonic() - began_s > INDEX_KEPT_S / 2, 60, "a commit, or none"
    )
    return some if time.monotonic() - began_s < INDEX_KEPT_S - 1 else []


def forgotten(place: Place) -> list[Answer]:
    """Answers that Redis, which is away now, has forgotten, and that the indexer has not let go of: while Redis is away
    it does not."""

    def held() -> list[Answer]:
        if not (some := confirmed_lately(place)):
            return []
        place.valkey.go()
        if uncommitted(place) == len(some):
            return some
        place.valkey.come()
        return []

    lost = eventually(held, 120, "a machine that is not too busy")
    place.valkey.forget()
    return lost


def test_what_redis_forgets_after_it_confirmed_is_written_again(place: Place) -> None:
    indexer = place.indexer()
    before = a_stream(20)
    place.publish(*before)
    eventually(lambda: place.answered(before), 60, "the answers before")

    lost = forgotten(place)
    place.valkey.come()
    eventually(lambda: place.answered([*before, *lost]), 60, "the answers that Redis had forgotten")
    eventually(lambda: "Redis had lost" in "".join(indexer.lines("WARNING")), 60, "the indexer to say so")


def test_what_redis_forgets_when_the_indexer_ends_with_it_is_read_again(place: Place) -> None:
    indexer = place.indexer()
    before = a_stream(20)
    place.publish(*before)
    eventually(lambda: place.answered(before), 60, "the answers before")
    lost = forgotten(place)
    indexer.kill()
    place.valkey.come()
    assert not place.answered(lost)
    place.indexer()
    eventually(lambda: place.answered([*before, *lost]), 60, "the answers that Redis had forgotten")


def test_an_indexer_that_is_told_to_end_while_redis_is_away_leaves_what_it_could_not_write(place: Place) -> None:
    indexer = place.indexer()
    before, after = a_stream(20), a_stream(20)
    place.publish(*before)
    eventually(lambda: place.answered(before) and uncommitted(place) == 0, 60, "the answers before")
    place.valkey.go()
    place.publish(*after)
    eventually(lambda: indexer.lines("WARNING"), 60, "a warning that answers wait")
    assert indexer.terminate() == 0
    assert uncommitted(place) == 20
    place.valkey.come()
    place.indexer()
    eventually(lambda: place.answered(after), 60, "the answers that were left")


def test_an_indexer_ends_in_time_even_when_redis_is_silent(place: Place) -> None:
    indexer = place.indexer()
    before = a_stream(20)
    place.publish(*before)
    eventually(lambda: place.answered(before) and uncommitted(place) == 0, 60, "the answers before")
    place.valkey.freeze()
    place.publish(*a_stream(20))
    eventually(lambda: uncommitted(place) == 20, 60, "the answers to be read and not written")
    assert indexer.terminate() == 0


def test_redis_wiped_and_the_topics_read_again_is_the_same_state(place: Place) -> None:
    numbers = range(50)
    place.publish(
        *(official(f"{n}", parts=1, frame=n) for n in numbers),
        *(challenger(f"{n}", status="shed") for n in numbers),
        *(challenger(f"{n}", value=b"real") for n in numbers if n % 2),
        *(official(f"{n}", b"other", frame=1000 + n) for n in numbers if n % 5 == 0),
    )
    indexer = place.indexer()

    def read_to_the_end() -> bool:
        return uncommitted(place) == 0 and all(place.index.read(f"{n}", SHOP).complete for n in numbers)

    eventually(read_to_the_end, 60, "everything to be written and committed")
    assert sum(place.index.read(f"{n}", SHOP).duplicates for n in numbers) == 10
    assert indexer.terminate() == 0
    state = place.valkey.state()
    assert len(state) == len(numbers) + 1
    place.valkey.wipe()
    with contextlib.closing(KafkaAdminClient(bootstrap_servers=place.kafka)) as admin:
        group = place.topics.indexer_group()
        eventually(lambda: admin.delete_groups([group])[group] == "OK", 60, "the indexer's group to be deleted")
    place.indexer()
    eventually(read_to_the_end, 60, "everything to be written again")
    assert place.valkey.state() == state
