"""Champions and challengers brought together from two streams in the order of time."""

from dataclasses import replace

from schemas.results import Answer
from sparring.joined import OPEN_MAX, join

OFFICIAL = Answer(
    *(b"", b"", "", "ok", "default/p", "frames/0/0", "", 0), pipeline_version="v", role="champion", model="champion"
)


def official(request: str, at: int, parts: int = 1, version: str = "v") -> Answer:
    return replace(OFFICIAL, request_id=request, published_at=at, parts=parts, pipeline_version=version)


def shadow(request: str, at: int, model: str = "rival", version: str = "v") -> Answer:
    return replace(official(request, at, version=version), role="challenger", model=model, model_version="1")


def joined(officials: list[Answer], shadows: list[Answer], late_ms: int = 1000) -> dict[str, list[str]]:
    return {one.official.request_id: sorted(one.challengers) for one in join(officials, shadows, late_ms)}


def test_challengers_stand_beside_their_champion_however_fast_they_were() -> None:
    officials = [official("a", 10), official("b", 20, parts=2), official("c", 30, parts=0)]
    shadows = [shadow("a", 5), shadow("b", 25), shadow("b", 26, model="other")]
    assert joined(officials, shadows) == {"a": ["rival@1"], "b": ["other@1", "rival@1"], "c": []}


def test_the_late_are_waited_for_and_no_longer() -> None:
    officials = [official("a", 0), official("b", 0), official("z", 5000, parts=0)]
    assert joined(officials, [shadow("a", 900), shadow("b", 2000)]) == {"a": ["rival@1"], "b": [], "z": []}


def test_a_challenger_of_another_version_is_not_among_the_parts() -> None:
    assert joined([official("a", 10)], [shadow("a", 11, version="old")]) == {"a": []}
    assert joined([official("a", 10)], [shadow("a", 9, version="old"), shadow("a", 12)]) == {"a": ["rival@1"]}


def test_an_answer_that_stands_twice_is_given_once() -> None:
    assert [one.official.published_at for one in join([official("a", 1, 0), official("a", 2, 0)], [], 10)] == [1]


def test_what_waits_is_bounded() -> None:
    many = [official(str(number), number) for number in range(OPEN_MAX + 5)]
    stream = join(many, [], late_ms=10**9)
    assert next(stream).official.request_id == "0"
    assert sum(1 for _ in stream) == OPEN_MAX + 4
