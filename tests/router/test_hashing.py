"""Weighted rendezvous hashing: shares, stability, independence, minimal movement."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.hashing import Salt, choose_by_key, choose_by_position, is_shadowed, unit

SALT = Salt("default", "shop", 0)
REQUESTS = 20_000
VECTORS = (0.16659373979066577, 0.1387193366409339, 0.1522323745831276)


def ids(seed: int, count: int = REQUESTS) -> list[str]:
    source = random.Random(seed)
    return [f"{source.getrandbits(128):032x}" for _ in range(count)]


def assert_share(hits: int, count: int, share: float) -> None:
    sigma = math.sqrt(count * share * (1 - share))
    assert abs(hits - count * share) <= 6 * sigma, f"{hits} of {count}, expected {share:.4f} within 6 sigma"


def test_the_same_bits_as_the_published_test_vectors() -> None:
    """docs/hash-vectors.json has these for other languages: they may never change."""
    assert unit(Salt("default", "shop", 0), "yolox", "request-1") == VECTORS[0]
    assert unit(Salt("default", "shop", 1), "yolox", "request-1") == VECTORS[1]
    assert unit(Salt("lab", "straße", 0), "#share", "Kamera-7") == VECTORS[2]


@pytest.mark.parametrize("weights", [(2, 1), (2, 1, 1), (0.9, 0.1), (1, 1, 1, 7)])
def test_a_split_follows_its_weights(weights: tuple[float, ...], seed: int) -> None:
    arms = [(f"model-{index}", weight) for index, weight in enumerate(weights)]
    chosen = [choose_by_key(SALT, arms, request_id) for request_id in ids(seed)]
    for index, weight in enumerate(weights):
        assert_share(chosen.count(index), REQUESTS, weight / sum(weights))


def test_an_arm_of_weight_zero_is_never_chosen(seed: int) -> None:
    arms = [("a", 0), ("b", 1), ("c", 0.0)]
    assert {choose_by_key(SALT, arms, request_id) for request_id in ids(seed, 1000)} == {1}


def test_the_order_of_the_arms_does_not_matter(seed: int) -> None:
    arms = [("a", 2), ("b", 1), ("c", 1)]
    turned = arms[::-1]
    for request_id in ids(seed, 1000):
        name = arms[choose_by_key(SALT, arms, request_id)][0]
        assert turned[choose_by_key(SALT, turned, request_id)][0] == name


def test_another_weight_for_one_arm_moves_keys_only_to_that_arm(seed: int) -> None:
    before = [("a", 2), ("b", 1), ("c", 1)]
    after = [("a", 2), ("b", 3), ("c", 1)]
    moved = 0
    for request_id in ids(seed, 5000):
        old, new = choose_by_key(SALT, before, request_id), choose_by_key(SALT, after, request_id)
        if old != new:
            assert after[new][0] == "b"
            moved += 1
    assert moved > 0


def test_two_splits_of_one_pipeline_are_independent(seed: int) -> None:
    arms = [("a", 1), ("b", 1)]
    pairs = [
        (
            choose_by_key(Salt("default", "shop", 0), arms, i),
            choose_by_key(Salt("default", "shop", 1), arms, i),
        )
        for i in ids(seed)
    ]
    for pair in [(0, 0), (0, 1), (1, 0), (1, 1)]:
        assert_share(pairs.count(pair), REQUESTS, 0.25)


def test_pipelines_and_workspaces_are_salted_apart(seed: int) -> None:
    arms = [("a", 1), ("b", 1)]
    salts = [SALT, Salt("default", "other", 0), Salt("lab", "shop", 0)]
    choices = [tuple(choose_by_key(salt, arms, i) for salt in salts) for i in ids(seed)]
    for first in range(3):
        for second in range(first):
            assert_share(sum(c[first] == c[second] for c in choices), REQUESTS, 0.5)


@pytest.mark.parametrize(
    ("position", "expected"),
    [(0.0, 0), (0.4999, 0), (0.5, 1), (0.7499, 1), (0.75, 2), (0.9999, 2), (1.0, 2)],
)
def test_a_position_falls_on_half_open_shares_in_list_order(position: float, expected: int) -> None:
    assert choose_by_position([("a", 2), ("b", 1), ("c", 1)], position) == expected


def test_position_one_skips_a_last_arm_of_weight_zero() -> None:
    assert choose_by_position([("a", 1), ("b", 1), ("c", 0)], 1.0) == 1


@pytest.mark.parametrize("position", [-0.01, 1.01, math.nan, math.inf])
def test_a_position_outside_zero_to_one_is_an_error(position: float) -> None:
    with pytest.raises(ValueError, match=r"outside 0\.0 to 1\.0"):
        choose_by_position([("a", 1)], position)


def test_a_share_shadows_that_fraction_of_requests(seed: int) -> None:
    assert_share(sum(is_shadowed(SALT, 0.3, i) for i in ids(seed)), REQUESTS, 0.3)
    assert all(is_shadowed(SALT, 1.0, i) for i in ids(seed, 1000))
    assert not any(is_shadowed(SALT, 0.0, i) for i in ids(seed, 1000))


@given(st.text(max_size=50), st.text(max_size=50))
def test_every_text_has_a_place_in_the_open_interval(arm: str, key: str) -> None:
    try:
        (arm + key).encode()
    except UnicodeEncodeError:
        return
    assert 0.0 < unit(SALT, arm, key) < 1.0
