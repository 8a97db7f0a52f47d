"""A frame becomes the first model's input arrays, or is refused."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from schemas.errors import Refused
from schemas.models import Configuration, PinnedModel, TensorSpec
from schemas.tables.read import encode_table
from tests.nouns import frame, pinned
from workers.inference.request_inputs import request_inputs

TENSOR = TensorSpec("tensor", "float32", (None, 2))
PICTURE = TensorSpec("tensor", "float32", (1, 3, 480, 640))


def model(*inputs: TensorSpec, **configuration: object) -> PinnedModel:
    given = Configuration("onnx", inputs=inputs, **configuration)  # type: ignore[arg-type]  # test's own words
    return PinnedModel(pinned("m").model, given)


def test_an_image_for_a_model_without_a_picture_input_is_refused() -> None:
    with pytest.raises(Refused, match="the request is an image, but model m takes tensor"):
        request_inputs(frame("r", b"\xff\xd8\xff"), model(TENSOR))


def test_the_tutorials_own_flat_arrow_file_is_accepted(shared: Path) -> None:
    value = (shared / "cases/image_preprocess/dairy_bottles_test_table.arrow").read_bytes()
    (run,) = request_inputs(frame("r", value), model(PICTURE, batch_config="single")).runs
    assert run["tensor"].shape == (1, 3, 480, 640)
    assert float(run["tensor"].mean(dtype=np.float64)) == pytest.approx(0.425382, abs=1e-6)


def test_a_stream_of_arrow_ipc_is_read() -> None:
    value = encode_table(pa.table({"tensor": [[1.0, 2.0]]}))
    (run,) = request_inputs(frame("r", value), model(TENSOR)).runs
    assert run["tensor"].tolist() == [[1, 2]]
