"""A loaded step gives what ONNX Runtime gives; a Python step is checked and its errors are one request's."""

import numpy as np
import pytest

from adapters.settings import InferenceSettings
from examples.models import MODEL_NAMES, model_path
from schemas.errors import Refused, SparringError
from schemas.models import TensorSpec
from tests.small_models import scaling_model
from tests.workers.inference.loaded import (
    load_file,
    load_onnx,
    load_python,
    pin_onnx,
    pin_python,
)
from workers.inference.steps import load_model

CONFIDENCES = TensorSpec("confidences", "float32")
AVERAGE = TensorSpec("avg_conf", "float64")
MEAN = """
import numpy as np

def process(arrays):
    return {"avg_conf": np.array([arrays["confidences"].astype(np.float64).mean()])}
"""


def test_outputs_carry_the_models_names() -> None:
    assert load_onnx("double", scaling_model(2)).run({"tensor": np.ones((1, 2), np.float32)})["y"].tolist() == [[2, 2]]


def test_a_file_that_is_no_model_says_which_one() -> None:
    pinned = pin_onnx("double", scaling_model(2))
    with pytest.raises(SparringError, match=r"default/double@v1 cannot be loaded"):
        load_model(pinned, b"not onnx", InferenceSettings())


def test_an_input_that_onnxruntime_refuses_is_one_requests_error() -> None:
    model = load_onnx("double", scaling_model(2))
    with pytest.raises(Refused, match="model double: InvalidArgument") as refused:
        model.run({"tensor": np.ones((1, 3), np.float32)})
    assert (refused.value.error, refused.value.stage) == ("StepFailed", "infer")
    assert model.run({"tensor": np.ones((1, 2), np.float32)})["y"].shape == (1, 2)


def test_the_packages_detectors_load_and_are_warm() -> None:
    for name in MODEL_NAMES:
        outputs = load_file(model_path(name)).run({"x": np.zeros((1, 3, 96, 96), np.float32)})
        assert [array.shape for array in outputs.values()] == [(1, 1, 96, 96)]


def test_a_python_step_runs_its_one_function() -> None:
    step = load_python(MEAN, (CONFIDENCES,), (AVERAGE,))
    outputs = step.run({"confidences": np.array([0.25, 0.5], np.float32)})
    assert outputs["avg_conf"].tolist() == [0.375]


def test_an_exception_in_a_python_step_is_refused_with_its_last_line() -> None:
    source = "def process(arrays):\n    return 1 / 0\n"
    with pytest.raises(Refused, match=r"ZeroDivisionError: division by zero \(post.py, line 2: return 1 / 0\)"):
        load_python(source, (), (AVERAGE,)).run({})


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("[1]", "returned list; expected a dict"),
        ("{'avg_conf': [[1, 2], [3]]}", "returned 'avg_conf', which is no array"),
        ("{'other': 1}", "declared the output 'avg_conf' and returned other"),
        ("{'avg_conf': [1]}", "returned 'avg_conf' as int64; its output schema says float64"),
    ],
)
def test_what_a_python_step_returns_is_checked_against_its_schema(returned: str, message: str) -> None:
    step = load_python(f"def process(arrays):\n    return {returned}\n", (), (AVERAGE,))
    with pytest.raises(Refused, match=message):
        step.run({})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1", "defines no function process"),
        ("def process(", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_file_that_is_no_step_cannot_be_loaded(source: str, message: str) -> None:
    with pytest.raises(SparringError, match=message):
        load_python(source, (), (AVERAGE,))


def test_a_process_without_permission_loads_no_python_step() -> None:
    pinned = pin_python(MEAN, (CONFIDENCES,), (AVERAGE,))
    with pytest.raises(SparringError, match="SPARRING_ALLOW_PYTHON"):
        load_model(pinned, MEAN.encode(), InferenceSettings(allow_python=False))


def test_a_python_step_that_ends_the_interpreter_when_loaded_is_no_step() -> None:
    with pytest.raises(SparringError, match=r"post\.py cannot be loaded: SystemExit: 3"):
        load_python("raise SystemExit(3)", (CONFIDENCES,), (AVERAGE,))
