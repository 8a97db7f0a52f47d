"""`replay --verify`: every part of a decision is derived again, and what nobody can derive is told apart. No Kafka."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import msgspec
import pytest

from router.route import route
from schemas.catalog import Catalog, PipelineVersionAdded
from schemas.frames import Frame
from schemas.pipelines import PipelineVersion, RandomSplit, ShadowDeploy, WeightedModel
from schemas.results import Answer, Timings, answer_before_routing, answer_of_slip
from schemas.tasks import SplitChoice
from sparring.replay.decisions import Verified, verified
from sparring.replay.recorded import RecordedAnswers
from tests.nouns import frame, pinned, pipeline_version

ARMS = (WeightedModel(2, pinned("a")), WeightedModel(1.5, pinned("b")))
VERSION = pipeline_version(
    RandomSplit(ARMS, hash_key="shop"), ShadowDeploy(pinned("c"), (pinned("d"), pinned("e")), share=0.5)
)
BY_PLACE = pipeline_version(RandomSplit(ARMS, hash_key="p"))


def answered(shown: Frame, version: PipelineVersion) -> Answer:
    """As a model process answers the router's task, and as it is read from its topic."""
    slip = route(shown, version)[0].slip
    made = answer_of_slip(shown, slip, "ok", b"", 0, Timings())
    return Answer.from_record(made.key, made.value, made.headers())


def looked_at(tmp_path: Path, version: PipelineVersion, frames: list[Frame], answers: list[Answer]) -> Verified:
    catalog = Catalog()
    catalog.apply(0, 0, PipelineVersionAdded(version))
    with RecordedAnswers(tmp_path / "recorded.sqlite") as recorded:
        recorded.keep(answers)
        return verified(frames, recorded, catalog)


def test_what_was_decided_comes_out_again_with_its_challengers_and_its_place_in_the_split(
    tmp_path: Path, seed: int
) -> None:
    rng = Random(seed)
    by_shop = [
        frame(f"r{number}", offset=number, headers=[("shop", f"shop-{rng.random()}".encode())] if number % 9 else None)
        for number in range(200)
    ]
    seen = looked_at(tmp_path, VERSION, by_shop, [answered(one, VERSION) for one in by_shop])
    assert (seen.decided, seen.differences) == (200, [])
    table = [("content-type", b"application/json")]
    placed = [
        frame(f"r{number}", f'[{{"p": {rng.random()!r}}}]'.encode(), offset=number, headers=[*table])
        for number in range(200)
    ]
    (tmp_path / "recorded.sqlite").unlink()
    seen = looked_at(tmp_path, BY_PLACE, placed, [answered(one, BY_PLACE) for one in placed])
    assert (seen.decided, seen.differences) == (200, [])


def _split(**changed: object) -> Callable[[Answer], Answer]:
    def change(made: Answer) -> Answer:
        (first,) = made.split
        place: SplitChoice = msgspec.structs.replace(first, **changed)
        return replace(made, split=(place,))

    return change


@pytest.mark.parametrize(
    ("change", "was"),
    [
        (lambda made: replace(made, model="b"), "b@v1"),
        (lambda made: replace(made, model_version="v2"), "c@v2"),
        (lambda made: replace(made, model_sha256="f" * 64), f"c@v1 of sha256 {'f' * 64}"),
        (lambda made: replace(made, parts=made.parts + 1), "3 challengers of the request"),
        (lambda made: replace(made, parts=0), "0 challengers of the request"),
        (lambda made: replace(made, split=()), "the split []"),
        (_split(hash_key="camera"), "the split "),
        (_split(position=0.25), "the split "),
        (_split(name="nobody"), "the split "),
        (_split(weights=(("a", 1), ("b", 1.5))), "the split "),
        (_split(missing=True), "the split "),
    ],
)
def test_each_part_of_a_decision_that_differs_is_listed(
    tmp_path: Path, change: Callable[[Answer], Answer], was: str
) -> None:
    shadowed = next(
        one
        for one in (frame(f"r{number}", headers=[("shop", b"s")]) for number in range(100))
        if answered(one, VERSION).parts
    )
    seen = looked_at(tmp_path, VERSION, [shadowed], [change(answered(shadowed, VERSION))])
    (difference,) = seen.differences
    assert difference.was.startswith(was)
    assert difference.derived not in {was, difference.was}
    assert (difference.request_id, difference.version) == (shadowed.request_id, "pv1")


def test_what_cannot_be_derived_is_told_apart_from_what_no_version_decided(tmp_path: Path) -> None:
    frames = [frame(f"r{number}", offset=number) for number in range(5)]
    strangers = [
        replace(answered(frames[0], VERSION), pipeline_version="gone"),
        replace(answered(frames[1], VERSION), pipeline="default/other"),
        replace(answered(frames[2], VERSION), pipeline="no name/at all"),
    ]
    before = answer_before_routing(frames[3], "expired", b"", 0)
    seen = looked_at(tmp_path, VERSION, frames, [*strangers, before])
    assert (seen.decided, seen.before, seen.unanswered, seen.differences) == (0, 1, 1, [])
    assert seen.unknown == {"default/shop@gone": 1, "default/other@pv1": 1, "no name/at all@pv1": 1}
