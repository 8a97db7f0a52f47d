"""The models and the pipeline that fuzzed frames are decided for and decoded for, without a system around them."""

from schemas.models import Configuration, ModelVersion, PinnedModel, TensorSpec
from schemas.pipelines import PipelineVersion, RandomSplit, WeightedModel


def _pinned(name: str, *shape: int | None) -> PinnedModel:
    spec = TensorSpec("tensor", "float32", shape)
    model = ModelVersion("default", name, "v1", "sha", "onnx", f"{name}.onnx", 1, 0, (spec,), (spec,))
    return PinnedModel(model, Configuration(runtime="onnx"))


IMAGE, TABLE = _pinned("same", 1, 3, 64, 64), _pinned("double", None, 2)
VERSION = PipelineVersion(
    "default", "shop", "pv1", (RandomSplit((WeightedModel(1.0, TABLE), WeightedModel(1.0, IMAGE)), "shop"),), 0
)
