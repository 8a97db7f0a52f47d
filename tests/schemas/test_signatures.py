"""Which inputs and outputs a model may declare, and what the refusal of another says."""

import pytest

from schemas.limits import TENSOR_NAME_CHARS_MAX
from schemas.models import TensorSpec
from schemas.signatures import DTYPES, OUTPUTS_MAX, check_signature

X = TensorSpec("x", "float32")


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_requests_and_answers_can_hold_passes(dtype: str) -> None:
    spec = TensorSpec("x", dtype, (None, 2))
    check_signature((spec,), (spec,))


@pytest.mark.parametrize("dtype", ["bfloat16", "float8e4m3fn", "float8e5m2", "int4", "uint4", "int2", "complex64"])
def test_another_type_is_refused_with_the_tensor_the_type_and_what_to_do(dtype: str) -> None:
    spec = TensorSpec("odd", dtype)
    with pytest.raises(ValueError, match=rf"^input 'odd' is {dtype}, no request can hold it; .*: add a Cast"):
        check_signature((spec,), (X,))
    with pytest.raises(ValueError, match=rf"^output 'odd' is {dtype}, no answer can hold it; .*: add a Cast"):
        check_signature((X,), (spec,))


@pytest.mark.parametrize("name", ["", "  ", "y\n", "\x1b[31my", "y\x00", "y\u202e", "y" * (TENSOR_NAME_CHARS_MAX + 1)])
def test_a_name_that_cannot_be_a_column_is_refused_and_shown_without_what_cannot_be_printed(name: str) -> None:
    with pytest.raises(ValueError, match=r"^output .* cannot be a column; .*: rename it in the model") as refused:
        check_signature((X,), (TensorSpec(name, "float32"),))
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("name", ["y", "out:0", "/model.22/Concat_5", "größe", "y" * TENSOR_NAME_CHARS_MAX])
def test_names_that_exporters_write_pass(name: str) -> None:
    check_signature((X,), (TensorSpec(name, "float32"),))


@pytest.mark.parametrize("other", ["gr\u00f6\u00dfe", "gro\u0308\u00dfe ", " gr\u00f6\u00dfe"])
def test_two_outputs_that_look_the_same_are_refused(other: str) -> None:
    outputs = (TensorSpec("gr\u00f6\u00dfe", "float32"), TensorSpec(other, "float32"))
    with pytest.raises(ValueError, match=r"^the outputs '.*' and '.*' look the same .*: rename one in the model"):
        check_signature((X,), outputs)


def test_more_outputs_than_a_table_has_columns_are_refused() -> None:
    outputs = tuple(TensorSpec(f"y{number}", "float32") for number in range(OUTPUTS_MAX + 1))
    check_signature((X,), outputs[:-1])
    with pytest.raises(ValueError, match=rf"^{OUTPUTS_MAX + 1} outputs; expected at most {OUTPUTS_MAX}"):
        check_signature((X,), outputs)
