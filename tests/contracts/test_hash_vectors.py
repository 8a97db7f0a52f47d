"""docs/hash-vectors.json, for other languages: what the router computes, for ever."""

import json
from pathlib import Path
from typing import Any

import pytest

from router.hashing import Salt, choose_by_key, choose_by_position, is_shadowed, unit
from router.route import route
from schemas.frames import JSON
from schemas.pipelines import RandomSplit, ShadowDeploy, WeightedModel
from tests.nouns import frame, pinned, pipeline_version

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "docs" / "hash-vectors.json").read_text())
ONE_NAME_EACH = [
    one for one in VECTORS["winner_by_key"] if one["step"] == 0 and "@" not in str(one["arms"]) and one["key"]
]


def salt(vector: dict[str, Any]) -> Salt:
    return Salt(vector["workspace"], vector["pipeline"], vector["step"])


def pairs(vector: dict[str, Any]) -> list[tuple[str, int | float]]:
    return [(name, weight) for name, weight in vector["arms"]]


def split(vector: dict[str, Any], hash_key: str) -> RandomSplit:
    return RandomSplit(tuple(WeightedModel(weight, pinned(name)) for name, weight in vector["arms"]), hash_key)


@pytest.mark.parametrize("vector", VECTORS["u"])
def test_u_has_the_same_bits(vector: dict[str, Any]) -> None:
    assert unit(salt(vector), vector["arm"], vector["key"]) == vector["u"]


@pytest.mark.parametrize("vector", VECTORS["winner_by_key"])
def test_a_key_goes_to_the_same_arm(vector: dict[str, Any]) -> None:
    index = choose_by_key(salt(vector), pairs(vector), vector["key"])
    assert vector["arms"][index][0] == vector["winner"]


@pytest.mark.parametrize("vector", VECTORS["winner_by_position"])
def test_a_position_lies_on_the_same_arm(vector: dict[str, Any]) -> None:
    index = choose_by_position(pairs(vector), vector["position"])
    assert vector["arms"][index][0] == vector["winner"]


@pytest.mark.parametrize("vector", VECTORS["shadowed"])
def test_a_share_sees_the_same_requests(vector: dict[str, Any]) -> None:
    assert is_shadowed(salt(vector), vector["share"], vector["request_id"]) == vector["shadowed"]


@pytest.mark.parametrize("vector", ONE_NAME_EACH)
def test_the_router_sends_a_header_of_that_text_to_that_arm(vector: dict[str, Any]) -> None:
    version = pipeline_version(split(vector, "camera"), name=vector["pipeline"], workspace=vector["workspace"])
    (task,) = route(frame("r", headers=[("camera", vector["key"].encode())]), version)
    assert task.slip.answers.name == vector["winner"]


@pytest.mark.parametrize("vector", VECTORS["winner_by_position"])
def test_the_router_sends_a_column_of_that_number_to_that_arm(vector: dict[str, Any]) -> None:
    value = json.dumps([{"tensor": [1.0], "place": vector["position"]}]).encode()
    request = frame("r", value=value, headers=[("content-type", JSON.encode())])
    (task,) = route(request, pipeline_version(split(vector, "place")))
    assert task.slip.answers.name == vector["winner"]


@pytest.mark.parametrize("vector", VECTORS["shadowed"])
def test_the_router_sends_a_challenger_those_requests(vector: dict[str, Any]) -> None:
    step = ShadowDeploy(pinned("a"), (pinned("b"),), vector["share"])
    tasks = route(frame(vector["request_id"]), pipeline_version(step, name=vector["pipeline"]))
    assert len(tasks) == 1 + vector["shadowed"]
