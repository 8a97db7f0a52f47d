"""`deploy()` and `undeploy()` on a real catalog; the living system is a set of processes that only beat."""

import argparse
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
import pandas as pd
import pyarrow as pa
import pytest
from kafka.admin import KafkaAdminClient
from msgspec import structs
from onnx import TensorProto, helper

import sparring
from adapters.clock import now_ms
from adapters.settings import Settings
from schemas.catalog import ModelUploaded
from schemas.models import Configuration, PinnedModel, TensorSpec
from schemas.names import ModelLane
from schemas.pipelines import ModelStep
from schemas.presence import Beat, Failed, Warm
from sparring import Client, Framework, ModelVersion
from sparring.cli.pipeline.switch import deploy
from sparring.deployment.deploy import Deployment, cold_lanes, failed_lanes
from sparring.object import DeployError, EntityNotFoundError
from sparring.system.connection import who
from tests.nouns import pinned, pipeline_version
from tests.sparring.sdk import beating, named, upload
from tests.waiting import eventually

SOON_S = 2.0
MUCH_LATER_S = 3600.0
"""A test that waits for it runs into its own limit."""


@contextmanager
def environment(settings: Settings) -> Iterator[None]:
    """What the command line connects with."""
    with pytest.MonkeyPatch.context() as patch:
        for one in ("kafka", "redis", "store", "namespace"):
            patch.setenv(f"SPARRING_{one.upper()}", getattr(settings, one))
        yield


def of_type(folder: Path, kind: int) -> Path:
    """A file that gives x, [n, 2] of an ONNX type, as it is."""
    x, y = (helper.make_tensor_value_info(name, kind, ["n", 2]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "same", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    path = folder / f"{kind}.onnx"
    onnx.save(model, path)
    return path


@pytest.fixture(scope="module")
def models(client: Client, tmp_path_factory: pytest.TempPathFactory) -> list[ModelVersion]:
    folder = tmp_path_factory.mktemp("models")
    return [upload(client, folder, name) for name in ("champion", "rival", "third")]


def test_a_version_goes_live_when_its_champion_is_warm_and_its_topics_are_there(
    settings: Settings, client: Client, models: list[ModelVersion]
) -> None:
    champion, rival, _ = models
    pipeline = client.build_pipeline("first").add_shadow_deploy(champion, [rival])
    with beating(client, (champion, "official"), (rival, "shadow")):
        assert pipeline.deploy() is pipeline
        assert pipeline.status()["status"] == "Running"
        assert "deployed      True" in repr(pipeline)
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka)
    topics = set(admin.list_topics())
    admin.close()
    assert settings.topics.work(champion.key(), "official") in topics
    assert settings.topics.work(rival.key(), "shadow") in topics


@pytest.fixture(scope="module")
def kept(client: Client, models: list[ModelVersion]) -> None:
    """A pipeline that keeps the first model's process needed: undeploying another one waits for no process."""
    with beating(client, (models[0], "official")):
        client.build_pipeline("keeper").add_model_step(models[0]).deploy()


@pytest.mark.usefixtures("kept")
def test_what_was_not_edited_is_deployed_again_without_a_new_version_and_an_edit_makes_one(
    client: Client, models: list[ModelVersion]
) -> None:
    champion, rival, _ = models
    with beating(client, (champion, "official"), (rival, "official")):
        pipeline = client.build_pipeline("versions").add_model_step(champion).deploy()
        first = pipeline.versions()
        assert client.get_pipeline("versions").undeploy().deploy().deploy().versions() == first
        assert client.get_pipeline("versions").replace_with_model_step(0, rival).deploy().versions()[1:] == first
        shown = repr(client.get_pipeline("versions")).splitlines()[-1]
    assert shown.split() == ["steps", "rival"]


@pytest.mark.usefixtures("kept")
def test_a_rollback_makes_an_earlier_version_live_again_and_edits_begin_with_its_steps(
    settings: Settings, client: Client, models: list[ModelVersion]
) -> None:
    champion, rival, third = models
    with beating(client, (champion, "official"), (rival, "official"), (third, "official")):
        pipeline = client.build_pipeline("back").add_model_step(champion).deploy()
        first = pipeline.versions()[0]
        pipeline.replace_with_model_step(0, rival).deploy()
        before = pipeline.versions()
        assert pipeline.add_model_step(third).rollback(first[:8]) is pipeline
        assert (pipeline.versions(), pipeline.status()["version"]) == (before, first)
        with Client(settings) as other:
            seen = other.get_pipeline("back")
            assert seen.steps() == pipeline.steps() == [{"ModelInference": {"models": [named(champion)]}}]
            assert seen.deploy().status()["version"] == first
        pipeline.undeploy()
        switches = [(one["version"], one["by"]) for one in pipeline.history()]
        assert switches == [(version, who()) for version in (None, first, before[0], first)]
        times = [one["time"] for one in pipeline.history()]
        assert times == sorted(times, reverse=True)
        assert f"last_updated  {times[0].isoformat(sep=' ', timespec='microseconds')}" in repr(pipeline)


def test_a_rollback_to_what_is_no_version_is_refused_and_nothing_changes(
    client: Client, models: list[ModelVersion]
) -> None:
    with beating(client, (models[0], "official")):
        pipeline = client.build_pipeline("nowhere-back").add_model_step(models[0]).deploy()
    newest, empty = pipeline.versions()
    wrong: list[tuple[Any, type[Exception], str]] = [
        ("ffff-no", EntityNotFoundError, f"no version 'ffff-no'; there are: {newest}, {empty}"),
        (newest[:3], ValueError, "expected at least 4 characters"),
        (7, TypeError, "version: int; expected a version's uuid"),
        (empty, ValueError, "steps: pipeline default/nowhere-back has none"),
    ]
    for version, error, message in wrong:
        with pytest.raises(error, match=message):
            pipeline.rollback(version)
    assert pipeline.status()["version"] == newest
    assert len(pipeline.history()) == 1


def test_tags_are_seen_by_all_at_once_and_shown_in_the_table(
    settings: Settings, client: Client, models: list[ModelVersion]
) -> None:
    pipeline = client.build_pipeline("tagged").add_model_step(models[0])
    assert pipeline.tags == []
    pipeline.add_tag("night shift").add_tag("door").add_tag("door")
    with Client(settings) as other:
        assert other.get_pipeline("tagged").tags == ["night shift", "door"]
        assert other.get_pipeline("tagged").remove_tag("door").tags == ["night shift"]
    assert "tags          night shift\n" in repr(pipeline)
    assert "<tr><th>tags</th><td>night shift</td></tr>" in pipeline._repr_html_()
    assert pipeline.steps() != []
    with pytest.raises(ValueError, match=r"tag: 'door'; expected one of \['night shift'\]"):
        pipeline.remove_tag("door")
    for wrong in ("", "a,b", " a", "a\n", "x" * 64, 7):
        with pytest.raises(ValueError, match=r"tag: .*; expected 1 to 63 printable characters"):
            pipeline.add_tag(wrong)  # type: ignore[arg-type]


def test_a_deployment_configuration_is_taken_and_a_warning_says_that_hosts_decide(
    client: Client, models: list[ModelVersion]
) -> None:
    config = sparring.DeploymentConfigBuilder().replica_count(2).cpus(0.5).memory("2Gi").build()
    with beating(client, (models[0], "official")):
        pipeline = client.build_pipeline("wishes").add_model_step(models[0])
        with pytest.warns(UserWarning, match=r"\(replica_count 2, cpus 0.5, memory 2Gi\) is not applied") as warned:
            pipeline.deploy(deployment_config=config)
        assert warned[0].filename == __file__
        with pytest.raises(TypeError, match="deployment_config: bool; expected what DeploymentConfigBuilder"):
            pipeline.deploy(True)  # type: ignore[arg-type]  # noqa: FBT003


def test_a_version_pins_the_configuration_of_the_moment_it_was_deployed(client: Client, tmp_path: Path) -> None:
    model = upload(client, tmp_path, "pinned")
    pipeline = client.build_pipeline("pins").add_model_step(model)
    model.configure(tensor_fields=["x"])
    with beating(client, (model, "official")):
        pipeline.deploy()
    model.configure(tensor_fields=["y"])
    live = pipeline._connection.catalog().live(pipeline._name)  # noqa: SLF001 (what the router will read)
    assert live is not None
    assert next(live.models()).configuration.tensor_fields == ("x",)


@pytest.mark.usefixtures("kept")
def test_a_model_that_was_configured_anew_makes_a_version_when_it_is_deployed_however_that_is_done(
    settings: Settings, client: Client, tmp_path: Path
) -> None:
    model = upload(client, tmp_path, "anew")
    with beating(client, (model, "official")), Client(settings) as other:
        pipeline = client.build_pipeline("anew").add_model_step(model).set_frame_age_ms_max(5000).deploy()
        ways: list[Callable[[], object]] = [
            pipeline.deploy,
            lambda: client.get_pipeline("anew").deploy(),
            lambda: other.get_pipeline("anew").deploy(),
            lambda: deploy(argparse.Namespace(pipeline="anew", workspace="default", wait=30.0)),
        ]
        for number, way in enumerate(ways):
            before = pipeline.versions()
            model.configure(tensor_fields=[f"x{number}"])
            with environment(settings):
                way()
                way()
            live = pipeline._connection.catalog().live(pipeline._name)  # noqa: SLF001 (what the router will read)
            assert live is not None
            assert next(live.models()).configuration.tensor_fields == (f"x{number}",)
            assert live.frame_age_ms_max == 5000
            assert pipeline.versions()[1:] == before, "one version, and none where nothing was configured"
            assert pipeline.status()["version"] == pipeline.versions()[0]


def test_steps_that_cannot_follow_each_other_are_refused_and_what_was_live_goes_on(
    client: Client, models: list[ModelVersion], tmp_path: Path
) -> None:
    text = client.upload_model("takes-text", of_type(tmp_path, TensorProto.STRING))
    with beating(client, (models[0], "official")):
        pipeline = client.build_pipeline("unfit").add_model_step(models[0]).deploy()
        live = pipeline.status()["version"]
        with pytest.raises(ValueError, match=r"step 1, takes-text, cannot follow champion: .* is float32, .* string"):
            pipeline.add_model_step(text).deploy()
        assert pipeline.status()["version"] == live
        assert len(pipeline.versions()) == 2


def test_a_type_that_no_request_can_hold_is_refused_at_upload_and_where_an_older_version_uploaded_it(
    client: Client, models: list[ModelVersion], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"^path: .*: input 'x' is bfloat16, no request can hold it; .* a Cast"):
        client.upload_model("narrow", of_type(tmp_path, TensorProto.BFLOAT16))
    with pytest.raises(EntityNotFoundError):
        client.get_model("narrow")
    key = structs.replace(models[0]._model, name="older", inputs=(TensorSpec("x", "bfloat16", (None, 2)),))  # noqa: SLF001 (as it stands in the catalog)
    client._connection.append(ModelUploaded(key))  # noqa: SLF001 (what an older upload_model wrote)
    pipeline = client.build_pipeline("older").add_model_step(client.get_model("older"))
    with beating(client), pytest.raises(ValueError, match=r"^steps: older: input 'x' is bfloat16"):
        pipeline.deploy()


def test_a_load_that_failed_for_good_ends_deploy_at_once_with_its_reason_and_what_was_live_goes_on(
    client: Client, models: list[ModelVersion]
) -> None:
    champion, rival, third = models
    with beating(client, (champion, "official"), (rival, "official"), (third, "shadow"), failing={rival: "it is torn"}):
        pipeline = client.build_pipeline("torn").add_model_step(champion).deploy()
        before = pipeline.status()["version"]
        with pytest.raises(DeployError, match=r"did not go live: it is torn; what was live before goes on"):
            pipeline.replace_with_model_step(0, rival).deploy(deploy_wait_s=MUCH_LATER_S)
        assert pipeline.status()["version"] == before
        catalog = pipeline._connection.catalog()  # noqa: SLF001 (what hosts read)
        offered = [one.version for one in catalog.wanted(now_ms() + 1) if one.name == "torn"]
        assert offered == [before], "the offer is over"


def test_a_challenger_whose_load_failed_for_good_is_a_warning_at_once(
    client: Client, models: list[ModelVersion]
) -> None:
    champion, rival, _ = models
    pipeline = client.build_pipeline("torn-challenger").add_shadow_deploy(champion, [rival])
    with (
        beating(client, (champion, "official"), (rival, "shadow"), failing={rival: "it is torn"}),
        pytest.warns(UserWarning, match=r"goes live without challenger default/rival@.*: it is torn"),
    ):
        pipeline.deploy(deploy_wait_s=MUCH_LATER_S)


def test_a_champion_that_is_not_warm_in_time_is_named_and_what_was_live_goes_on(
    client: Client, models: list[ModelVersion]
) -> None:
    champion, rival, _ = models
    with beating(client, (champion, "official")):
        pipeline = client.build_pipeline("late").add_model_step(champion).deploy()
        before = pipeline.status()["version"]
        with pytest.raises(DeployError, match=r"champion default/rival@.* not ready after 2 s.*goes on"):
            pipeline.replace_with_model_step(0, rival).deploy(deploy_wait_s=SOON_S)
        assert pipeline.status()["version"] == before
        assert len(pipeline.versions()) == 3


def test_a_challenger_that_is_not_warm_in_time_is_a_warning(client: Client, models: list[ModelVersion]) -> None:
    champion, rival, _ = models
    pipeline = client.build_pipeline("without").add_shadow_deploy(champion, [rival])
    with (
        beating(client, (champion, "official")),
        pytest.warns(UserWarning, match=r"goes live without challenger default/rival@") as warned,
    ):
        pipeline.deploy(deploy_wait_s=10.0)
    assert warned[0].filename == __file__
    assert pipeline.versions()[0] == pipeline.status()["version"]


def test_without_waiting_the_version_is_live_at_once(client: Client, models: list[ModelVersion]) -> None:
    pipeline = client.build_pipeline("at-once").add_model_step(models[2])
    with beating(client):
        pipeline.deploy(wait_for_status=False)
        status = pipeline.status()
    assert (status["status"], status["version"]) == ("Starting", pipeline.versions()[0])


def test_a_python_step_needs_a_host_with_permission_and_the_refusal_names_the_host(
    client: Client, models: list[ModelVersion], tmp_path: Path
) -> None:
    file = tmp_path / "step.py"
    file.write_text("def process(arrays):\n    return arrays\n")
    schema = pa.schema([("variable", pa.float32())])
    step = client.upload_model("step", file, Framework.PYTHON)
    step.configure("python", input_schema=schema, output_schema=schema)
    pipeline = client.build_pipeline("python").add_model_step(models[0]).add_model_step(step)
    with (
        beating(client, (models[0], "official")),
        pytest.raises(DeployError, match=r"the step step is Python, and host .* SPARRING_ALLOW_PYTHON=true"),
    ):
        pipeline.deploy()
    assert len(pipeline.versions()) == 1
    with beating(client, (models[0], "official"), python=True):
        pipeline.deploy()


def test_of_two_deployers_at_once_one_wins_and_the_other_is_told_whose_version_is_live(
    settings: Settings, client: Client, models: list[ModelVersion], monkeypatch: pytest.MonkeyPatch
) -> None:
    champion, rival, _ = models
    client.build_pipeline("contested")
    both_have_read = threading.Barrier(2)
    prepare = Deployment.prepare

    def together(deployment: Deployment, *, new: bool) -> None:
        both_have_read.wait(60)
        prepare(deployment, new=new)

    monkeypatch.setattr(Deployment, "prepare", together)

    def deploy(model: ModelVersion) -> str:
        with Client(settings) as mine:
            pipeline = mine.get_pipeline("contested").add_model_step(model)
            try:
                pipeline.deploy()
            except DeployError as error:
                return str(error)
            return "live"

    with (
        beating(client, (champion, "official"), (rival, "official")),
        ThreadPoolExecutor(2) as pool,
    ):
        said = sorted(pool.map(deploy, (champion, rival)))
    pipeline = client.get_pipeline("contested")
    live = str(pipeline.status()["version"])
    assert said[0] == "live"
    assert f"another client was faster, version {live}" in said[1]
    assert f"deployed by {who()}, is live" in said[1]
    assert len(pipeline.versions()) == 3


def test_a_pointer_that_replaces_what_is_no_longer_current_is_void(
    settings: Settings, client: Client, models: list[ModelVersion]
) -> None:
    with beating(client), Client(settings) as other:
        deployments = []
        for one, model in ((client, models[0]), (other, models[1])):
            one.build_pipeline("void")
            pipeline = one.get_pipeline("void").add_model_step(model)
            connection = pipeline._connection  # noqa: SLF001 (the two halves of deploy, interleaved)
            version = pipeline._draft.version(pipeline._name, connection.catalog())  # noqa: SLF001
            deployments.append(Deployment(connection, version, SOON_S))
        for deployment in deployments:
            deployment.prepare(new=True)
            deployment.offer()
        deployments[1].point()
        with pytest.raises(DeployError, match="another client was faster"):
            deployments[0].point()


def test_undeploy_takes_the_pipeline_out_of_service_and_waits_for_its_processes(client: Client, tmp_path: Path) -> None:
    champion = upload(client, tmp_path, "nobody-elses")
    with beating(client):
        with beating(client, (champion, "official")) as process, ThreadPoolExecutor(1) as pool:
            pipeline = client.build_pipeline("over").add_model_step(champion).deploy()
            undeploying = pool.submit(pipeline.undeploy)
            eventually(lambda: pipeline.status()["status"] == "Stopped", 60, "the pointer to none")
            assert not undeploying.done()
            process.stop()
            undeploying.result(60)
        with pytest.raises(RuntimeError, match="is not deployed"):
            pipeline.infer(pd.DataFrame({"tensor": [[1.0, 2.0]]}))
        assert "deployed      False" in repr(pipeline)


def test_a_lane_is_warm_when_one_process_is_and_every_one_that_serves_it() -> None:
    model = pinned("champion")
    version = pipeline_version()
    lanes: list[ModelLane] = [(model.key, "official")]

    def beat(process: str, *warm: Warm) -> Beat:
        return Beat(process, "inference", "h", 1, 0, 0, 0, model=str(model.key), lane="official", warm=warm)

    ready = Warm(str(version.pipeline), version.version)
    assert list(cold_lanes([], lanes, version)) == lanes
    assert list(cold_lanes([beat("a", ready)], lanes, version)) == []
    assert list(cold_lanes([beat("a", ready), beat("b")], lanes, version)) == lanes


KEY, VERSION = pinned("champion").key, pipeline_version(ModelStep(pinned("champion")))
LANE: ModelLane = (KEY, "official")
TORN = Failed(str(VERSION.pipeline), VERSION.version, str(KEY), "official", "it is torn")


def host(name: str, *failed: Failed, host: str = "h", offset: int = 9, python: bool = False) -> Beat:
    return Beat(name, "host", host, 1, 0, offset, 0, failed=failed, allow_python=python)


def serving(name: str, *failed: Failed, host: str = "h", offset: int = 9) -> Beat:
    return Beat(name, "inference", host, 1, 0, offset, 0, model=str(KEY), lane="official", failed=failed)


@pytest.mark.parametrize(
    "beats",
    [
        [serving("a", TORN)],
        [host("h"), serving("a", TORN)],
        [host("h", TORN)],
        [host("h", TORN), host("i", host="i"), serving("a", TORN, host="i")],
        [structs.replace(host("h"), models=("lab/*",)), serving("a", TORN)],
        [structs.replace(host("j", host="j"), models=("lab/*",)), host("h", TORN)],
    ],
    ids=["alone", "its process", "no memory", "each in its way", "other models", "another host's other models"],
)
def test_a_lane_has_failed_where_whoever_serves_it_has_and_whoever_may(beats: list[Beat]) -> None:
    assert failed_lanes(beats, [LANE], VERSION, offered=8) == {LANE: "it is torn"}


@pytest.mark.parametrize(
    "beats",
    [
        [],
        [host("h"), serving("a")],
        [host("h"), serving("a", TORN), serving("b")],
        [host("h"), serving("a", TORN), host("i", host="i")],
        [host("h"), host("i"), serving("a", TORN)],
        [host("h", TORN), host("i", host="i")],
        [host("h"), serving("a", TORN, offset=8)],
        [host("h"), serving("a", structs.replace(TORN, version="older"))],
        [host("h"), serving("a", structs.replace(TORN, lane="shadow"))],
    ],
    ids=[
        "nobody",
        "no word of it",
        "another process loads",
        "another host has not begun",
        "another host of the machine has not begun",
        "another host has memory",
        "said before the offer was read",
        "another version",
        "another lane",
    ],
)
def test_a_lane_is_waited_for_while_somebody_may_still_serve_it(beats: list[Beat]) -> None:
    assert failed_lanes(beats, [LANE], VERSION, offered=8) == {}


def test_a_host_that_may_not_run_python_is_not_waited_for_where_the_version_has_such_a_step() -> None:
    step = PinnedModel(pinned("post").model, Configuration("python"))
    version = pipeline_version(ModelStep(pinned("champion")), ModelStep(step))
    beats = [host("h", TORN, python=True), host("i", host="i")]
    assert failed_lanes(beats, [LANE], version, offered=8) == {LANE: "it is torn"}
    assert failed_lanes([*beats[:1], host("i", host="i", python=True)], [LANE], version, offered=8) == {}
