"""The catalog is a fold: what exists, what is live, and which records are void."""

from schemas.catalog import (
    NO_POINTER,
    Catalog,
    CatalogRecord,
    LivePointer,
    ModelConfigured,
    ModelUploaded,
    PipelineTagged,
    PipelineVersionAdded,
    Switch,
    VersionOffered,
    WorkspaceCreated,
    decode_record,
    encode_record,
)
from schemas.models import Configuration
from schemas.names import PipelineName
from schemas.pipelines import ModelStep, PipelineVersion, RandomSplit, ShadowDeploy, WeightedModel
from tests.nouns import pinned

SHOP = PipelineName("default", "shop")


def version(name: str) -> PipelineVersion:
    return PipelineVersion("default", "shop", name, (ModelStep(pinned("m")),), created_at=0)


def fold(*records: tuple[int, CatalogRecord]) -> Catalog:
    """records: (broker's milliseconds, record), at offsets 0, 1, 2, ..."""
    catalog = Catalog()
    for offset, (timestamp, record) in enumerate(records):
        catalog.apply(offset, timestamp, record)
    return catalog


def live(catalog: Catalog) -> str | None:
    found = catalog.live(SHOP)
    return None if found is None else found.version


def test_a_version_goes_live_by_offer_and_pointer() -> None:
    added, offered = PipelineVersionAdded(version("a")), VersionOffered(SHOP, "a", 1000)
    assert live(fold((0, added), (0, offered))) is None
    catalog = fold((0, added), (0, offered), (900, LivePointer(SHOP, "a", NO_POINTER)))
    assert live(catalog) == "a"
    assert catalog.pipelines[SHOP].pointer == 2
    assert catalog.offset == 3


def test_a_pointer_after_its_offers_deadline_is_void() -> None:
    catalog = fold(
        (0, PipelineVersionAdded(version("a"))),
        (0, VersionOffered(SHOP, "a", 1000)),
        (1001, LivePointer(SHOP, "a", NO_POINTER)),
    )
    assert live(catalog) is None


def test_a_pointer_without_an_offer_is_void() -> None:
    catalog = fold((0, PipelineVersionAdded(version("a"))), (1, LivePointer(SHOP, "a", NO_POINTER)))
    assert live(catalog) is None


def test_of_two_deployers_that_replace_the_same_pointer_one_wins() -> None:
    catalog = fold(
        (0, PipelineVersionAdded(version("a"))),
        (0, PipelineVersionAdded(version("b"))),
        (0, VersionOffered(SHOP, "a", 1000)),
        (0, VersionOffered(SHOP, "b", 1000)),
        (1, LivePointer(SHOP, "b", NO_POINTER)),
        (2, LivePointer(SHOP, "a", NO_POINTER)),
    )
    assert live(catalog) == "b"
    assert list(catalog.pipelines[SHOP].versions) == ["a", "b"]


def test_a_swap_names_the_pointer_it_replaces() -> None:
    catalog = fold(
        (0, PipelineVersionAdded(version("a"))),
        (0, VersionOffered(SHOP, "a", 1000)),
        (1, LivePointer(SHOP, "a", NO_POINTER)),
        (2, PipelineVersionAdded(version("b"))),
        (3, VersionOffered(SHOP, "b", 1000)),
        (4, LivePointer(SHOP, "b", 2)),
    )
    assert live(catalog) == "b"


def test_undeploy_and_deploy_the_same_version_again() -> None:
    records: list[tuple[int, CatalogRecord]] = [
        (0, PipelineVersionAdded(version("a"))),
        (0, VersionOffered(SHOP, "a", 1000)),
        (1, LivePointer(SHOP, "a", NO_POINTER)),
        (2, LivePointer(SHOP, None, 2)),
    ]
    assert live(fold(*records)) is None
    records += [(5000, VersionOffered(SHOP, "a", 1000)), (5001, LivePointer(SHOP, "a", 3))]
    assert live(fold(*records)) == "a"


def test_wanted_are_the_live_version_and_offers_whose_time_is_not_over() -> None:
    catalog = fold(
        (0, PipelineVersionAdded(version("a"))),
        (0, VersionOffered(SHOP, "a", 1000)),
        (1, LivePointer(SHOP, "a", NO_POINTER)),
        (2, PipelineVersionAdded(version("b"))),
        (2, VersionOffered(SHOP, "b", 1000)),
    )
    assert [v.version for v in catalog.wanted(now_ms=500)] == ["a", "b"]
    assert [v.version for v in catalog.wanted(now_ms=1500)] == ["a"]


def test_what_makes_a_version_wanted_is_another_record_for_each_deployment() -> None:
    records: list[tuple[int, CatalogRecord]] = [(0, PipelineVersionAdded(version("a")))]
    seen = []
    for at, pointer in ((10, NO_POINTER), (5000, 3)):
        records.append((at, VersionOffered(SHOP, "a", 1000)))
        seen.append([cause for cause, _ in fold(*records).wanted_by(at)])
        records.append((at, LivePointer(SHOP, "a", pointer)))
        seen.append([cause for cause, _ in fold(*records).wanted_by(at)])
        records.append((at, LivePointer(SHOP, None, len(records) - 1)))
        assert list(fold(*records).wanted_by(at)) == []
    assert seen == [[(SHOP, "a", 1010)], [(SHOP, "pointer", 2)], [(SHOP, "a", 6000)], [(SHOP, "pointer", 5)]]


def test_every_record_survives_its_bytes() -> None:
    model = pinned("m")
    records: list[CatalogRecord] = [
        WorkspaceCreated("lab", "id", "me", 1),
        ModelUploaded(model.model),
        ModelConfigured(model.key, Configuration("onnx", tensor_fields=("a", "b"), batch_config="single")),
        PipelineVersionAdded(
            PipelineVersion(
                "default",
                "shop",
                "x",
                (
                    ModelStep(model),
                    RandomSplit((WeightedModel(2, model), WeightedModel(0.5, pinned("n"))), "camera"),
                    ShadowDeploy(model, (pinned("o"),), 0.25),
                ),
                3,
            )
        ),
        VersionOffered(SHOP, "x", 60_000),
        LivePointer(SHOP, None, 4),
    ]
    assert [decode_record(encode_record(record)) for record in records] == records


def test_a_weight_that_was_an_int_stays_one() -> None:
    step = RandomSplit((WeightedModel(2, pinned("m")), WeightedModel(1.5, pinned("n"))))
    record = PipelineVersionAdded(PipelineVersion("default", "shop", "x", (step,), 0))
    again = decode_record(encode_record(record))
    assert isinstance(again, PipelineVersionAdded)
    (split,) = again.version.steps
    assert isinstance(split, RandomSplit)
    assert [type(arm.weight) for arm in split.arms] == [int, float]


def test_a_version_names_the_processes_it_needs() -> None:
    first, champion, challenger = pinned("first"), pinned("champion"), pinned("challenger")
    middle = PipelineVersion("default", "shop", "x", (ModelStep(first), ShadowDeploy(champion, (challenger,))), 0)
    assert middle.lanes() == {(first.key, "official"), (challenger.key, "shadow")}
    split = RandomSplit((WeightedModel(1, champion), WeightedModel(1, challenger)))
    front = PipelineVersion("default", "shop", "x", (split, ModelStep(first)), 0)
    assert front.lanes() == {(champion.key, "official"), (challenger.key, "official")}


def test_the_latest_version_is_the_one_added_or_made_live_last_and_the_history_says_who_switched() -> None:
    records: list[tuple[int, CatalogRecord]] = [
        (0, PipelineVersionAdded(version("a"))),
        (1, VersionOffered(SHOP, "a", 1000)),
        (2, LivePointer(SHOP, "a", NO_POINTER, "ana@lab")),
        (3, PipelineVersionAdded(version("b"))),
    ]
    assert fold(*records).pipelines[SHOP].latest == "b"
    records += [(4, VersionOffered(SHOP, "a", 1000)), (5, LivePointer(SHOP, "a", 2, "bo@lab"))]
    assert fold(*records).pipelines[SHOP].latest == "a"
    records += [(6, LivePointer(SHOP, None, 5)), (7, LivePointer(SHOP, None, 5))]
    shop = fold(*records).pipelines[SHOP]
    assert shop.history == (Switch(2, "a", "ana@lab"), Switch(5, "a", "bo@lab"), Switch(6, None, ""))
    assert (shop.latest, list(shop.versions)) == ("a", ["a", "b"])


def test_tags_keep_the_order_in_which_they_were_given() -> None:
    added = PipelineVersionAdded(version("a"))
    given = [(0, PipelineTagged(SHOP, tag, tagged=True)) for tag in ("night", "door", "night")]
    assert fold((0, added), *given).pipelines[SHOP].tags == ("night", "door")
    gone = (0, PipelineTagged(SHOP, "night", tagged=False))
    assert fold((0, added), *given, gone, gone).pipelines[SHOP].tags == ("door",)
    assert fold(*given).pipelines == {}
