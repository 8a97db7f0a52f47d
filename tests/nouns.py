"""Small real nouns for tests of pure code: model versions, pipeline versions, frames."""

from schemas.frames import Frame, Origin, RawHeaders
from schemas.models import Configuration, ModelVersion, PinnedModel, TensorSpec
from schemas.pipelines import PipelineVersion, Step


def pinned(name: str, version: str = "v1", workspace: str = "default") -> PinnedModel:
    """A model version with one input `tensor` and one output `out`."""
    model = ModelVersion(
        workspace=workspace,
        name=name,
        version=version,
        sha256=f"sha-of-{name}-{version}",
        framework="onnx",
        file_name=f"{name}.onnx",
        size_bytes=1,
        created_at=0,
        inputs=(TensorSpec("tensor", "float32", (None, 2)),),
        outputs=(TensorSpec("out", "float32", (None, 2)),),
    )
    return PinnedModel(model, Configuration(runtime="onnx"))


def pipeline_version(*steps: Step, name: str = "shop", workspace: str = "default") -> PipelineVersion:
    """A version of a pipeline with these steps."""
    return PipelineVersion(workspace=workspace, name=name, version="pv1", steps=steps, created_at=0)


def frame(
    request_id: str | None = None,
    value: bytes = b"\xff\xd8\xff",
    key: bytes | None = None,
    offset: int = 7,
    headers: RawHeaders | None = None,
) -> Frame:
    """A frame for pipeline `shop`."""
    given: RawHeaders = [("pipeline", b"shop"), *(headers or [])]
    if request_id is not None:
        given.append(("request-id", request_id.encode()))
    return Frame(
        key=key,
        value=value,
        headers=tuple(given),
        origin=Origin("sparring.frames", 2, offset),
        produced_at=1_000,
        topic_id="TOPIC",
    )
