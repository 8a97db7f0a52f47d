"""Wrong inputs of what edits, deploys and tags a `Pipeline`. It is deployed: what is not refused would be sent."""

import inspect
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from sparring import Pipeline
from sparring.object import EntityNotFoundError
from sparring.stack import LocalStack
from tests.sparring.test_wrong_inputs import (
    BOOL,
    HALF,
    INF,
    NAN,
    SECONDS,
    Row,
    World,
    built,
    check_refused,
    each,
    named,
)

SPLITS = ("Pipeline.add_random_split", "Pipeline.replace_with_random_split")
SHADOWS = ("Pipeline.add_shadow_deploy", "Pipeline.replace_with_shadow_deploy")
REPLACES = ("Pipeline.replace_with_model_step", SPLITS[1], SHADOWS[1], "Pipeline.remove_step")
DEPLOYS = ("Pipeline.deploy", "Pipeline.rollback")


@pytest.fixture(scope="module")
def world(broker: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with built(broker, "wrong-steps", tmp_path_factory.mktemp("models")) as made:
        yield made


TAG = "expected 1 to 63 printable characters, no comma, no space at its ends"
ROWS: list[Row] = [
    *each(
        ("Pipeline.add_tag", "Pipeline.remove_tag"),
        *(("tag", wrong, ValueError, TAG) for wrong in ("", "a,b", " a", "a\n", "x" * 64, HALF, 7, None)),
    ),
    ("Pipeline.remove_tag", "tag", "none", ValueError, r"'none'; expected one of \[\]"),
    *each(
        ("Pipeline.set_frame_age_ms_max",),
        ("frame_age_ms_max", "5s", TypeError, "'5s'; expected a whole number"),
        ("frame_age_ms_max", 0.5, TypeError, "0.5; expected a whole number"),
        ("frame_age_ms_max", True, TypeError, "True; expected a whole number"),
        ("frame_age_ms_max", 0, ValueError, "0; expected 1 to 86400000"),
        ("frame_age_ms_max", 86_400_001, ValueError, "86400001; expected 1 to 86400000"),
    ),
    *each(
        REPLACES,
        ("index", "0", TypeError, "'0'; expected a whole number"),
        ("index", True, TypeError, "True; expected a whole number"),
        ("index", 0.0, TypeError, "0.0; expected a whole number"),
        ("index", 2, ValueError, "2; expected 0 to 1"),
        ("index", -1, ValueError, "-1; expected 0 to 1"),
    ),
    *each(
        ("Pipeline.add_model_step", REPLACES[0]),
        ("model", "champion", TypeError, "str 'champion'; expected a model version, as upload_model returns it"),
        ("model", None, TypeError, "NoneType None; expected a model version"),
        ("model", lambda w: w.models, TypeError, "list .*; expected a model version"),
    ),
    *each(
        SPLITS,
        ("weighted", None, TypeError, r"NoneType; expected a list of \(weight, model\) pairs"),
        ("weighted", "ab", TypeError, r"str; expected a list of \(weight, model\) pairs"),
        ("weighted", [], ValueError, r"an empty list; expected a list of \(weight, model\) pairs"),
        ("weighted", lambda w: w.models, TypeError, r"expected a pair \(weight, model\)"),
        ("weighted", lambda w: [(w.models[0], 2)], TypeError, "weight: .*; expected a number"),
        ("weighted", lambda w: [(True, w.models[0])], TypeError, "weight: True; expected a number"),
        ("weighted", [(1, "champion")], TypeError, "str 'champion'; expected a model version"),
        ("weighted", lambda w: [(-1, w.models[0])], ValueError, "weight: -1 for champion; expected a finite number"),
        ("weighted", lambda w: [(NAN, w.models[0])], ValueError, "weight: nan for champion; expected a finite number"),
        ("weighted", lambda w: [(INF, w.models[0])], ValueError, "weight: inf for champion; expected a finite number"),
        ("weighted", lambda w: [(1e300, w.models[0])], ValueError, r"weight: 1e\+300; expected at most 1e\+15"),
        ("weighted", lambda w: [(10**400, w.models[0])], ValueError, "weight: a number of 1329 bits; expected"),
        ("weighted", lambda w: [(0, w.models[0])], ValueError, "weights: they sum to 0; expected at least one above"),
        ("weighted", lambda w: [(1, w.models[0])] * 2, ValueError, "stands twice in one step; expected each"),
        ("hash_key", 3, TypeError, "3; expected a field's name, or None"),
        ("hash_key", "", TypeError, "''; expected a field's name, or None"),
        ("hash_key", HALF, ValueError, "cannot be written as UTF-8; expected a field's name"),
    ),
    *each(
        SHADOWS,
        ("champion", None, TypeError, "NoneType None; expected a model version"),
        ("challengers", lambda w: w.models[1], TypeError, "ModelVersion; expected a list of model versions"),
        ("challengers", ["rival"], TypeError, "str 'rival'; expected a model version"),
        ("challengers", [], ValueError, "an empty list; expected a list of model versions"),
        ("challengers", lambda w: w.models[:1], ValueError, "champion@.* stands twice in one step; expected each"),
        ("share", "x", TypeError, "'x'; expected a number"),
        ("share", True, TypeError, "True; expected a number"),
        *(("share", wrong, ValueError, "expected a number from 0.0 to 1.0") for wrong in (2, -0.1, NAN)),
    ),
    ("Pipeline.add_validations", "rules", {}, ValueError, "none came; expected name=expression"),
    ("Pipeline.add_validations", "rules", {"a": "x > 1"}, TypeError, "'a': str; expected a polars expression"),
    ("Pipeline.add_validations", "rules", {"count": pl.col("out.y") > 1}, ValueError, "'count': expected letters"),
    (
        "Pipeline.add_validations",
        "rules",
        {"a": pl.col("out.y").map_elements(len, return_dtype=pl.Int64) > 1},
        ValueError,
        "'a' cannot be written: .*; expected no Python functions in it",
    ),
    ("Pipeline.remove_validation", "name", 7, TypeError, "int; expected the name of a rule"),
    ("Pipeline.remove_validation", "name", [], TypeError, "list; expected the name of a rule"),
    ("Pipeline.remove_validation", "name", "none", ValueError, r"'none'; expected one of \[\]"),
    ("Pipeline.deploy", "deployment_config", 7, TypeError, r"int; expected what DeploymentConfigBuilder\(\).build\(\)"),
    *each(
        DEPLOYS,
        ("wait_for_status", "no", TypeError, f"'no'; {BOOL}"),
        ("wait_for_status", 1, TypeError, f"1; {BOOL}"),
        ("deploy_wait_s", "soon", TypeError, "'soon'; expected seconds"),
        ("deploy_wait_s", True, TypeError, "True; expected seconds"),
        *(("deploy_wait_s", wrong, ValueError, f"{SECONDS} above 0") for wrong in (0, -1, NAN, INF, 1e12)),
        ("deploy_wait_s", 10**400, ValueError, "1329 bits; expected one that a float holds"),
    ),
    ("Pipeline.rollback", "version", 7, TypeError, "int; expected a version's uuid, or its beginning"),
    ("Pipeline.rollback", "version", "abc", ValueError, "'abc'; expected at least 4 characters of its uuid"),
    ("Pipeline.rollback", "version", "none-such", EntityNotFoundError, "no version 'none-such'; there are: "),
]


def right(world: World, method: str) -> dict[str, Any]:
    """The call's right arguments."""
    first, second, _ = world.models
    known = {
        "model": first,
        "weighted": [(1, first)],
        "champion": first,
        "challengers": [second],
        "index": 0,
        "deploy_wait_s": 0.2,
        "version": world.edited().versions()[0],
    }
    return {name: known[name] for name in inspect.signature(getattr(Pipeline, method)).parameters if name in known}


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_a_wrong_step_or_deploy_is_refused_by_its_name_and_nothing_is_sent(world: World, row: Row) -> None:
    pipeline, method = world.edited(), row[0].partition(".")[2]
    steps, live = pipeline.steps(), pipeline.status()["version"]
    check_refused(world, getattr(pipeline, method), right(world, method), row)
    assert pipeline.steps() == steps
    assert pipeline.status()["version"] == live
