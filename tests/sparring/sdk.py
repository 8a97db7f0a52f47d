"""What the SDK's tests share: small ONNX files, a fresh namespace, processes that only beat or answer."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from kafka.admin import KafkaAdminClient
from onnx import TensorProto, helper

from adapters.catalog import CatalogReader
from adapters.clock import now_ms
from adapters.kafka.group_consumer import GroupConsumer
from adapters.presence import Heartbeat
from adapters.redis import AnswerIndex
from adapters.settings import Settings
from schemas.errors import RetryLater
from schemas.frames import Frame, Origin
from schemas.names import Lane
from schemas.pipelines import PipelineVersion
from schemas.presence import Failed, ProcessKind, Warm
from schemas.results import Answer
from schemas.tables.read import encode_rows
from sparring import Client, ModelVersion
from sparring.stack import LocalStack
from sparring.stack.services import create_fixed_topics
from tests.waiting import eventually


def write_model(folder: Path, input_name: str = "tensor", output_name: str = "variable") -> Path:
    """An ONNX file that returns its input, float32 [n, 2]; another name makes other bytes."""
    inputs = [helper.make_tensor_value_info(input_name, TensorProto.FLOAT, ["n", 2])]
    outputs = [helper.make_tensor_value_info(output_name, TensorProto.FLOAT, ["n", 2])]
    node = helper.make_node("Identity", [input_name], [output_name])
    graph = helper.make_graph([node], "same", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = folder / f"{input_name}-{output_name}.onnx"
    onnx.save(model, path)
    return path


def fresh_settings(broker: LocalStack, namespace: str) -> Settings:
    """The broker's addresses with a namespace of its own, its topics created."""
    admin = KafkaAdminClient(bootstrap_servers=broker.kafka)
    try:
        create_fixed_topics(admin, namespace)
    finally:
        admin.close()
    return Settings(kafka=broker.kafka, redis=broker.redis, store=broker.store, namespace=namespace)


def upload(client: Client, folder: Path, name: str, output_name: str = "variable") -> ModelVersion:
    """A small model, uploaded."""
    return client.upload_model(name, write_model(folder, output_name=output_name))


def named(model: ModelVersion) -> dict[str, str]:
    """A model as `steps()` prints it."""
    return {"name": model.name(), "version": model.version(), "sha": model.sha()}


class Beating:
    """A router, a host, and model processes that are warm for all that is wanted: they only beat."""

    def __init__(
        self,
        settings: Settings,
        warm: tuple[tuple[ModelVersion, Lane], ...],
        failing: Mapping[ModelVersion, str],
        *,
        python: bool,
    ) -> None:
        self._catalog = CatalogReader(settings.brokers, settings.topics.catalog)
        self._python = python
        self._failing = failing
        self._router, self._host = self._heart(settings, "router"), self._heart(settings, "host")
        self._processes = [(self._heart(settings, "inference"), model, lane) for model, lane in warm]
        self.names = {heart.process for heart in self._hearts()}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(20)

    def _run(self) -> None:
        while not self._stopping.wait(0.05):
            with suppress(RetryLater):  # a broker that stands still for a while: services go on as well
                self._catalog.refresh()
            catalog = self._catalog.catalog
            wanted = tuple(Warm(str(one.pipeline), one.version) for one in catalog.wanted(now_ms()))
            self._router.beat(catalog_offset=catalog.offset)
            self._host.beat(catalog_offset=catalog.offset, allow_python=self._python)
            for heart, model, lane in self._processes:
                key = str(model.key())
                if why := self._failing.get(model):
                    failed = tuple(Failed(one.pipeline, one.version, key, lane, why) for one in wanted)
                    heart.beat(model=key, lane=lane, failed=failed, catalog_offset=catalog.offset)
                else:
                    heart.beat(model=key, lane=lane, warm=wanted, catalog_offset=catalog.offset)
        for heart in self._hearts():
            heart.stop()
        self._catalog.close()

    def _hearts(self) -> list[Heartbeat]:
        return [self._router, self._host, *(heart for heart, _, _ in self._processes)]

    @staticmethod
    def _heart(settings: Settings, kind: ProcessKind) -> Heartbeat:
        return Heartbeat(settings.brokers, settings.topics.presence, kind)


@contextmanager
def beating(
    client: Client,
    *warm: tuple[ModelVersion, Lane],
    python: bool = False,
    failing: Mapping[ModelVersion, str] | None = None,
) -> Iterator[Beating]:
    """Processes that beat while the block runs; the client sees them, and them alone, as a living system. failing: of
    these models they say that no version can be loaded, and why."""
    connection = client._connection  # noqa: SLF001 (presence as the SDK sees it)
    processes = Beating(connection.settings, warm, failing or {}, python=python)

    def seen() -> set[str]:
        return processes.names & {beat.process for beat in connection.follower.alive()}

    try:
        eventually(lambda: seen() == processes.names, 60, "the processes to be seen alive")
        yield processes
    finally:
        processes.stop()
        eventually(lambda: not seen(), 60, "the processes to be seen gone")


class Answering:
    """Reads the frames as they are sent and writes what `answer` makes of each into the index."""

    def __init__(self, settings: Settings, answer: Callable[[Frame], list[Answer]]) -> None:
        self._answer = answer
        self._consumer = GroupConsumer(settings.brokers, f"{settings.namespace}.answering", [settings.topics.frames])
        self._index = AnswerIndex(settings.redis, settings.namespace)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def joined(self) -> bool:
        """Whether it reads."""
        return self._consumer.joined

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(20)

    def _run(self) -> None:
        while not self._stopping.is_set():
            for record in self._consumer.read(10, 0.1):
                origin = Origin(record.topic, record.partition, record.offset)
                headers = tuple(record.headers)
                frame = Frame(record.key, record.value or b"", headers, origin, record.timestamp, "topic")
                self._index.write(self._answer(frame))
                self._consumer.commit({record.place: record.offset + 1})
        self._consumer.close()
        self._index.close()


@contextmanager
def answering(settings: Settings, answer: Callable[[Frame], list[Answer]]) -> Iterator[None]:
    """Every frame that is sent while the block runs is answered by `answer`."""
    answers = Answering(settings, answer)
    try:
        eventually(lambda: answers.joined, 60, "the answering process to have its partitions")
        yield
    finally:
        answers.stop()


def answer_to(frame: Frame, version: PipelineVersion, model: ModelVersion, number: float, **more: Any) -> Answer:
    """One model's answer: one row, `variable` with one number; `more` overrides fields of Answer."""
    fields: dict[str, Any] = {
        "key": b"",
        "value": encode_rows({"variable": [np.array([number], np.float32)]}),
        "request_id": frame.request_id,
        "status": "ok",
        "pipeline": str(frame.pipeline),
        "frame": str(frame.origin),
        "frame_digest": "",
        "published_at": now_ms(),
        "pipeline_version": version.version,
        "role": "champion",
        "model": model.name(),
        "model_version": model.version(),
        "model_sha256": model.sha(),
    }
    return Answer(**{**fields, **more})
