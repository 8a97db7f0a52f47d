"""Which models made an answer, and what a request's hash says of its pipelines. Pure."""

from typing import Any

import msgspec
import pytest

from schemas.keys import challenger_field, duplicate_field, headers_field, official_field, pipeline_of
from schemas.models import PinnedModel
from schemas.pipelines import ModelStep, PipelineVersion, RandomSplit, ShadowDeploy, Step, WeightedModel
from schemas.results import Answer
from schemas.tasks import SplitChoice
from sparring.operations.lookup import class_names, path_of
from tests.nouns import pinned, pipeline_version

ONE, TWO, RIVAL, MEAN = pinned("one"), pinned("two"), pinned("rival"), pinned("mean")
SPLIT = RandomSplit((WeightedModel(1, ONE), WeightedModel(1, TWO)))
SHADOW = ShadowDeploy(ONE, (RIVAL, TWO))


def chose(step: int, model: PinnedModel) -> SplitChoice:
    return SplitChoice(step, None, None, (), model.model.name, model.model.version, model.model.sha256)


def by(model: PinnedModel, role: Any, *split: SplitChoice) -> Answer:
    return Answer(
        *(b"", b"", "r", "ok", "default/shop", "frames/0/0", "", 0),
        role=role,
        model=model.model.name,
        model_version=model.model.version,
        split=split,
    )


@pytest.mark.parametrize(
    ("steps", "answer", "path"),
    [
        ((ModelStep(ONE), ModelStep(MEAN)), by(ONE, "champion"), (ONE, MEAN)),
        ((SPLIT, ModelStep(MEAN)), by(TWO, "chosen", chose(0, TWO)), (TWO, MEAN)),
        ((SHADOW, ModelStep(MEAN)), by(ONE, "champion"), (ONE, MEAN)),
        ((SHADOW, ModelStep(MEAN)), by(RIVAL, "challenger"), (RIVAL,)),
        ((SPLIT, SHADOW), by(RIVAL, "challenger", chose(0, TWO)), (TWO, RIVAL)),
        ((SHADOW, SPLIT), by(TWO, "chosen", chose(1, TWO)), (ONE, TWO)),
    ],
)
def test_an_answers_path_is_the_one_that_the_router_chose(
    steps: tuple[Step, ...], answer: Answer, path: tuple[PinnedModel, ...]
) -> None:
    version: PipelineVersion = pipeline_version(*steps)
    assert path_of(version, answer) == path


def test_class_names_are_the_last_models_on_the_path_that_has_any() -> None:
    def named(model: PinnedModel, *names: str) -> PinnedModel:
        return msgspec.structs.replace(
            model, configuration=msgspec.structs.replace(model.configuration, class_names=names)
        )

    assert class_names((named(ONE, "a"), MEAN)) == ("a",)
    assert class_names((named(ONE, "a"), named(MEAN, "b"))) == ("b",)
    assert class_names((ONE, MEAN)) is None


def test_a_requests_fields_say_which_pipelines_answered_it() -> None:
    for pipeline in ("default/shop", "no | name|at all", ""):
        assert pipeline_of(headers_field(official_field(pipeline))) == pipeline
        assert pipeline_of(headers_field(challenger_field(pipeline, "pv", "one", "v"))) == pipeline
        assert pipeline_of(official_field(pipeline)) is None
        assert pipeline_of(duplicate_field(pipeline, "frames/0/0")) is None
