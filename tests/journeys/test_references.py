"""A frame that is too large for Kafka travels as a reference, from any client; only what lies below a root is read."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from adapters.settings import Settings
from adapters.storage.models import sha256_of
from schemas.errors import FrameTooLarge
from schemas.limits import FRAME_BYTES_MAX
from schemas.tables.read import encode_table
from sparring import Client, ModelVersion, Pipeline
from sparring.stack import LocalStack
from tests.journeys.wire import Wire

Scale = Callable[[str, float], ModelVersion]
ROW = b'[{"tensor": [1.0, 2.0]}]'


@pytest.fixture
def references(stack: LocalStack) -> Path:
    folder = stack.data / "references"
    folder.mkdir(exist_ok=True)
    return folder


def test_a_frame_that_lies_elsewhere_is_answered_as_if_it_had_come(
    wire: Wire, pipeline: Pipeline, scale: Scale, references: Path
) -> None:
    pipeline.add_shadow_deploy(scale("near", 2.0), [scale("far", 3.0)]).deploy()
    (references / "frame.json").write_bytes(ROW)
    uri = (references / "frame.json").as_uri().encode()
    request = wire.send(pipeline.name(), b"", headers=[("reference", uri)])
    answer = wire.answer(request)
    assert (answer.status, answer.frame_digest) == ("ok", sha256_of(ROW))
    (challenger,) = wire.challengers([request])[request]
    assert (challenger.status, challenger.frame_digest) == ("ok", sha256_of(ROW))


@pytest.mark.parametrize("place", ["file:///etc/passwd", "{root}/../store/x", "s3://bucket/x", "{root}/absent"])
def test_what_lies_elsewhere_or_nowhere_is_refused_and_its_dead_letter_has_the_reference(
    wire: Wire, pipeline: Pipeline, scale: Scale, references: Path, place: str
) -> None:
    pipeline.add_model_step(scale("near", 2.0)).deploy()
    uri = place.format(root=references.as_uri())
    request = wire.send(pipeline.name(), b"", headers=[("reference", uri.encode())])
    error = wire.answer(request).failure().error
    assert error == ("ReferenceNotFound" if "absent" in place else "ReferenceNotAllowed")
    headers, value = wire.deadletter(request)
    assert (headers["reference"], value) == (uri, b"")


def test_the_sdk_puts_a_large_frame_into_its_store_and_says_what_is_missing_without_one(
    stack: LocalStack, pipeline: Pipeline, scale: Scale
) -> None:
    pipeline.add_model_step(scale("near", 2.0)).deploy()
    # Much goes in, little comes out: the second column is no input of the model.
    blob = np.random.default_rng(7).bytes(FRAME_BYTES_MAX + 1)
    table = pa.table({"tensor": pa.array([[1.0, 2.0]], pa.list_(pa.float32())), "blob": [blob]})
    assert len(encode_table(table)) > FRAME_BYTES_MAX
    with Client(Settings.read(stack.environment())) as client:
        assert client.get_pipeline(pipeline.name()).infer(table)["out.y"].to_pylist() == [[2.0, 4.0]]
    without = {**stack.environment(), "SPARRING_REFERENCE_STORE": ""}
    with (
        Client(Settings.read(without)) as client,
        pytest.raises(FrameTooLarge, match="SPARRING_REFERENCE_STORE"),
    ):
        client.get_pipeline(pipeline.name()).infer(table)
