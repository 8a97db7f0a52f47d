"""A whole system over TLS, with a user and the least rights per part: everything works, and nobody may do more."""

import gc
import json
import logging
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pyarrow as pa
import pytest
import redis
import trustme
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import TopicAuthorizationFailedError

from adapters.redis import AnswerIndex
from adapters.settings import Settings
from schemas.errors import RetryLater
from sparring import Client, Framework, Pipeline, cli
from sparring.cli.exits import FAILED, OK
from sparring.dataset import open_dataset
from sparring.stack import ports, services
from sparring.stack.process import Process
from sparring.stack.services import PresenceCheck
from tests.secured import NAMESPACE, Secured, run, secured
from tests.small_models import scaling_model
from tests.waiting import eventually

# kafka-python leaves the sockets of refused connections to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:.*ocket:pytest.PytestUnraisableExceptionWarning")

SERVICES = ("router", "host", "indexer")
ALSO_HERE = "127.1"
"""The same address, by a name that no certificate here is made for."""
FRAME = b'[{"tensor": [1.0, 2.0]}]'


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with secured(tmp_path_factory.mktemp("secured")) as running:
        yield running
    del running
    gc.collect()  # here, and not in somebody else's test


@pytest.fixture(scope="module")
def processes(place: Secured) -> Iterator[list[Process]]:
    with ExitStack() as running:
        started = []
        for name in SERVICES:
            process = run(services.command(name, place.environment(name), place.folder), place.folder)
            running.callback(process.end)
            started.append(process)
        with closing(PresenceCheck(place.brokers("host"), NAMESPACE)) as beats:
            eventually(lambda: beats.all_alive(started), 60, "the services to say that they live")
        yield started


@pytest.fixture(scope="module")
def deployed(place: Secured, processes: list[Process], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A shadow deploy, made by the scientist."""
    assert processes
    folder = tmp_path_factory.mktemp("models")
    with Client(place.settings("scientist")) as client:
        models = []
        for number in range(2):
            path = folder / f"times-{number}.onnx"
            path.write_bytes(scaling_model(2.0 + number))
            models.append(client.upload_model(f"times-{number}", path, framework=Framework.ONNX).configure("onnx"))
        yield client.build_pipeline("secured").add_shadow_deploy(models[0], [models[1]]).deploy()


def _challenger(pipeline: Pipeline) -> list[object]:
    logged = pipeline.logs(arrow=True)
    column = "out_times-1.y"
    return [*logged[column].to_pylist()] if column in logged.column_names else []


def _producer(place: Secured, role: str) -> KafkaProducer:
    return KafkaProducer(**place.brokers(role).kafka_python(), acks="all", max_block_ms=10_000)


def _ends(place: Secured) -> dict[TopicPartition, int]:
    """Where each topic ends, but for those on which services say that they live."""
    with closing(KafkaConsumer(**place.brokers("admin").kafka_python())) as consumer:
        topics = [name for name in consumer.topics() if not name.endswith(".presence")]
        partitions = [TopicPartition(name, one) for name in topics for one in consumer.partitions_for_topic(name) or ()]
        ends: dict[TopicPartition, int] = consumer.end_offsets(partitions)
        return ends


def _groups(place: Secured) -> set[str]:
    with closing(KafkaAdminClient(**place.brokers("admin").kafka_python())) as admin:
        return {group["group_id"] for group in admin.list_groups()}


def test_a_frame_is_answered_and_its_challenger_recorded(deployed: Pipeline) -> None:
    answered = deployed.infer(pa.table({"tensor": [[1.0, 2.0]]}))
    assert answered["out.y"].to_pylist() == [[2.0, 4.0]]
    assert eventually(lambda: _challenger(deployed), 60, "the challenger's answer") == [[3.0, 6.0]]


def test_a_camera_sends_and_a_backend_reads_with_their_own_users(place: Secured, deployed: Pipeline) -> None:
    headers = [("pipeline", deployed.name().encode()), ("request-id", b"camera-frame")]
    with closing(_producer(place, "producer")) as camera:
        camera.send(f"{NAMESPACE}.frames", FRAME, headers=headers).get(timeout=20)
    backend = KafkaConsumer(
        f"{NAMESPACE}.results", **place.brokers("reader").kafka_python(), group_id="reader.one",
        auto_offset_reset="earliest",
    )  # fmt: skip
    with closing(backend):
        came: set[bytes] = set()

        def arrived() -> bool:
            for records in backend.poll(timeout_ms=500).values():
                came.update(dict(record.headers)["request-id"] for record in records)
            return b"camera-frame" in came

        eventually(arrived, 60, "the answer")


@pytest.mark.parametrize(
    ("role", "topic"),
    [
        ("producer", "results"),
        ("producer", "catalog"),
        ("reader", "frames"),
        ("router", "catalog"),
        ("host", "frames"),
        ("indexer", "results"),
        ("scientist", "results"),
    ],
)
def test_nobody_writes_where_only_others_may(place: Secured, role: str, topic: str) -> None:
    with closing(_producer(place, role)) as producer, pytest.raises(TopicAuthorizationFailedError):
        producer.send(f"{NAMESPACE}.{topic}", b"forged").get(timeout=20)


def test_a_producer_cannot_read_answers(place: Secured) -> None:
    consumer = KafkaConsumer(**place.brokers("producer").kafka_python())
    with closing(consumer), pytest.raises(TopicAuthorizationFailedError):
        consumer.end_offsets([TopicPartition(f"{NAMESPACE}.results", 0)], timeout_ms=20_000)


def test_only_the_indexer_writes_to_the_index(place: Secured) -> None:
    with (
        closing(redis.Redis.from_url(place.settings("scientist").redis)) as index,
        pytest.raises(redis.exceptions.NoPermissionError),
    ):
        index.set(f"{NAMESPACE}:request:1", "forged")


def test_whoever_replays_needs_the_documented_rights_writes_nothing_official_and_leaves_nothing(
    place: Secured, deployed: Pipeline, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    answered = deployed.infer(pa.table({"tensor": [[3.0, 4.0]]}))
    assert answered["out.y"].to_pylist() == [[6.0, 8.0]]
    before = _ends(place), _groups(place)

    def typed(role: str) -> tuple[int, str]:
        arguments = ("replay", "--from", "1h", "--pipeline", deployed.name(), "--out", str(tmp_path / role))
        with pytest.MonkeyPatch.context() as environment:
            for name, value in place.environment(role).items():
                environment.setenv(name, value)
            return cli.main(arguments), capsys.readouterr().err

    code, said = typed("scientist")
    assert (code, "may not create the topic sparring-replay-" in said, "docs/security.md" in said) == (
        FAILED,
        True,
        True,
    )
    code, said = typed("replayer")
    assert code == OK, said
    rows = open_dataset(tmp_path / "replayer").to_table(columns=["role", "out.y", "status"]).to_pylist()
    assert {"role": "champion", "out.y": [6.0, 8.0], "status": "ok"} in rows
    assert {"role": "challenger", "out.y": [9.0, 12.0], "status": "ok"} in rows
    # Kafka deletes a topic and tells of it a little later.
    eventually(lambda: (_ends(place), _groups(place)) == before, 60, "nothing to be left of the replay")


def test_whoever_keeps_topics_prunes_with_the_documented_rights_and_a_scientist_may_not(
    place: Secured, processes: list[Process], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert processes
    (tmp_path / "left.onnx").write_bytes(scaling_model(2.0))
    with Client(place.settings("scientist")) as client:
        model = client.upload_model("left", tmp_path / "left.onnx").configure("onnx")
        client.build_pipeline("left").add_model_step(model).deploy().undeploy()
    topic = f"{NAMESPACE}.work.default.left.{model.version()}"

    def pruned(role: str, *arguments: str) -> tuple[int, dict[str, tuple[str, bool]], str]:
        with pytest.MonkeyPatch.context() as environment:
            for name, value in place.environment(role).items():
                environment.setenv(name, value)
            code = cli.main(("topics", "prune", "--unused-for", "0s", "--json", *arguments))
        said = capsys.readouterr()
        return code, {one["topic"]: (one["verdict"], one["deleted"]) for one in json.loads(said.out or "[]")}, said.err

    eventually(lambda: pruned("keeper", "--dry-run")[1][topic] == ("unused", False), 60, "its process to end")
    code, _, said = pruned("scientist")
    assert (code, "docs/security.md" in said) == (FAILED, True), said
    code, judged, said = pruned("keeper")
    assert (code, judged[topic]) == (OK, ("unused", True)), said
    assert topic not in {one.topic for one in _ends(place)}


def test_another_password_is_refused_in_one_line_that_does_not_show_it(place: Secured) -> None:
    wrong = "not-this-one"
    settings = Settings.read({**place.environment("scientist"), "SPARRING_KAFKA_PASSWORD": wrong})
    with pytest.raises(ConnectionError) as refused:
        Client(settings)
    assert wrong not in str(refused.value)
    assert "scientist" in str(refused.value)


def test_a_broker_of_another_authority_is_not_believed(place: Secured, tmp_path: Path) -> None:
    other = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(other)
    settings = Settings.read({**place.environment("scientist"), "SPARRING_KAFKA_CA": str(other)})
    with pytest.raises(ConnectionError, match=r"(?i)certificate"):
        Client(settings)


def test_an_index_of_another_authority_is_not_believed(place: Secured, tmp_path: Path) -> None:
    other = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(other)
    foreign = place.settings("scientist").redis.replace(place.ca, str(other))
    with closing(AnswerIndex(foreign, NAMESPACE)) as index, pytest.raises(RetryLater, match=r"(?i)certificate"):
        index.mark("anyone")


def test_a_certificate_of_another_name_is_not_believed(place: Secured) -> None:
    environment = place.environment("scientist")
    elsewhere = {
        name: environment[name].replace(ports.HOST, ALSO_HERE) for name in ("SPARRING_KAFKA", "SPARRING_REDIS")
    }
    settings = Settings.read(environment | elsewhere)
    with pytest.raises(ConnectionError, match=r"(?i)certificate"):
        Client(settings)
    with closing(AnswerIndex(settings.redis, NAMESPACE)) as index, pytest.raises(RetryLater, match=r"(?i)certificate"):
        index.mark("anyone")


def test_secrets_are_in_no_log_no_beat_and_on_no_page_and_frames_are_on_none(
    place: Secured, deployed: Pipeline, processes: list[Process], caplog: pytest.LogCaptureFixture
) -> None:
    said = "said-by-a-camera"
    frame = json.dumps([{"tensor": [4.0, 5.0], "note": said}]).encode()
    with closing(_producer(place, "producer")) as camera:
        headers = [("pipeline", deployed.name().encode()), ("shop", said.encode())]
        camera.send(f"{NAMESPACE}.frames", frame, headers=headers).get(timeout=20)
    eventually(lambda: [8.0, 10.0] in deployed.logs(arrow=True)["out.y"].to_pylist(), 60, "the answer")
    with caplog.at_level(logging.DEBUG, "kafka"), Client(place.settings("scientist")) as client:
        assert client._connection.broker.topic_id(f"{NAMESPACE}.frames")  # noqa: SLF001  # by the admin client
        # Those of the replay, which has its own users' rights, have gone.
        alive = eventually(client._connection.follower.alive, 60, "beats")  # noqa: SLF001
    pages = [_page(beat.metrics_port, path) for beat in alive for path in ("/metrics", "/ready", "/live")]
    assert len(pages) >= 3 * len(SERVICES)
    logs = [process.log.read_text() for process in processes]
    shown = [repr(place.settings(role)) + repr(place.brokers(role)) for role in place.passwords]
    everything = "\n".join([*shown, *logs, *pages, caplog.text, repr(alive)])
    assert "kafka" in caplog.text
    assert [role for role, password in place.passwords.items() if password in everything] == []
    assert said not in "\n".join([*logs, *pages, repr(alive)])


def _page(port: int, path: str) -> str:
    try:
        with urllib.request.urlopen(f"http://{ports.HOST}:{port}{path}", timeout=20) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:  # not ready is an answer
        return error.read().decode()
