"""`sparring topics prune`, as typed: what nobody needs is gone, what is needed goes on, what comes back answers."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kafka.admin import KafkaAdminClient

from adapters.brokers import Brokers
from adapters.settings import Settings
from schemas.names import ModelKey
from schemas.topics import work_topic
from sparring import Client, ModelVersion
from sparring.kafka.broker import Broker
from sparring.stack import LocalStack
from tests.conftest import PATIENT
from tests.freezing import frozen
from tests.journeys.typed import Said, printed
from tests.journeys.wire import Wire
from tests.small_models import scaling_model
from tests.waiting import eventually

TABLE = pd.DataFrame({"tensor": [[1.0, 2.0]]})
FRAME = b'[{"tensor": [1, 2]}]'


@pytest.fixture(scope="module")
def own(broker: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack whose topics no other test needs."""
    data = tmp_path_factory.mktemp("pruned")
    with LocalStack(data, on=broker, namespace="pruned", environment=PATIENT) as running:
        yield running


@pytest.fixture(autouse=True)
def here(own: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment says where it is, as in a terminal."""
    for name, value in own.environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def client(own: LocalStack) -> Iterator[Client]:
    with Client(Settings.read(own.environment())) as connected:
        yield connected


@pytest.fixture(scope="module")
def wire(own: LocalStack) -> Iterator[Wire]:
    with Wire(own) as open_wire:
        yield open_wire


def names(own: LocalStack) -> tuple[set[str], set[str]]:
    """Topics and groups of models."""
    with closing(KafkaAdminClient(bootstrap_servers=own.kafka)) as admin:
        topics, groups = admin.list_topics(), [group["group_id"] for group in admin.list_groups()]
    of_models = ("pruned.work.", "pruned.shadow.")
    return {name for name in topics if name.startswith(of_models)}, {n for n in groups if n.startswith(of_models)}


def pruned(capsys: Said, *arguments: str) -> dict[str, dict[str, Any]]:
    """By topic, what became of it. Without a time: whatever is not needed now."""
    said = json.loads(printed(capsys, "topics", "prune", "--unused-for", "0s", "--json", *arguments))
    return {one["topic"]: one for one in said}


def until_unread(capsys: Said, topic: str) -> None:
    def is_unused() -> bool:
        return bool(pruned(capsys, "--dry-run")[topic]["verdict"] == "unused")

    eventually(is_unused, 60, f"the process of {topic} to end")


def upload(client: Client, folder: Path, name: str, factor: float) -> ModelVersion:
    path = folder / f"{name}.onnx"
    path.write_bytes(scaling_model(factor))
    return client.upload_model(name, path).configure("onnx")


def test_what_no_version_needs_is_pruned_and_a_rollback_makes_it_anew_and_is_answered(
    own: LocalStack, client: Client, wire: Wire, tmp_path: Path, capsys: Said
) -> None:
    first, second, rival = (upload(client, tmp_path, name, 2.0 + n) for n, name in enumerate(("a", "b", "rival")))
    pipeline = client.build_pipeline("shop").add_shadow_deploy(first, [rival]).deploy()
    assert pipeline.infer(TABLE)["out.y"].tolist() == [[2, 4]]
    earlier, router = pipeline.status()["version"], own.process("router")
    work, shadow = f"pruned.work.default.a.{first.version()}", f"pruned.shadow.default.rival.{rival.version()}"
    needed = f"pruned.work.default.b.{second.version()}"
    pipeline.clear().add_model_step(second).deploy()
    for topic in (work, shadow):
        until_unread(capsys, topic)
    assert names(own) == ({work, shadow, needed}, {work, shadow, needed}), "a dry run deletes nothing"
    assert pruned(capsys, "--unused-for", "1h")[work]["verdict"] == "needed lately"
    assert {topic: (one["verdict"], one["deleted"]) for topic, one in pruned(capsys).items()} == {
        work: ("unused", True),
        shadow: ("unused", True),
        needed: ("needed", False),
    }
    assert names(own) == ({needed}, {needed})
    assert pipeline.infer(TABLE)["out.y"].tolist() == [[3, 6]]

    pipeline.rollback(earlier)
    assert names(own)[0] == {work, shadow, needed}
    ids = [wire.send("shop", FRAME, key=f"camera-{number}".encode()) for number in range(40)]
    assert {(one.status, one.model, one.parts) for one in wire.answers(ids).values()} == {("ok", "a", 1)}
    assert {one.status for some in wire.challengers(ids).values() for one in some} == {"ok"}
    assert own.process("router") == router, "a router that ran all the while"


def test_what_nobody_answered_and_what_the_catalog_does_not_know_is_kept_and_said(
    own: LocalStack, client: Client, tmp_path: Path, capsys: Said
) -> None:
    left = upload(client, tmp_path, "left", 2.0)
    client.build_pipeline("left").add_model_step(left).deploy().undeploy()
    topic, stranger = f"pruned.work.default.left.{left.version()}", "pruned.work.default.stranger.v1"
    until_unread(capsys, topic)
    with Broker(Brokers(own.kafka)) as broker:
        broker.create([work_topic("pruned", ModelKey("default", "stranger", "v1"), "official")])
        with frozen(own.process("host")):  # which would have them answered
            for _ in range(3):
                broker.send(topic, FRAME)
            found = pruned(capsys)
    assert (found[topic]["verdict"], found[topic]["unanswered"], found[topic]["deleted"]) == ("unanswered", 3, False)
    assert (found[stranger]["verdict"], found[stranger]["deleted"]) == ("unknown", False)
    assert {topic, stranger} <= names(own)[0]
    lines = {line.split()[0]: line.rstrip() for line in printed(capsys, "topics", "prune").splitlines()}
    assert lines[topic].endswith("kept: needed lately")
    assert lines[stranger].endswith("kept: not in the catalog")
