"""The cells of "Vetting a Model With Production Experiments", one after the other, on our detectors and frames.

What is called, and the shapes of what is printed, are the tutorial's; the detectors' numbers are checked against
onnxruntime called directly.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import sparring as wallaroo
from adapters.onnx_runtime import onnxruntime
from sparring.framework import Framework
from sparring.object import EntityNotFoundError
from sparring.stack import LocalStack
from sparring.vision import load_image
from tests.small_models import AVERAGE_STEP

OUTPUTS = ("boxes", "classes", "confidences")
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00:00"


def get_names(result: pd.DataFrame) -> list[str]:
    return [json.loads(cell[0])["name"] for cell in result["out._model_split"]]


def rows_of(pipeline: wallaroo.Pipeline) -> dict[str, str]:
    """The table that a notebook shows."""
    table = pipeline._repr_html_()
    return dict(re.findall(r"<tr><th>(.*?)</th><td>(.*?)</td></tr>", table))


@pytest.fixture(scope="module")
def wl(stack: LocalStack) -> Iterator[wallaroo.Client]:
    """`wallaroo.Client()` as the first cell calls it: the environment says where the system is."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in stack.environment().items():
            environment.setenv(name, value)
        client = wallaroo.Client()
    with client:
        client.set_current_workspace(client.create_workspace("tutorial-cv"))
        yield client


@pytest.fixture(scope="module")
def mobilenet(wl: wallaroo.Client, shared: Path) -> wallaroo.ModelVersion:
    return wl.upload_model(
        "mobilenet", shared / "models/yolox-nano.onnx", framework=wallaroo.framework.Framework.ONNX
    ).configure(tensor_fields=["tensor"], batch_config="single")


@pytest.fixture(scope="module")
def resnet(wl: wallaroo.Client, shared: Path) -> wallaroo.ModelVersion:
    return wl.upload_model(
        "resnet50", shared / "models/nanodet-m.onnx", framework=wallaroo.framework.Framework.ONNX
    ).configure(tensor_fields=["tensor"], batch_config="single")


@pytest.fixture(scope="module")
def post_process(wl: wallaroo.Client, tmp_path_factory: pytest.TempPathFactory) -> wallaroo.ModelVersion:
    path = tmp_path_factory.mktemp("tutorial") / "post_process.py"
    path.write_text(AVERAGE_STEP)
    fields: list[pa.Field[Any]] = [
        pa.field("boxes", pa.list_(pa.float32())),
        pa.field("classes", pa.list_(pa.int64())),
        pa.field("confidences", pa.list_(pa.float32())),
    ]
    mean: pa.Field[Any] = pa.field("avg_conf", pa.list_(pa.float64()))
    return wl.upload_model(
        "cv-post-process",
        path,
        framework=Framework.PYTHON,
        input_schema=pa.schema(fields),
        output_schema=pa.schema([*fields, mean]),
    )


@pytest.fixture(scope="module")
def image(shared: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """The tutorial's own frame."""
    return load_image(shared / "frames/dairy_bottles_640x480.png", 640, 480)


@pytest.fixture(scope="module")
def direct(shared: Path, image: tuple[pd.DataFrame, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """What onnxruntime alone makes of it, by model."""
    found = {}
    for name, file in (("mobilenet", "yolox-nano"), ("resnet50", "nanodet-m")):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(shared / "models" / f"{file}.onnx", options)
        found[name] = dict(zip(OUTPUTS, session.run(OUTPUTS, {"tensor": image[0]["tensor"][0]}), strict=True))
    return found


def named(model: wallaroo.ModelVersion) -> dict[str, str]:
    return {"name": model.name(), "version": model.version(), "sha": model.sha()}


def test_log_in_and_find_workspace_models_and_pipeline_again(
    wl: wallaroo.Client, mobilenet: wallaroo.ModelVersion, resnet: wallaroo.ModelVersion
) -> None:
    wl.build_pipeline("again")
    workspace = wl.get_workspace("tutorial-cv")
    assert workspace == wl.get_workspace("tutorial-cv") == wl.set_current_workspace(workspace)
    assert wl.get_current_workspace() == workspace
    with pytest.raises(EntityNotFoundError):
        wl.get_workspace("nobodys")
    assert wl.get_model("mobilenet") == mobilenet.versions()[-1] == mobilenet
    assert [model.name() for model in workspace.models()] == ["mobilenet", resnet.name()]
    pipeline = wl.get_pipeline("again")
    assert (pipeline.name(), pipeline.steps(), len(pipeline.versions())) == ("again", [], 1)
    assert rows_of(pipeline)["deployed"] == "(none)"
    assert list(pd.json_normalize([_read(repr(workspace))]).columns) == [
        "name",
        "id",
        "archived",
        "created_by",
        "created_at",
        "models",
        "pipelines",
    ]


def test_the_a_b_test(
    wl: wallaroo.Client,
    mobilenet: wallaroo.ModelVersion,
    resnet: wallaroo.ModelVersion,
    image: tuple[pd.DataFrame, np.ndarray],
    direct: dict[str, dict[str, np.ndarray]],
) -> None:
    pipeline = wl.build_pipeline("cv-retail")
    pipeline.undeploy()
    pipeline.clear()
    pipeline.add_random_split([(2, mobilenet), (1, resnet)])
    config = wallaroo.DeploymentConfigBuilder().replica_count(2).cpus(1).memory("2Gi").build()
    with pytest.warns(UserWarning, match="is not applied"):
        pipeline.deploy(deployment_config=config)
    weights = [{"model": named(mobilenet), "weight": 2}, {"model": named(resnet), "weight": 1}]
    assert str(pipeline.steps()) == str([{"RandomSplit": {"hash_key": None, "weights": weights}}])

    shown = rows_of(pipeline)
    assert list(shown) == ["name", "created", "last_updated", "deployed", "tags", "versions", "steps"]
    assert (shown["name"], shown["deployed"], shown["tags"]) == ("cv-retail", "True", "")
    assert (shown["versions"], shown["steps"]) == (", ".join(pipeline.versions()), "mobilenet")
    assert re.fullmatch(TIME, shown["created"])
    assert re.fullmatch(TIME, shown["last_updated"])

    seen: dict[str, pd.DataFrame] = {}
    for _ in range(60):
        single_result = pipeline.infer(image[0], timeout=300)
        (name,) = get_names(single_result)
        seen[name] = single_result
        if len(seen) == 2:
            break
    assert seen.keys() == direct.keys()
    for name, result in seen.items():
        assert list(result.columns) == [
            "time",
            "in.tensor",
            "out._model_split",
            *(f"out.{out}" for out in OUTPUTS),
            "anomaly.count",
        ]
        assert result.loc[0, "out.confidences"] == shortest(direct[name]["confidences"])
    pipeline.undeploy()
    assert rows_of(pipeline)["deployed"] == "False"


def test_the_shadow_deployment(
    wl: wallaroo.Client,
    mobilenet: wallaroo.ModelVersion,
    resnet: wallaroo.ModelVersion,
    image: tuple[pd.DataFrame, np.ndarray],
    direct: dict[str, dict[str, np.ndarray]],
) -> None:
    pipeline = wl.build_pipeline("cv-shadow")
    pipeline.add_shadow_deploy(mobilenet, [resnet]).deploy()
    assert pipeline.steps() == [{"ShadowDeploy": {"champion": named(mobilenet), "challengers": [named(resnet)]}}]
    assert rows_of(pipeline)["steps"] == "mobilenet"
    single_result = pipeline.infer(image[0])
    assert list(single_result.columns) == [
        "time",
        "in.tensor",
        *(f"out.{out}" for out in OUTPUTS),
        "anomaly.count",
        *(f"out_resnet50.{out}" for out in OUTPUTS),
    ]
    assert single_result.loc[:, ["time", "out.confidences", "out_resnet50.confidences"]].shape == (1, 3)
    for model, group in (("mobilenet", "out"), ("resnet50", "out_resnet50")):
        for out in OUTPUTS:
            assert str(single_result[f"{group}.{out}"][0]) == str(shortest(direct[model][out])), (model, out)
    pipeline.undeploy()


def test_the_swap_without_undeploying_and_the_mean_confidence_of_both_champions(
    wl: wallaroo.Client,
    mobilenet: wallaroo.ModelVersion,
    resnet: wallaroo.ModelVersion,
    post_process: wallaroo.ModelVersion,
    image: tuple[pd.DataFrame, np.ndarray],
    direct: dict[str, dict[str, np.ndarray]],
) -> None:
    pipeline = wl.build_pipeline("cv-swap").add_model_step(mobilenet).add_model_step(post_process).deploy()
    before = pipeline.infer(image[0])["out.avg_conf"]
    assert pipeline.steps() == [{"ModelInference": {"models": [named(one)]}} for one in (mobilenet, post_process)]
    pipeline.replace_with_model_step(0, resnet).deploy()
    after = pipeline.infer(image[0])["out.avg_conf"]
    assert rows_of(pipeline)["steps"] == "resnet50"
    for printed, name in ((before, "mobilenet"), (after, "resnet50")):
        (mean,) = printed[0]
        assert mean == pytest.approx(direct[name]["confidences"].astype(np.float64).mean(), rel=1e-14)
    assert str(pipeline.undeploy().steps()) == str(
        [{"ModelInference": {"models": [named(one)]}} for one in (resnet, post_process)]
    )


def test_the_image_as_a_file_of_records_is_the_same_request(
    wl: wallaroo.Client,
    mobilenet: wallaroo.ModelVersion,
    image: tuple[pd.DataFrame, np.ndarray],
    direct: dict[str, dict[str, np.ndarray]],
    tmp_path: Path,
) -> None:
    pipeline = wl.build_pipeline("cv-file").add_model_step(mobilenet).deploy()
    image[0].to_json(tmp_path / "sampleimage.json", orient="records", double_precision=15)
    result = pipeline.infer_from_file(tmp_path / "sampleimage.json", timeout=60)
    assert isinstance(result, pd.DataFrame)
    assert result["out.confidences"][0] == shortest(direct["mobilenet"]["confidences"])
    pipeline.undeploy()


def shortest(values: np.ndarray) -> list[float]:
    """A flat list of Python numbers, a float32 as the shortest decimal that gives it back."""
    return [json.loads(str(value)) for value in values.ravel()]


def _read(shown: str) -> Any:
    """What a workspace's repr says, times as text."""
    return eval(re.sub(r"datetime\.datetime\((.*?)\.utc\)", r"'\1'", shown))  # noqa: S307 (our own text)
