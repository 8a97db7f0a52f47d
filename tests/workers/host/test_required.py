"""Which processes a host runs, and what it says it cannot run."""

from schemas.names import ModelLane
from schemas.pipelines import ModelStep, ShadowDeploy
from schemas.presence import Beat, Failed
from tests.nouns import pinned, pipeline_version
from tests.workers.inference.loaded import pin_python
from workers.host.required import all_routers_know, failed, required_lanes, retired_lanes, serves
from workers.inference.version_cache import needed_models

CHAMPION, CHALLENGER = pinned("champion"), pinned("challenger")
STEP = pin_python("def process(arrays):\n    return arrays\n", (), ())
SHADOW = pipeline_version(ShadowDeploy(CHAMPION, (CHALLENGER,)), ModelStep(STEP))


def test_a_host_runs_each_lane_once() -> None:
    wanted = required_lanes([SHADOW, SHADOW], ["*"], allow_python=True, host="h")
    assert wanted.lanes == {(CHAMPION.key, "official"), (CHALLENGER.key, "shadow")}
    assert wanted.problems == ()


def test_a_host_without_permission_names_itself_and_the_step() -> None:
    wanted = required_lanes([SHADOW], ["*"], allow_python=False, host="shop-1")
    assert wanted.lanes == frozenset()
    (problem,) = wanted.problems
    assert "shop-1" in problem
    assert "post" in problem
    assert "SPARRING_ALLOW_PYTHON=true" in problem


def test_a_host_serves_what_its_patterns_match() -> None:
    assert serves(["default/champ*"], CHAMPION.key)
    assert not serves(["lab/*", "default/other"], CHAMPION.key)


def test_lanes_are_retired_once_no_version_needs_them() -> None:
    old, new = pipeline_version(ShadowDeploy(CHAMPION, (CHALLENGER,))), pipeline_version(ModelStep(pinned("new")))
    lanes = {(CHAMPION.key, "official"), (CHALLENGER.key, "shadow")}
    assert retired_lanes([old, new], [new], ["*"], allow_python=False) == lanes
    assert retired_lanes([old, new], [old, new], ["*"], allow_python=False) == frozenset()
    assert retired_lanes([old, new], [new], ["default/champ*"], allow_python=False) == {(CHAMPION.key, "official")}


def test_a_host_without_permission_leaves_every_lane_alone_on_which_a_python_step_may_run() -> None:
    plain = pipeline_version(ModelStep(CHAMPION))
    assert retired_lanes([SHADOW, plain], [], ["*"], allow_python=False) == frozenset()
    assert (CHAMPION.key, "official") in retired_lanes([SHADOW, plain], [], ["*"], allow_python=True)


def router(name: str, catalog_offset: int) -> Beat:
    return Beat(name, "router", "here", 7, started_at=0, catalog_offset=catalog_offset, memory_bytes=0)


def test_a_lane_may_end_once_every_router_has_read_that_it_is_not_wanted() -> None:
    other = Beat("host", "host", "here", 8, started_at=0, catalog_offset=1, memory_bytes=0)
    assert all_routers_know([router("one", 5), router("two", 6), other], 5)
    assert not all_routers_know([router("one", 5), router("two", 4)], 5)


def test_where_no_router_beats_nobody_says_that_a_lane_may_end() -> None:
    assert not all_routers_know([], 0)


def test_a_process_loads_what_its_paths_may_run_and_nothing_else() -> None:
    assert [m.key for m in needed_models(SHADOW, CHAMPION.key, "official")] == [CHAMPION.key, STEP.key]
    assert [m.key for m in needed_models(SHADOW, CHALLENGER.key, "shadow")] == [CHALLENGER.key]
    first = pinned("first")
    middle = pipeline_version(ModelStep(first), ShadowDeploy(CHAMPION, (CHALLENGER,)), ModelStep(STEP))
    assert [m.key for m in needed_models(middle, CHALLENGER.key, "shadow")] == [first.key, CHALLENGER.key]
    assert [m.key for m in needed_models(middle, first.key, "official")] == [first.key, CHAMPION.key, STEP.key]


def test_a_host_says_of_each_version_that_needs_a_lane_why_it_can_never_serve_it() -> None:
    alone = pipeline_version(ModelStep(CHAMPION), name="alone")
    lanes: frozenset[ModelLane] = frozenset({(CHAMPION.key, "official"), (CHALLENGER.key, "shadow")})
    never: dict[ModelLane, str] = {(one.key, "official"): "no memory" for one in (CHAMPION, pinned("elsewhere"))}
    assert failed([SHADOW, alone], lanes, never) == tuple(
        Failed(f"default/{name}", "pv1", str(CHAMPION.key), "official", "no memory") for name in ("shop", "alone")
    )
    assert failed([SHADOW, alone], lanes, {}) == ()
