"""Which value feeds which input: by tensor_fields, by name, by position, or an error that names it."""

from itertools import product

import numpy as np
import pytest

from schemas.signatures import DTYPES
from schemas.tables.casting import cast
from schemas.wiring import castable, dtype_of, wire_request, wire_step


def test_a_request_feeds_by_fields_then_by_name_then_by_the_column_tensor() -> None:
    assert wire_request(["b", "a"], ["x", "y"], ["a", "b"]) == {"x": "a", "y": "b"}
    assert wire_request(["y", "x", "shop"], ["x", "y"], None) == {"x": "x", "y": "y"}
    assert wire_request(["shop", "tensor"], ["float_input"], None) == {"float_input": "tensor"}


def test_a_step_feeds_by_fields_then_by_name_then_by_position() -> None:
    assert wire_step(["boxes", "confidences"], ["x"], ["confidences"]) == {"x": "confidences"}
    assert wire_step(["boxes", "confidences"], ["confidences"], None) == {"confidences": "confidences"}
    assert wire_step(["flatten_1"], ["embeddings"], None) == {"embeddings": "flatten_1"}
    assert wire_step(["flatten_1"], ["embeddings"], ["tensor"]) == {"embeddings": "flatten_1"}


@pytest.mark.parametrize(
    ("columns", "inputs", "fields", "message"),
    [
        (["x"], ["float_input"], None, r"no column 'float_input' \(or one column 'tensor'\); came: x"),
        ([], ["a", "b"], None, "no column 'a', 'b'; came: none"),
        (["a"], ["x"], ["b"], "no column 'b' of tensor_fields; came: a"),
        (["a"], ["x"], ["a", "b"], "tensor_fields has 2 names .* for 1 inputs"),
    ],
)
def test_a_request_that_does_not_fit_names_what_is_missing(
    columns: list[str], inputs: list[str], fields: list[str] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        wire_request(columns, inputs, fields)


def test_a_step_that_does_not_fit_names_what_is_missing() -> None:
    with pytest.raises(ValueError, match="no output 'scores' in the step before, which gives: boxes, classes"):
        wire_step(["boxes", "classes"], ["scores"], None)


@pytest.mark.parametrize(("given", "wanted"), list(product(DTYPES, DTYPES)))
def test_what_deploy_takes_for_castable_is_what_a_step_casts(given: str, wanted: str) -> None:
    array = np.array(["1"], object) if given == "string" else np.ones(1, given)
    assert dtype_of(array) == given
    if castable(given, wanted):
        assert dtype_of(cast(array, wanted, "x")) == wanted
    else:
        with pytest.raises(ValueError, match=f"x: {given} came; expected {wanted}"):
            cast(array, wanted, "x")
