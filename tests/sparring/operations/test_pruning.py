"""Which topics of models are unused, by the catalog's own records. Pure."""

import msgspec
import pytest

from schemas.catalog import Catalog, CatalogRecord, LivePointer, ModelUploaded, PipelineVersionAdded, VersionOffered
from schemas.names import PipelineName
from schemas.pipelines import ModelStep, PipelineVersion, ShadowDeploy
from schemas.topics import TopicNames
from sparring.operations.pruning import GroupState, judged, needed_again
from tests.nouns import pinned, pipeline_version

NAMES = TopicNames("shop")
PIPELINE = PipelineName("default", "shop")
READ = GroupState(0, 0)


def topic(model: str, lane: str = "work") -> str:
    return f"shop.{lane}.default.{model}.v1"


def version(name: str, *steps: ModelStep | ShadowDeploy, created_at: int = 0) -> PipelineVersion:
    return msgspec.structs.replace(pipeline_version(*steps), version=name, created_at=created_at)


A, B = version("a", ModelStep(pinned("a"))), version("b", ModelStep(pinned("b")))


def folded(*records: tuple[int, CatalogRecord]) -> Catalog:
    """The catalog after these, each with the broker's time."""
    catalog = Catalog()
    for offset, (at, record) in enumerate(records):
        catalog.apply(offset, at, record)
    return catalog


def live(name: str | None, replaces: int) -> LivePointer:
    return LivePointer(PIPELINE, name, replaces)


def offered(name: str, within_ms: int = 100) -> VersionOffered:
    return VersionOffered(PIPELINE, name, within_ms)


SWAPPED = (
    *((0, PipelineVersionAdded(A)), (0, offered("a")), (50, live("a", -1))),
    *((900, PipelineVersionAdded(B)), (950, offered("b")), (1_000, live("b", 2))),
)


def verdicts(
    catalog: Catalog, *topics: str, unused_for_ms: int, now_ms: int, standing: GroupState = READ
) -> list[tuple[str, int | None]]:
    found = dict.fromkeys(topics, standing)
    return [(one.verdict, one.needed_until) for one in judged(catalog, NAMES, found, unused_for_ms, now_ms)]


def test_a_topic_is_unused_for_so_long_as_another_version_is_live_in_its_models_place() -> None:
    catalog = folded(*SWAPPED)
    both = (topic("a"), topic("b"))
    assert verdicts(catalog, *both, unused_for_ms=500, now_ms=1_499) == [("needed lately", 1_000), ("needed", None)]
    assert verdicts(catalog, *both, unused_for_ms=500, now_ms=1_500) == [("unused", 1_000), ("needed", None)]
    assert verdicts(catalog, *both, unused_for_ms=0, now_ms=1_000) == [("unused", 1_000), ("needed", None)]


def test_what_went_live_again_counts_from_its_last_end_and_what_was_undeployed_from_then() -> None:
    again = (*SWAPPED, (2_000, offered("a")), (2_050, live("a", 5)), (3_000, live(None, 7)))
    both = (topic("a"), topic("b"))
    assert verdicts(folded(*again), *both, unused_for_ms=100, now_ms=9_000) == [("unused", 3_000), ("unused", 2_050)]


def test_what_is_offered_is_needed_until_its_deadline_and_what_was_never_live_counts_from_when_it_was_made() -> None:
    never = version("n", ModelStep(pinned("n")), created_at=400)
    added = ((410, PipelineVersionAdded(never)),)
    assert verdicts(folded(*added), topic("n"), unused_for_ms=100, now_ms=499) == [("needed lately", 400)]
    assert verdicts(folded(*added), topic("n"), unused_for_ms=100, now_ms=500) == [("unused", 400)]
    open_offer = folded(*added, (600, offered("n", 1_000)))
    assert verdicts(open_offer, topic("n"), unused_for_ms=0, now_ms=1_600) == [("needed", None)]
    assert verdicts(open_offer, topic("n"), unused_for_ms=100, now_ms=1_699) == [("needed lately", 1_600)]
    assert verdicts(open_offer, topic("n"), unused_for_ms=100, now_ms=1_700) == [("unused", 1_600)]


def test_a_model_that_two_pipelines_have_is_needed_as_long_as_one_of_them_needs_it() -> None:
    other = PipelineName("default", "other")
    same = msgspec.structs.replace(A, name="other")
    catalog = folded(
        *SWAPPED,
        (1_100, PipelineVersionAdded(same)),
        (1_100, VersionOffered(other, "a", 100)),
        (1_150, LivePointer(other, "a", -1)),
    )
    assert verdicts(catalog, topic("a"), unused_for_ms=0, now_ms=9_000) == [("needed", None)]


def test_of_two_pipelines_that_had_a_model_the_one_that_needed_it_longer_counts() -> None:
    other = PipelineName("default", "other")
    catalog = folded(
        (0, PipelineVersionAdded(A)),
        (0, PipelineVersionAdded(msgspec.structs.replace(A, name="other"))),
        (0, VersionOffered(other, "a", 100)),
        (20, LivePointer(other, "a", -1)),
        (500, LivePointer(other, None, 3)),
        (600, offered("a")),
        (650, live("a", -1)),
        (1_000, live(None, 6)),
    )
    assert verdicts(catalog, topic("a"), unused_for_ms=0, now_ms=9_000) == [("unused", 1_000)]


def test_each_lane_is_judged_for_itself() -> None:
    shadowed = version("s", ShadowDeploy(pinned("a"), (pinned("b"),)))
    catalog = folded((0, PipelineVersionAdded(shadowed)), (0, offered("s")), (50, live("s", -1)))
    found = [topic(model, lane) for model in "ab" for lane in ("work", "shadow")]
    seen = judged(catalog, NAMES, dict.fromkeys(found, READ), 0, 9_000)
    assert {one.topic for one in seen if one.verdict == "needed"} == {topic("a"), topic("b", "shadow")}


@pytest.mark.parametrize(
    ("standing", "verdict"),
    [(GroupState(1, 0), "read"), (GroupState(0, 3), "unanswered"), (GroupState(2, 3), "read"), (READ, "unused")],
)
def test_what_is_read_or_has_records_that_nobody_answered_is_kept(standing: GroupState, verdict: str) -> None:
    found = verdicts(folded(*SWAPPED), topic("a"), unused_for_ms=0, now_ms=9_000, standing=standing)
    assert found == [(verdict, 1_000)]


def test_a_model_that_no_version_has_counts_from_its_upload_and_a_stranger_is_unknown() -> None:
    model = msgspec.structs.replace(pinned("m").model, created_at=700)
    catalog = folded((0, ModelUploaded(model)))
    found = (topic("m"), topic("m", "shadow"), topic("stranger"))
    names = {one.topic: one.verdict for one in judged(catalog, NAMES, dict.fromkeys(found, READ), 100, 800)}
    assert names == {topic("m"): "unused", topic("m", "shadow"): "unused", topic("stranger"): "unknown"}


def test_what_was_offered_meanwhile_is_needed_again() -> None:
    catalog = folded(*SWAPPED, (2_000, offered("a")))
    deleted = {topic("a"), topic("stranger")}
    assert needed_again(catalog, NAMES, deleted, 2_050) == [(pinned("a").key, "official")]
    assert needed_again(catalog, NAMES, deleted, 2_101) == []
