"""Whether rows may share a run: what the user states, and what the model's file says of it."""

import re

import pytest

from schemas.models import ModelVersion, PinnedModel, TensorSpec
from sparring.deployment.configure import configuration, why_not_batched


def model(*shape: int | None, per_row: bool | None, rows: int | None = None) -> ModelVersion:
    takes, gives = TensorSpec("x", "float32", (rows, 4)), TensorSpec("det", "float32", shape, per_row=per_row)
    return ModelVersion("default", "m", "v1", "sha", "onnx", "m.onnx", 1, 0, (takes,), (gives,))


def test_a_statement_that_the_file_contradicts_is_refused_and_one_where_it_does_not_say_is_taken() -> None:
    with pytest.raises(
        ValueError, match=r"outputs_per_row: True; the file of m says .* 'det' has the shape \[100, 6\]"
    ):
        configuration(model(100, 6, per_row=False), outputs_per_row=True)
    for per_row in (None, True):
        stated = PinnedModel(
            model(None, 6, per_row=per_row), configuration(model(None, 6, per_row=per_row), outputs_per_row=True)
        )
        assert stated.outputs_per_row
        assert stated.stacks(3)


@pytest.mark.parametrize("stated", [None, False])
def test_what_is_not_known_or_denied_lets_no_rows_share_a_run(stated: bool | None) -> None:
    unknown = model(None, 6, per_row=None if stated is None else True)
    pinned = PinnedModel(unknown, configuration(unknown, outputs_per_row=stated))
    assert not pinned.outputs_per_row
    assert not pinned.stacks(2)


def test_single_and_outputs_per_row_are_two_things() -> None:
    with pytest.raises(ValueError, match="outputs_per_row: True beside batch_config='single'"):
        configuration(model(None, 6, per_row=True), batch_config="single", outputs_per_row=True)


@pytest.mark.parametrize(
    ("taken", "arguments", "why"),
    [
        (model(None, 6, per_row=True), {}, None),
        (model(None, 6, per_row=None), {"outputs_per_row": True}, None),
        (
            model(None, 6, per_row=None),
            {},
            r"'det', \[\?, 6\], has an entry per row; where it has, set outputs_per_row=True",
        ),
        (
            model(100, 6, per_row=False),
            {},
            r"the file does not say that the output 'det', \[100, 6\], has an entry per row$",
        ),
        (model(1, 6, per_row=True, rows=1), {}, r"'x' has the shape \[1, 4\], whose first dimension is not free"),
        (model(None, 6, per_row=None), {"batch_config": "single"}, None),
        (model(None, 6, per_row=None), {"outputs_per_row": False}, None),
    ],
)
def test_why_batches_have_no_effect_is_said_unless_it_is_configured_so(
    taken: ModelVersion, arguments: dict[str, object], why: str | None
) -> None:
    said = why_not_batched(PinnedModel(taken, configuration(taken, batch_rows_max=8, **arguments)))
    if why is None:
        assert said is None
    else:
        assert said is not None
        assert re.search(why, said)
