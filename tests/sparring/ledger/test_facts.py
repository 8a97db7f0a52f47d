"""The ledger's facts: what was live when, what a version makes of a frame, what is kept of an answer. Pure."""

from dataclasses import replace

import msgspec
import pytest

from schemas.catalog import Switch
from schemas.frames import Frame, RawHeaders
from schemas.limits import FRAME_BYTES_MAX
from schemas.pipelines import ModelStep, RandomSplit, ShadowDeploy, WeightedModel
from schemas.results import Answer, answer_before_routing, failure_value
from schemas.tasks import SplitChoice
from sparring.ledger.account import live_between
from sparring.ledger.decisions import decide, refused_anyhow
from sparring.ledger.facts import Decision, Routed
from sparring.ledger.read import Shared, observed
from tests.nouns import frame, pinned, pipeline_version
from tests.sparring.ledger.facts_made import sent

HISTORY = (Switch(10, "a", ""), Switch(20, "b", ""), Switch(30, None, ""), Switch(40, "c", ""))


def test_versions_that_were_live_at_any_moment_of_a_time() -> None:
    assert live_between(HISTORY, 25) == ("b", None, "c")
    assert live_between(HISTORY, 35) == (None, "c")
    assert live_between(HISTORY, 0) == (None, "a", "b", "c")
    assert live_between(HISTORY, 12, 18) == ("a",)
    assert live_between(HISTORY, 12, 20) == ("a", "b")
    assert live_between(HISTORY, 20, 20) == ("a", "b")
    assert live_between(HISTORY, 99) == ("c",)
    assert live_between(HISTORY, 0, 5) == (None,)
    assert live_between((), 0) == (None,)


def test_the_decision_is_the_routers_own() -> None:
    shown = frame("r1")
    split = pipeline_version(RandomSplit((WeightedModel(1, pinned("a")), WeightedModel(0, pinned("b")))))
    placed = SplitChoice(0, None, None, (("a", 1), ("b", 0)), "a", "v1", "sha-of-a-v1")
    assert decide(shown, split) == Decision(Routed("a@v1", "sha-of-a-v1", 0, (placed,)), first="a@v1")
    shadowed = pipeline_version(ShadowDeploy(pinned("a"), (pinned("b"),)), ModelStep(pinned("post")))
    by_a, by_b = Routed("a@v1", "sha-of-a-v1", 1), Routed("b@v1", "sha-of-b-v1", 1)
    assert decide(shown, shadowed) == Decision(by_a, {"b@v1": by_b}, first="a@v1")
    chained = pipeline_version(*split.steps, ShadowDeploy(pinned("c"), (pinned("d"),)))
    by_c, by_d = Routed("c@v1", "sha-of-c-v1", 1, (placed,)), Routed("d@v1", "sha-of-d-v1", 1, (placed,))
    assert decide(shown, chained) == Decision(by_c, {"d@v1": by_d}, first="a@v1")


def test_a_decision_knows_how_long_an_answer_is_wanted() -> None:
    aged = msgspec.structs.replace(pipeline_version(ModelStep(pinned("a"))), frame_age_ms_max=500)
    assert decide(frame("r1"), aged).lives_ms == 500
    assert decide(frame("r1", headers=[("deadline", b"1200")]), aged).lives_ms == 200
    assert decide(frame("r1", headers=[("deadline", b"900")]), aged).lives_ms == -100
    assert decide(frame("r1", headers=[("deadline", b"soon")]), aged) == Decision(refused="BadHeader")
    by_number = msgspec.structs.replace(
        aged, steps=(RandomSplit((WeightedModel(1, pinned("a")),), hash_key="p"),), frame_age_ms_max=500
    )
    text = replace(frame("r1"), value=b'[{"p": 17}]')
    assert decide(text, by_number) == Decision(refused="HashKeyOutOfRange", lives_ms=500)


@pytest.mark.parametrize(
    ("headers", "size", "error"),
    [
        ([("pipeline", b"shop")], 1, None),
        ([], 1, "MissingHeader"),
        ([("pipeline", b"a/b/c")], 1, "BadHeader"),
        ([], FRAME_BYTES_MAX + 1, "FrameTooLarge"),
    ],
)
def test_some_frames_are_refused_whatever_is_live(headers: RawHeaders, size: int, error: str | None) -> None:
    assert refused_anyhow(replace(frame(), headers=tuple(headers), value=bytes(size))) == error


def told_by(answer: Answer) -> tuple[str | None, bool]:
    found = observed(sent(0), answer, Record(), Shared())
    return found.error, found.by_router


def refusal(value: bytes) -> Answer:
    shown: Frame = frame("r0")
    return answer_before_routing(shown, "error", value, 0)


class Record:
    """As much of a record as is asked for its place."""

    partition = 3
    offset = 8


def test_an_answer_whose_error_cannot_be_read_is_one_all_the_same() -> None:
    assert told_by(refusal(failure_value("NotDeployed", "why", "route"))) == ("NotDeployed", True)
    assert told_by(refusal(b"no JSON")) == (None, False)
    assert told_by(refusal(b"[" * 100_000)) == (None, False)


def test_what_a_million_frames_have_in_common_is_kept_once() -> None:
    shared = Shared()
    first = Decision(Routed("a@1", "sha", 1), {"b@1": Routed("b@1", "sha", 1)})
    assert shared.one(first) is shared.one(replace(first)) is first
    assert shared.one(replace(first, challengers={})) is not first
    frame_0 = sent(0, request_id="r1", digest=None)
    kept = [observed(frame_0, refusal(failure_value("NotDeployed", "", "route")), Record(), shared) for _ in range(2)]
    assert kept[0].pipeline is kept[1].pipeline
    assert kept[0].error is kept[1].error
    assert kept[0].origin is frame_0.origin
