"""Each result through Kafka equals onnxruntime called directly, bit for bit: real detectors on real frames."""

import io
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image, ImageOps

from adapters.onnx_runtime import onnxruntime
from examples.models import MODEL_NAMES, model_path
from examples.shelf import render_shelf
from schemas.tables.read import read_arrow
from sparring import Client, ModelVersion, Pipeline
from tests.journeys.wire import Wire
from tests.reading import bits

BOTTLE = 39
FRAMES = (
    "coco_0.jpg",
    "coco_1.jpg",
    "dairy_bottles_640x480.png",
    "example_01.jpg",
    "example_shoe.jpg",
    "frame5244.jpg",
    "store-front.png",
)


def session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options)


def by_the_rule(value: bytes) -> np.ndarray:
    """The tutorial's preprocessing, written out with pillow and OpenCV."""
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(value)))
    bgr = cv2.cvtColor(np.asarray(picture.convert("RGB")), cv2.COLOR_RGB2BGR)
    rgb = cv2.cvtColor(cv2.resize(bgr, (640, 480)), cv2.COLOR_BGR2RGB)
    return (rgb.transpose(2, 0, 1)[None] / 255.0).astype(np.float32)


@pytest.fixture(scope="module")
def shared_models(client: Client, shared: Path) -> dict[str, ModelVersion]:
    names = ("yolox-nano", "nanodet-m", "avg-conf")
    return {
        name: client.upload_model(name, shared / "models" / f"{name}.onnx").configure("onnx", batch_config="single")
        for name in names
    }


def test_both_packaged_detectors_answer_bit_for_bit(
    pipeline: Pipeline, detectors: dict[str, ModelVersion], wire: Wire
) -> None:
    first, second = MODEL_NAMES
    pipeline.add_shadow_deploy(detectors[first], [detectors[second]]).deploy()
    sessions = {name: session(model_path(name)) for name in MODEL_NAMES}
    for seed in range(4):
        jpeg = render_shelf(seed).jpeg()
        bgr = np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), np.float64)
        tensor = ((bgr / 255.0 - 0.5) / 0.5).astype(np.float32).transpose(2, 0, 1)[None]
        request = wire.send(pipeline.name(), jpeg, key=b"camera-1")
        answers = [wire.answer(request), *wire.challengers([request])[request]]
        for answer in answers:
            assert answer.model is not None
            (expected,) = sessions[answer.model].run(None, {"x": np.ascontiguousarray(tensor)})
            assert bits(read_arrow(answer.value), 0).tobytes() == expected.tobytes(), answer.model


@pytest.mark.parametrize("name", ["yolox-nano", "nanodet-m"])
def test_detections_on_real_photos_are_onnxruntimes_bit_for_bit(
    pipeline: Pipeline, shared_models: dict[str, ModelVersion], shared: Path, wire: Wire, name: str
) -> None:
    pipeline.add_model_step(shared_models[name]).deploy()
    direct = session(shared / "models" / f"{name}.onnx")
    for frame in FRAMES:
        value = (shared / "frames" / frame).read_bytes()
        table = read_arrow(wire.answer(wire.send(pipeline.name(), value)).value)
        outputs = [output.name for output in direct.get_outputs()]
        expected = dict(zip(outputs, direct.run(outputs, {"tensor": by_the_rule(value)}), strict=True))
        for output, array in expected.items():
            got = bits(table, output)
            assert (got.dtype, got.tobytes()) == (array.dtype, array.ravel().tobytes()), (frame, output)
        if frame.startswith("dairy_bottles"):
            assert BOTTLE in table.column("classes")[0].as_py()


def test_the_mean_confidence_behind_a_split_is_the_float64_mean(
    pipeline: Pipeline, shared_models: dict[str, ModelVersion], average: ModelVersion, shared: Path
) -> None:
    split = [(1, shared_models["yolox-nano"]), (1, shared_models["nanodet-m"])]
    pipeline.add_random_split(split).add_model_step(average).deploy()
    for _ in range(6):
        result = pipeline.infer_image(shared / "frames" / "dairy_bottles_640x480.png")
        confidences = np.asarray(result["out.confidences"][0], np.float32)
        assert result["out.avg_conf"][0][0] == pytest.approx(confidences.astype(np.float64).mean(), rel=1e-14)


def test_a_mean_that_is_itself_a_model_gives_only_its_own_output(
    pipeline: Pipeline, shared_models: dict[str, ModelVersion], shared: Path
) -> None:
    pipeline.add_model_step(shared_models["nanodet-m"]).add_model_step(shared_models["avg-conf"]).deploy()
    result = pipeline.infer_image(shared / "frames" / "dairy_bottles_640x480.png")
    assert [column for column in result.columns if column.startswith("out.")] == ["out.avg_conf"]


def test_an_image_a_tensor_and_the_tutorials_file_give_the_same_bits(
    pipeline: Pipeline, shared_models: dict[str, ModelVersion], shared: Path
) -> None:
    pipeline.add_model_step(shared_models["yolox-nano"]).deploy()
    folder = shared / "cases/image_preprocess"
    by_image = pipeline.infer_image(folder / "dairy_bottles_640x480.png")
    by_file = pipeline.infer_from_file(folder / "dairy_bottles_test_table.arrow", timeout=30)
    assert isinstance(by_file, pa.Table)
    for output in ("out.boxes", "out.classes", "out.confidences"):
        wanted = bits(by_file, output)
        assert np.asarray(by_image[output][0]).astype(wanted.dtype).tobytes() == wanted.tobytes()


def test_no_detections_at_all_is_an_answer_with_empty_lists(
    pipeline: Pipeline, shared_models: dict[str, ModelVersion], average: ModelVersion, tmp_path: Path
) -> None:
    pipeline.add_model_step(shared_models["yolox-nano"]).add_model_step(average).deploy()
    wall = tmp_path / "wall.png"
    Image.new("RGB", (640, 480), (120, 118, 116)).save(wall)
    result = pipeline.infer_image(wall)
    assert result["out.boxes"][0] == result["out.classes"][0] == []
