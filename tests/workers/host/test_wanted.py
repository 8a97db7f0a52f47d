"""Which processes a host runs, and what it says it cannot run."""

from schemas.pipelines import ModelStep, ShadowDeploy
from tests.nouns import pinned, pipeline_version
from tests.workers.inference.loaded import pin_python
from workers.host.wanted import serves, wanted_lanes
from workers.inference.shelf import needed_models

CHAMPION, CHALLENGER = pinned("champion"), pinned("challenger")
STEP = pin_python("def process(arrays):\n    return arrays\n", (), ())
SHADOW = pipeline_version(ShadowDeploy(CHAMPION, (CHALLENGER,)), ModelStep(STEP))


def test_a_host_runs_each_lane_once() -> None:
    wanted = wanted_lanes([SHADOW, SHADOW], ["*"], allow_python=True, host="h")
    assert wanted.lanes == {(CHAMPION.key, "official"), (CHALLENGER.key, "shadow")}
    assert wanted.problems == ()


def test_a_host_without_permission_names_itself_and_the_step() -> None:
    wanted = wanted_lanes([SHADOW], ["*"], allow_python=False, host="shop-1")
    assert wanted.lanes == frozenset()
    (problem,) = wanted.problems
    assert "shop-1" in problem
    assert "post" in problem
    assert "SPARRING_ALLOW_PYTHON=true" in problem


def test_a_host_serves_what_its_patterns_match() -> None:
    assert serves(["default/champ*"], CHAMPION.key)
    assert not serves(["lab/*", "default/other"], CHAMPION.key)


def test_a_process_loads_what_its_paths_may_run_and_nothing_else() -> None:
    assert [m.key for m in needed_models(SHADOW, CHAMPION.key, "official")] == [CHAMPION.key, STEP.key]
    assert [m.key for m in needed_models(SHADOW, CHALLENGER.key, "shadow")] == [CHALLENGER.key]
    first = pinned("first")
    middle = pipeline_version(ModelStep(first), ShadowDeploy(CHAMPION, (CHALLENGER,)), ModelStep(STEP))
    assert [m.key for m in needed_models(middle, CHALLENGER.key, "shadow")] == [first.key, CHALLENGER.key]
    assert [m.key for m in needed_models(middle, first.key, "official")] == [first.key, CHAMPION.key, STEP.key]
