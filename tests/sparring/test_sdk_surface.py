"""The public surface: in an editor a person finds their way without the docs, and no parameter escapes the tests."""

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest

import sparring
from sparring import vision
from tests.sparring import (
    test_wrong_inputs,
    test_wrong_inputs_frames,
    test_wrong_inputs_infer,
    test_wrong_inputs_steps,
)
from tests.sparring.comparison import test_wrong_inputs as test_wrong_inputs_compare
from tests.sparring.vision import test_wrong_inputs as test_wrong_inputs_vision

CLASSES = (
    sparring.Client,
    sparring.Workspace,
    sparring.ModelVersion,
    sparring.Pipeline,
    sparring.DeploymentConfigBuilder,
    sparring.ResultStream,
    sparring.Comparison,
    sparring.Frames,
    sparring.AsyncFrames,
)
VISION = [name for name in vision.__all__ if inspect.isfunction(getattr(vision, name))]


def members(kind: type) -> dict[str, Callable[..., Any]]:
    """Methods, and what a property calls."""
    found = {}
    for name, one in inspect.getmembers(kind):
        call = one.fget if isinstance(one, property) else one
        if callable(call) and not name.startswith("_"):
            found[f"{kind.__name__}.{name}"] = call
    return found


def public_calls() -> dict[str, Callable[..., Any]]:
    """What a user calls: workspaces, models and pipelines come from a client, so their own making is not among it."""
    calls: dict[str, Callable[..., Any]] = {
        "Client": sparring.Client,
        "Framework": sparring.Framework,
        "compare": sparring.compare,
    }
    for kind in CLASSES:
        calls |= members(kind)
    return calls | {name: getattr(vision, name) for name in VISION}


CALLS = public_calls()
ROWS = [
    row
    for table in (
        test_wrong_inputs,
        test_wrong_inputs_steps,
        test_wrong_inputs_infer,
        test_wrong_inputs_vision,
        test_wrong_inputs_compare,
        test_wrong_inputs_frames,
    )
    for row in table.ROWS
]


def parameters(call: str) -> list[inspect.Parameter]:
    if call == "Framework":
        return [inspect.Parameter("value", inspect.Parameter.POSITIONAL_ONLY, annotation=str)]
    return [one for name, one in inspect.signature(CALLS[call]).parameters.items() if name != "self"]


def test_every_parameter_of_every_public_call_has_a_wrong_input() -> None:
    wanted = {(call, one.name) for call in CALLS for one in parameters(call)}
    tested = {(call, argument) for call, argument, *_ in ROWS}
    assert wanted - tested == set()
    assert tested - wanted == set()


@pytest.mark.parametrize("call", CALLS)
def test_every_public_call_has_a_docstring_that_names_its_parameters_and_full_annotations(call: str) -> None:
    said = inspect.getdoc(CALLS[call]) or ""
    assert said
    for one in parameters(call):
        assert one.annotation is not inspect.Parameter.empty, one.name
        assert call == "Framework" or re.search(rf"\b{one.name}\b", said), one.name
    if not isinstance(CALLS[call], type):
        assert inspect.signature(CALLS[call]).return_annotation is not inspect.Signature.empty


def test_the_examples_names_of_the_local_stack_stay_where_programs_import_them() -> None:
    from sparring.stack import LocalStack, StackError  # noqa: PLC0415  # what this test is about
    from sparring.stack.detached import stop_stack  # noqa: PLC0415  # as above

    assert inspect.isclass(LocalStack)
    assert issubclass(StackError, Exception)
    assert callable(stop_stack)
