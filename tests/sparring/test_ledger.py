"""The account: what is in order, and that each thing which is not is found. Pure."""

from dataclasses import replace
from typing import Any

import pytest

from schemas.catalog import Pipeline, Switch
from schemas.frames import Frame
from schemas.pipelines import ModelStep, PipelineVersion, RandomSplit, ShadowDeploy, WeightedModel
from sparring.ledger.account import Index, Report, account
from sparring.ledger.decisions import decide, is_routable, live_since
from sparring.ledger.facts import Dead, Decision, Sent, Told
from tests.nouns import frame, pinned, pipeline_version

PIPELINE = "default/shop"
DECIDED = {"v1": Decision("champion@1", "sha", {"rival@1": "sha"}), "v2": Decision("champion@2", "sha")}


def sent(offset: int, **more: Any) -> Sent:
    fields: dict[str, Any] = {
        "origin": f"frames/0/{offset}",
        "partition": 0,
        "offset": offset,
        "key": b"camera",
        "request_id": f"r{offset}",
        "pipeline": PIPELINE,
        "digest": f"bytes-{offset}",
        "decisions": DECIDED,
    }
    return Sent(**{**fields, **more})


def told(offset: int, at: int | None = None, **more: Any) -> Told:
    fields: dict[str, Any] = {
        "origin": f"frames/0/{offset}",
        "partition": 3,
        "offset": offset if at is None else at,
        "request_id": f"r{offset}",
        "pipeline": PIPELINE,
        "status": "ok",
        "pipeline_version": "v1",
        "model": "champion@1",
        "sha256": "sha",
        "digest": f"bytes-{offset}",
        "value_digest": f"answer-{offset}",
        "error": None,
    }
    return Told(**{**fields, **more})


def shadow(offset: int, **more: Any) -> Told:
    return told(offset, **{"model": "rival@1", **more})


def held(request_id: str, pipeline: str) -> tuple[str, str] | None:
    if pipeline != PIPELINE:
        return None
    return f"frames/0/{request_id[1:]}", f"answer-{request_id[1:]}"


def kinds(report: Report) -> list[str]:
    return [finding.kind for finding in report.findings]


def test_an_account_in_order_has_no_findings_and_counts_what_it_saw() -> None:
    frames = [sent(offset) for offset in range(3)]
    error = told(2, status="error", error="StepFailed", value_digest="answer-2")
    report = account(
        frames,
        [told(0), told(1), told(1, at=7), error, told(9)],
        [shadow(0), shadow(0), shadow(1, status="shed", error="Shed"), shadow(2)],
        [Dead("frames/0/2", "r2", "StepFailed", "bytes-2"), Dead("frames/0/9", "r9", "StepFailed", "bytes-9")],
        held,
    )
    assert report.in_order, report.findings
    counts = report.counts
    assert (counts["frames"], counts["answers on results"], counts["duplicates on results"]) == (3, 4, 1)
    assert (counts["answered ok"], counts["answered error"], counts["dead letters"]) == (2, 1, 1)
    assert (counts["records on shadows"], counts["duplicates on shadows"], counts["shadows shed"]) == (4, 1, 1)


@pytest.mark.parametrize(
    ("results", "shadows", "dead", "found"),
    [
        ([], [shadow(0)], [], ["missing answer"]),
        ([told(0)], [], [], ["missing challenger"]),
        ([told(0, pipeline_version="v2", model="champion@2")], [], [], []),
        ([told(0, model="rival@1")], [shadow(0)], [], ["wrong decision"]),
        ([told(0), told(0, at=1, model="rival@1")], [shadow(0)], [], ["wrong decision"]),
        ([told(0, pipeline_version="never")], [shadow(0)], [], ["wrong decision"]),
        ([told(0, digest="other")], [shadow(0)], [], ["other bytes"]),
        ([told(0, status="error", error="StepFailed")], [shadow(0)], [], ["missing dead letter"]),
        (
            [told(0, status="error", error="StepFailed")],
            [shadow(0)],
            [Dead("frames/0/0", "r0", "StepFailed", "cut")],
            ["missing dead letter"],
        ),
        ([told(0)], [shadow(0)], [Dead("frames/0/0", "r0", "BadJson", "bytes-0")], ["dead letter without an error"]),
        ([told(0, value_digest="new")], [shadow(0)], [], ["other answer in the index"]),
        ([told(0, status="expired", error="Expired", pipeline_version=None, model=None)], [], [], []),
        ([told(0, status="expired", error="Expired")], [shadow(0)], [], ["wrong decision"]),
        ([told(0, status="shed", error="Shed")], [shadow(0)], [], ["wrong decision"]),
        ([told(0, sha256="another")], [shadow(0)], [], ["wrong decision"]),
        ([told(0, pipeline="default/other")], [shadow(0)], [], ["wrong decision", "not in the index"]),
        ([told(0)], [shadow(0), shadow(0, model="stranger@1")], [], ["wrong decision"]),
        ([told(0)], [shadow(0, digest="other")], [], ["other bytes"]),
        ([told(0)], [shadow(0, sha256="another")], [], ["wrong decision"]),
    ],
)
def test_each_thing_that_does_not_hold_is_found(
    results: list[Told], shadows: list[Told], dead: list[Dead], found: list[str]
) -> None:
    assert kinds(account([sent(0)], results, shadows, dead, held)) == found


def test_an_index_without_the_request_is_found_and_one_that_is_not_asked_is_not() -> None:
    def asked(index: Index | None) -> Report:
        return account([sent(0)], [told(0)], [shadow(0)], [], index)

    assert kinds(asked(lambda *_: None)) == ["not in the index"]
    assert asked(None).in_order


def test_two_frames_of_one_request_id_share_what_the_index_holds() -> None:
    frames = [sent(0), sent(1, request_id="r0")]
    results = [told(0), told(1, request_id="r0")]
    assert account(frames, results, [shadow(0), shadow(1, request_id="r0")], [], held).in_order


def test_the_order_of_a_key_is_that_of_first_answers_by_one_model_version() -> None:
    frames = [sent(offset) for offset in range(3)]
    shadows = [shadow(offset) for offset in range(3)]
    swapped = [told(1, at=0), told(0, at=1), told(2, at=2)]
    assert kinds(account(frames, swapped, shadows, [], held)) == ["out of order"]
    redelivered = [told(0, at=0), told(1, at=1), told(0, at=2), told(2, at=3)]
    assert account(frames, redelivered, shadows, [], held).in_order
    without_key = [replace(one, key=None) for one in frames]
    assert account(without_key, swapped, shadows, [], held).in_order
    by_the_new_champion = [replace(swapped[0], model="champion@2", pipeline_version="v2"), *swapped[1:]]
    assert account(frames, by_the_new_champion, shadows, [], held).in_order


def test_the_decision_is_the_routers_own() -> None:
    shown = frame("r1")
    split = pipeline_version(RandomSplit((WeightedModel(1, pinned("a")), WeightedModel(0, pinned("b")))))
    assert decide(shown, split) == Decision("a@v1", "sha-of-a-v1")
    shadowed = pipeline_version(ShadowDeploy(pinned("a"), (pinned("b"),)), ModelStep(pinned("post")))
    assert decide(shown, shadowed) == Decision("a@v1", "sha-of-a-v1", {"b@v1": "sha-of-b-v1"})
    text = Frame(None, b'[{"p": 17}]', (("pipeline", b"shop"),), shown.origin, 0, "T")
    by_number = pipeline_version(RandomSplit((WeightedModel(1, pinned("a")),), hash_key="p"))
    assert decide(text, by_number) == Decision(refused="HashKeyOutOfRange")


def test_challengers_out_of_order_are_counted_but_not_what_was_shed() -> None:
    frames, results = [sent(0), sent(1)], [told(0), told(1)]
    swapped = [shadow(1, at=0), shadow(0, at=1)]
    report = account(frames, results, swapped, [], held)
    assert report.in_order
    assert report.counts["challengers out of order"] == 1
    late = [shadow(1, at=0), shadow(0, at=1, status="shed", error="Shed")]
    assert account(frames, results, late, [], held).counts["challengers out of order"] == 0


def test_an_answer_before_any_version_is_wrong_where_every_router_had_to_place_the_frame() -> None:
    refused = told(0, status="error", error="UnknownPipeline", pipeline_version=None, model=None)
    letters = [Dead("frames/0/0", "r0", "UnknownPipeline", "bytes-0")]
    assert account([sent(0)], [refused], [], letters, held).in_order
    assert kinds(account([sent(0, routable=True)], [refused], [], letters, held)) == ["wrong decision"]


def test_a_frame_is_routable_where_a_version_was_live_all_the_time_and_each_could_place_it() -> None:
    shown = frame("r1")
    versions = {"a": PipelineVersion("default", "shop", "a", (), 0)}
    live, undeployed = Switch(10, "a", ""), Switch(30, None, "")
    shop, gone = Pipeline(versions, history=(live,)), Pipeline(versions, history=(live, undeployed))
    assert is_routable(shown, shop, 20, DECIDED)
    assert not is_routable(shown, shop, 5, DECIDED)
    assert not is_routable(shown, gone, 20, DECIDED)
    assert not is_routable(shown, shop, 20, {"a": Decision(refused="HashKeyOutOfRange")})
    assert not is_routable(shown, shop, 20, {"a": Decision("champion@1", may_expire=True)})


def test_a_frame_that_lies_elsewhere_is_accounted_for_without_its_bytes() -> None:
    assert account([sent(0, digest=None)], [told(0)], [shadow(0)], [], held).in_order


def test_versions_that_were_live_since_a_time() -> None:
    versions = {name: PipelineVersion("default", "shop", name, (), 0) for name in "abc"}
    history = (Switch(10, "a", ""), Switch(20, "b", ""), Switch(30, None, ""), Switch(40, "c", ""))
    shop = Pipeline(versions, history=history)
    assert [one.version for one in live_since(shop, 25)] == ["b", "c"]
    assert [one.version for one in live_since(shop, 35)] == ["c"]
    assert [one.version for one in live_since(shop, 0)] == ["a", "b", "c"]
    assert live_since(Pipeline(versions), 0) == ()
