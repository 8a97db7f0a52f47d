from pathlib import Path

from benchmarks.work import Job
from schemas.models import Configuration, ImageSettings, ModelVersion, PinnedModel, TensorSpec


def test_every_process_of_a_benchmark_reads_the_same_job(tmp_path: Path) -> None:
    picture, boxes = TensorSpec("x", "float32", (None, 3, 480, 640)), TensorSpec("boxes", "float32")
    model = ModelVersion("default", "any", "1", "0" * 64, "onnx", "any.onnx", 7, 0, (picture,), (boxes,))
    pinned = PinnedModel(model, Configuration("onnx", image=ImageSettings(colour="BGR", mean=(0.5, 0.5, 0.5))))
    job = Job("/a/store", (pinned,), (b"\xff\xd8 first", b"\xff\xd8 second"))

    assert Job.read(job.write(tmp_path / "job")) == job
