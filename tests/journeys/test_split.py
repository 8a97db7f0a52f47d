"""An A/B test: every request is answered by one model, by its weights, always the same one."""

import json
import math
import random
from collections import Counter
from collections.abc import Callable

import pandas as pd
import pytest

from sparring import ModelVersion, Pipeline
from tests.journeys.wire import Wire
from tests.reading import cells

Scale = Callable[[str, float], ModelVersion]
ROW = b'[{"tensor": [1, 2]}]'


def seeded_ids(seed: int, count: int, name: str) -> list[str]:
    source = random.Random(f"{seed}-{name}")
    return [f"{source.getrandbits(96):024x}" for _ in range(count)]


@pytest.mark.parametrize("weights", [(2, 1), (2, 1, 1)])
def test_a_thousand_requests_split_as_the_weights_say_and_go_the_same_way_again(
    pipeline: Pipeline, scale: Scale, wire: Wire, seed: int, weights: tuple[int, ...]
) -> None:
    arms = [(weight, scale(f"arm-{index}", index + 1.0)) for index, weight in enumerate(weights)]
    pipeline.add_random_split(arms).deploy()
    ids = seeded_ids(seed, 1000, pipeline.name())
    for one in ids:
        wire.send(pipeline.name(), ROW, one)
    answers = wire.answers(ids, within_s=60)
    counts = Counter(answer.model for answer in answers.values())
    for index, weight in enumerate(weights):
        share = weight / sum(weights)
        assert abs(counts[f"arm-{index}"] - 1000 * share) <= 5 * math.sqrt(1000 * share * (1 - share)), counts

    again = ids[:100]
    for one in again:
        wire.results[one].clear()
        wire.send(pipeline.name(), ROW, one)
    repeated = wire.answers(again)
    assert [repeated[one].model for one in again] == [answers[one].model for one in again]


def test_each_answer_is_the_chosen_models_own(pipeline: Pipeline, scale: Scale, wire: Wire) -> None:
    models = {"double": scale("double", 2.0), "triple": scale("triple", 3.0)}
    pipeline.add_random_split([(1, models["double"]), (1, models["triple"])]).deploy()
    ids = [wire.send(pipeline.name(), ROW) for _ in range(40)]
    factors = {"double": 2.0, "triple": 3.0}
    for answer in wire.answers(ids).values():
        assert answer.model is not None
        assert cells(answer.value, "y") == [[factors[answer.model], 2 * factors[answer.model]]]
        assert answer.model_sha256 == models[answer.model].sha()
        assert answer.model_version == models[answer.model].version()
        assert answer.role == "chosen"


def test_a_batch_goes_to_one_model_and_its_first_rows_key_decides(pipeline: Pipeline, scale: Scale) -> None:
    pipeline.add_random_split([(1, scale("double", 2.0)), (1, scale("triple", 3.0))], hash_key="camera").deploy()
    for position, factor in [(0.0, 2.0), (0.49, 2.0), (0.5, 3.0), (1.0, 3.0)]:
        frame = pd.DataFrame({"tensor": [[1.0, 2.0]] * 3, "camera": [position, 0.0, 1.0]})
        result = pipeline.infer(frame)
        assert result["out.y"].tolist() == [[factor, 2 * factor]] * 3
        assert result["in.camera"].tolist() == [position, 0.0, 1.0]
        assert len({tuple(cell) for cell in result["out._model_split"]}) == 1


def test_one_camera_always_gets_one_model(pipeline: Pipeline, scale: Scale, wire: Wire) -> None:
    pipeline.add_random_split([(1, scale("double", 2.0)), (1, scale("triple", 3.0))], hash_key="camera").deploy()
    by_camera = {
        camera: [wire.send(pipeline.name(), ROW, headers=[("camera", camera.encode())]) for _ in range(10)]
        for camera in ("door", "shelf-7", "till", "0.99")
    }
    for ids in by_camera.values():
        assert len({answer.model for answer in wire.answers(ids).values()}) == 1


def test_two_splits_in_one_pipeline_are_independent(pipeline: Pipeline, scale: Scale, wire: Wire) -> None:
    first = [(1, scale("first-a", 2.0)), (1, scale("first-b", 3.0))]
    second = [(1, scale("second-a", 5.0)), (1, scale("second-b", 7.0))]
    pipeline.add_random_split(first).add_random_split(second).deploy()
    ids = [wire.send(pipeline.name(), ROW) for _ in range(400)]
    products: Counter[float] = Counter()
    for answer in wire.answers(ids, within_s=60).values():
        ((one, _two),) = cells(answer.value, "y")
        products[one] += 1
        assert [choice.step for choice in answer.split] == [0, 1]
    assert set(products) == {10.0, 14.0, 15.0, 21.0}
    for count in products.values():
        assert abs(count - 100) <= 5 * math.sqrt(400 * 0.25 * 0.75), products


def test_the_model_split_column_survives_later_steps(pipeline: Pipeline, scale: Scale) -> None:
    pipeline.add_random_split([(1, scale("double", 2.0))]).add_model_step(scale("triple", 3.0)).deploy()
    result = pipeline.infer(pd.DataFrame({"tensor": [[1.0, 2.0]]}))
    assert result["out.y"].tolist() == [[6.0, 12.0]]
    (named,) = result["out._model_split"][0]
    assert json.loads(named)["name"] == "double"


def test_a_missing_hash_key_is_said_in_the_answer(pipeline: Pipeline, scale: Scale, wire: Wire) -> None:
    pipeline.add_random_split([(1, scale("double", 2.0)), (1, scale("triple", 3.0))], hash_key="camera").deploy()
    (choice,) = wire.answer(wire.send(pipeline.name(), ROW)).split
    assert (choice.missing, choice.hash_key, choice.position) == (True, "camera", None)
