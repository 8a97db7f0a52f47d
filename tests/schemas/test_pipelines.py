"""Steps are checked before anything is sent; the message names the argument."""

import math

import pytest

from schemas.names import ModelKey, PipelineName, checked_name
from schemas.pipelines import ModelStep, RandomSplit, ShadowDeploy, Step, WeightedModel, checked_step
from tests.nouns import pinned

A, B = pinned("a"), pinned("b")


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (RandomSplit(()), "weighted: an empty list"),
        (RandomSplit((WeightedModel(-1, A),)), "weight: -1 for a"),
        (RandomSplit((WeightedModel(math.nan, A),)), "weight: nan for a"),
        (RandomSplit((WeightedModel(math.inf, A),)), "weight: inf for a"),
        (RandomSplit((WeightedModel(0, A), WeightedModel(0, B))), "weights: they sum to 0"),
        (RandomSplit((WeightedModel(1, A), WeightedModel(1, A))), "default/a@v1 stands twice"),
        (ShadowDeploy(A, ()), "challengers: an empty list"),
        (ShadowDeploy(A, (A,)), "stands twice"),
        (ShadowDeploy(A, (B,), share=1.5), "share: 1.5"),
        (ShadowDeploy(A, (B,), share=math.nan), "share: nan"),
    ],
)
def test_a_wrong_step_is_a_value_error_that_names_the_argument(step: Step, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        checked_step(step)


@pytest.mark.parametrize("step", [ModelStep(A), RandomSplit((WeightedModel(0, A), WeightedModel(1, B)))])
def test_a_right_step_comes_back_as_it_was(step: Step) -> None:
    assert checked_step(step) is step


@pytest.mark.parametrize("name", ["", "7up", "a b", "a_b", "ä", "x" * 64, "-a", "a/b", None, 7])
def test_a_name_that_is_none_is_a_value_error(name: object) -> None:
    with pytest.raises(ValueError, match=r"pipeline: .* is not a name; expected letters, digits and dashes"):
        checked_name("pipeline", name)


def test_pipeline_names_are_written_with_or_without_their_workspace() -> None:
    assert PipelineName.parse("shop") == PipelineName("default", "shop")
    assert PipelineName.parse("lab/shop") == PipelineName("lab", "shop")
    assert str(PipelineName("lab", "shop")) == "lab/shop"


@pytest.mark.parametrize("text", ["a", "a/b", "a@v", "a/b@", "a/b@v w", "/b@v"])
def test_a_model_version_is_written_in_one_way_only(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|is not"):
        ModelKey.parse(text)
    assert ModelKey.parse(str(A.key)) == A.key
