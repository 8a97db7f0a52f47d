"""Workspaces, models and pipelines through the SDK, on a real broker. No service runs."""

import datetime as dt
import io
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from adapters.settings import Settings
from schemas.models import ImageSettings, TensorSpec
from sparring import Client, Framework, ModelVersion
from sparring.object import DeployError, EntityNotFoundError
from tests.sparring.sdk import named, upload, write_model

PYTHON_STEP = "def process(arrays):\n    return arrays\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def models(client: Client, folder: Path) -> list[ModelVersion]:
    return [upload(client, folder, name) for name in ("champion", "rival", "third")]


def test_a_workspace_is_found_again_and_a_missing_one_is_an_error(client: Client) -> None:
    made = client.create_workspace("shop")
    assert client.get_workspace("shop") == made
    assert client.get_workspace("shop").id() == made.id()
    assert "shop" in [workspace.name() for workspace in client.list_workspaces()]
    with pytest.raises(EntityNotFoundError, match="'nowhere' does not exist; there are: default"):
        client.get_workspace("nowhere")
    assert client.get_workspace("made-now", create_if_not_exist=True).name() == "made-now"
    with pytest.raises(ValueError, match="'shop' exists"):
        client.create_workspace("shop")


def test_a_second_client_sees_the_same_at_once(settings: Settings, client: Client, folder: Path) -> None:
    with Client(settings) as other:
        workspace = client.create_workspace("seen-by-both")
        other.set_current_workspace(other.get_workspace("seen-by-both"))
        client.set_current_workspace(workspace)
        try:
            model = upload(client, folder, "seen")
            client.build_pipeline("seen-too")
        finally:
            client.set_current_workspace(client.get_workspace("default"))
        assert other.get_model("seen") == model
        assert [one.name() for one in other.pipelines()] == ["seen-too"]
        assert "'versions': 1" in repr(other.get_current_workspace())


def test_the_same_names_in_two_workspaces_are_two_things(client: Client, folder: Path) -> None:
    here = upload(client, folder, "same")
    client.set_current_workspace(client.get_workspace("elsewhere", create_if_not_exist=True))
    try:
        there = upload(client, folder, "same")
        assert there.versions() == [there]
    finally:
        client.set_current_workspace(client.get_workspace("default"))
    assert here.versions() == [here]


def test_the_same_name_again_is_a_new_version_and_the_newest_is_last(client: Client, folder: Path) -> None:
    first = upload(client, folder, "twice")
    second = upload(client, folder, "twice", output_name="other")
    assert first.versions() == [first, second]
    assert first.sha() != second.sha()
    assert client.get_model("twice") == second


def test_models_and_pipelines_are_listed_as_tables_in_their_workspace_and_found_by_name(
    client: Client, folder: Path
) -> None:
    shop = client.set_current_workspace(client.create_workspace("listing"))
    try:
        first = upload(client, folder, "listed")
        second = upload(client, folder, "listed", output_name="other")
        pipeline = client.build_pipeline("listed").add_tag("checkout")
        assert client.list_models() == [second]
        assert client.models_by_name("listed") == [second, first]
        assert [one.name() for one in client.list_pipelines()] == ["listed"]
        assert [one.name() for one in client.pipelines_by_name(pipeline_name="listed")] == ["listed"]
        heading, row = str(client.list_pipelines()).splitlines()
        assert heading.split() == [
            "name",
            "workspace_name",
            "created",
            "last_updated",
            "deployed",
            "tags",
            "versions",
            "steps",
        ]
        assert row.split()[:2] == ["listed", "listing"]
        assert pipeline.versions()[0] in row
        assert f"<td>{pipeline.create_time().isoformat(sep=' ', timespec='microseconds')}</td>" in (
            client.list_pipelines()._repr_html_()
        )
        assert str(client.list_models()).splitlines()[1].split()[:3] == ["listed", "listing", "2"]
        assert first.sha() in client.models_by_name("listed")._repr_html_()
        assert shop in client.list_workspaces()
        assert client.list_workspaces()._repr_html_().count("<td>listing</td>") == 1
    finally:
        client.set_current_workspace(client.get_workspace("default"))
    assert client.list_models("listing") == [second]
    assert client.models_by_name("listed", workspace_name="listing") == [second, first]
    assert [one.name() for one in client.list_pipelines(workspace_name="listing")] == ["listed"]
    with pytest.raises(
        EntityNotFoundError,
        match=r"default/listed does not exist: build_.* there is one in the workspace listing: set_c",
    ):
        client.pipelines_by_name("listed")
    with pytest.raises(
        EntityNotFoundError,
        match=r"workspace 'default' has no model 'listed'; .*; there is one in the workspace listing",
    ):
        client.models_by_name("listed")


def test_one_version_of_a_model_is_found_by_its_uuid(client: Client, folder: Path) -> None:
    first = upload(client, folder, "versioned")
    second = upload(client, folder, "versioned", output_name="other")
    assert client.get_model("versioned", version=first.version()) == first
    assert client.get_model("versioned", second.version()) == second
    with pytest.raises(EntityNotFoundError, match=f"no version 'no-such'; there are: {second.version()}"):
        client.get_model("versioned", version="no-such")


def test_an_onnx_file_tells_its_inputs_and_outputs(models: list[ModelVersion]) -> None:
    named = ("n", None)
    assert models[0].inputs() == (TensorSpec("tensor", "float32", (None, 2), named),)
    assert models[0].outputs() == (TensorSpec("variable", "float32", (None, 2), named, per_row=True),)


def test_a_file_that_cannot_be_loaded_is_refused_and_nothing_is_stored(client: Client, tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a model")
    wrong_python = tmp_path / "wrong.py"
    wrong_python.write_text("def process(:")
    with pytest.raises(ValueError, match=r"path: .*broken.onnx: not a model that ONNX Runtime loads"):
        client.upload_model("broken", broken)
    with pytest.raises(ValueError, match=r"path: .*wrong.py is not Python"):
        client.upload_model("broken", wrong_python, Framework.PYTHON)
    with pytest.raises(FileNotFoundError, match=r"path: .* is no file"):
        client.upload_model("broken", tmp_path / "absent.onnx")
    with pytest.raises(ValueError, match="framework: 'torch'; expected one of"):
        client.upload_model("broken", broken, "torch")
    with pytest.raises(EntityNotFoundError, match="no model 'broken'"):
        client.get_model("broken")


def test_the_newest_configuration_is_what_every_handle_and_client_sees(
    settings: Settings, client: Client, folder: Path
) -> None:
    model = upload(client, folder, "configured")
    assert model.configure("onnx", tensor_fields=["x"], batch_config="single", image={"width": 640}) is model
    with Client(settings) as other:
        configuration = other.get_model("configured").versions()[-1].pinned().configuration
    assert configuration.tensor_fields == ("x",)
    assert configuration.batch_config == "single"
    assert configuration.image == ImageSettings(width=640)
    assert model.configure().pinned().configuration.tensor_fields is None


def test_a_python_step_declares_its_arrays(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "step.py"
    path.write_text(PYTHON_STEP)
    step = client.upload_model("step", path, Framework.PYTHON)
    fields: list[pa.Field[Any]] = [
        pa.field("boxes", pa.list_(pa.float32())),
        pa.field("classes", pa.list_(pa.int64())),
        pa.field("label", pa.string()),
    ]
    step.configure("python", input_schema=pa.schema(fields), output_schema=pa.schema(fields[:1]))
    assert [spec.dtype for spec in step.inputs()] == ["float32", "int64", "string"]
    assert step.outputs() == (TensorSpec("boxes", "float32"),)
    with pytest.raises(TypeError, match="input_schema: NoneType; a Python step needs"):
        step.configure("python")


def test_a_python_step_may_declare_its_arrays_as_it_is_uploaded(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "step.py"
    path.write_text(PYTHON_STEP)
    schema = pa.schema([pa.field("y", pa.list_(pa.float32()))])
    step = client.upload_model("declared", path, Framework.PYTHON, input_schema=schema, output_schema=schema)
    assert client.get_model("declared").inputs() == step.outputs() == (TensorSpec("y", "float32"),)
    with pytest.raises(TypeError, match="output_schema: NoneType; a Python step needs"):
        client.upload_model("half-declared", path, Framework.PYTHON, input_schema=schema)
    with pytest.raises(ValueError, match="input_schema: an ONNX model's own is read from its file"):
        client.upload_model("half-declared", write_model(tmp_path), input_schema=schema)
    with pytest.raises(EntityNotFoundError, match="no model 'half-declared'"):
        client.get_model("half-declared")


def test_a_model_shows_itself_as_a_dictionary_and_in_a_notebook_as_a_table(models: list[ModelVersion]) -> None:
    assert eval(repr(models[0]), {"datetime": dt})["sha"] == models[0].sha()  # noqa: S307 (our own text)
    table = models[0]._repr_html_()
    assert table.startswith("<table><tr><th>name</th><td>champion</td></tr><tr><th>version</th>")
    assert f"<td>{models[0].sha()}</td>" in table


def test_steps_are_shown_as_dictionaries_with_the_weights_as_given(client: Client, models: list[ModelVersion]) -> None:
    champion, rival, third = models
    pipeline = client.build_pipeline("shapes").add_model_step(champion)
    assert pipeline.steps() == [{"ModelInference": {"models": [named(champion)]}}]
    pipeline.replace_with_random_split(0, [(2, champion), (1, rival), (0.5, third)], hash_key="session")
    weights = [{"model": named(m), "weight": w} for m, w in ((champion, 2), (rival, 1), (third, 0.5))]
    assert pipeline.steps() == [{"RandomSplit": {"hash_key": "session", "weights": weights}}]
    assert [type(one["weight"]) for one in weights] == [int, int, float]
    pipeline.replace_with_shadow_deploy(0, champion, [rival, third])
    shadow = {"champion": named(champion), "challengers": [named(rival), named(third)]}
    assert pipeline.steps() == [{"ShadowDeploy": shadow}]


def test_each_validation_is_shown_behind_the_steps_as_a_check_with_the_tree_of_its_rule(
    client: Client, models: list[ModelVersion]
) -> None:
    rule = pl.col("out.variable").list.get(0) > 1.0
    pipeline = client.build_pipeline("checked").add_model_step(models[0]).add_validations(high=rule, low=~rule)
    step, high, low = pipeline.steps()
    assert step == {"ModelInference": {"models": [named(models[0])]}}
    ((tree,), _) = (one["Check"]["tree"] for one in (high, low))
    assert pl.Expr.deserialize(io.StringIO(tree), format="json").meta.eq(rule.alias("high"))
    wrong = r"expected 0 to 0; a Check is a validation: .* remove_validation"
    with pytest.raises(ValueError, match=wrong):
        pipeline.remove_step(1)
    with pytest.raises(ValueError, match=wrong):
        pipeline.replace_with_model_step(2, models[1])
    assert [next(iter(one)) for one in pipeline.remove_validation("low").steps()] == ["ModelInference", "Check"]
    assert pipeline.clear().steps() == []


def test_steps_are_added_replaced_removed_and_cleared_and_the_calls_chain(
    client: Client, models: list[ModelVersion]
) -> None:
    champion, rival, third = models
    pipeline = client.build_pipeline("chained")
    pipeline.add_random_split([(2, champion), (1, rival)]).add_model_step(third).add_shadow_deploy(champion, [rival])
    assert [next(iter(step)) for step in pipeline.steps()] == [
        "RandomSplit",
        "ModelInference",
        "ShadowDeploy",
    ]
    pipeline.replace_with_model_step(0, rival).remove_step(1)
    assert [next(iter(step)) for step in pipeline.steps()] == ["ModelInference", "ShadowDeploy"]
    assert pipeline.clear().steps() == []


def test_edits_stay_local_until_they_are_deployed(client: Client, models: list[ModelVersion]) -> None:
    pipeline = client.build_pipeline("local").add_model_step(models[0])
    assert client.get_pipeline("local").steps() == []
    assert len(pipeline.versions()) == 1


def test_the_table_of_a_pipeline_shows_its_first_model_and_its_versions(
    client: Client, models: list[ModelVersion]
) -> None:
    pipeline = client.build_pipeline("shown").add_shadow_deploy(models[0], [models[1]])
    rows = dict(line.split("  ", 1) for line in repr(pipeline).splitlines())
    assert list(rows) == ["name", "created", "last_updated", "deployed", "tags", "versions", "steps"]
    assert rows["deployed"].strip() == "(none)"
    assert rows["versions"].strip() == pipeline.versions()[0]
    assert rows["steps"].strip() == "champion"
    assert rows["created"].strip().endswith("000+00:00")
    assert "<th>steps</th><td>champion</td>" in pipeline._repr_html_()


def test_an_inference_on_what_is_not_deployed_says_so(client: Client, models: list[ModelVersion]) -> None:
    pipeline = client.build_pipeline("asleep").add_model_step(models[0])
    assert pipeline.status()["status"] == "Stopped"
    assert pipeline.undeploy() is pipeline
    with pytest.raises(RuntimeError, match="pipeline default/asleep is not deployed"):
        pipeline.infer(pd.DataFrame({"tensor": [[1.0, 2.0]]}))


def test_without_a_router_deploy_says_at_once_what_to_do(client: Client, models: list[ModelVersion]) -> None:
    pipeline = client.build_pipeline("lonely").add_model_step(models[0])
    with pytest.raises(DeployError, match="no router is alive: start the system with `sparring up`"):
        pipeline.deploy()
    assert len(pipeline.versions()) == 1


def test_a_pipeline_without_steps_and_steps_that_do_not_fit_are_refused_before_anything_is_sent(
    client: Client, models: list[ModelVersion], tmp_path: Path
) -> None:
    two_inputs = tmp_path / "step.py"
    two_inputs.write_text(PYTHON_STEP)
    step = client.upload_model("two-inputs", two_inputs, Framework.PYTHON)
    fields = pa.schema([("variable", pa.float32()), ("missing", pa.float32())])
    bare = client.build_pipeline("misfit").add_model_step(models[0]).add_model_step(step)
    with pytest.raises(ValueError, match="two-inputs is a Python step without schemas"):
        bare.deploy()
    step.configure("python", input_schema=fields, output_schema=fields)
    with pytest.raises(ValueError, match="step 1, two-inputs, cannot follow champion: no output 'missing'"):
        bare.deploy()
    with pytest.raises(ValueError, match="steps: pipeline default/misfit has none"):
        bare.clear().deploy()
    assert len(bare.versions()) == 1


def test_a_client_finds_nothing_and_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Settings
) -> None:
    monkeypatch.delenv("SPARRING_KAFKA", raising=False)
    monkeypatch.setenv("SPARRING_DATA", str(tmp_path))
    with pytest.raises(ConnectionError, match=r"no local stack runs in .*: start one with `sparring up`"):
        Client()
    with pytest.raises(ConnectionError, match=r"has no topic absent\.catalog: start the system there"):
        Client(Settings(kafka=settings.kafka, redis=settings.redis, store=settings.store, namespace="absent"))
    with pytest.raises(ConnectionError, match=r"no Kafka answers at 127\.0\.0\.1:1: start a local stack"):
        Client(Settings(kafka="127.0.0.1:1"))
