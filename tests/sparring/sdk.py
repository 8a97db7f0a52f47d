"""What the SDK's tests share: small ONNX files, a namespace of their own, and processes that only beat."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx
from kafka.admin import KafkaAdminClient
from onnx import TensorProto, helper

from adapters.catalog import CatalogReader
from adapters.kafka import now_ms
from adapters.presence import Heart
from adapters.settings import Settings
from schemas.presence import Kind, Warm
from schemas.topics import Lane
from sparring import Client, ModelVersion
from sparring.stack import LocalStack
from sparring.stack.topics import create_fixed_topics


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


class Beating:
    """A router, a host, and model processes that are warm for all that is wanted: they only beat."""

    def __init__(
        self, settings: Settings, warm: tuple[tuple[ModelVersion, Lane], ...], *, python: bool
    ) -> None:
        self._settings = settings
        self._warm = warm
        self._python = python
        self._catalog = CatalogReader(settings.kafka, settings.topics.catalog)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(20)
        self._catalog.close()

    def _run(self) -> None:
        router, host = self._heart("router"), self._heart("host")
        processes = [(self._heart("inference"), model, lane) for model, lane in self._warm]
        while not self._stopping.wait(0.05):
            self._catalog.refresh()
            catalog = self._catalog.catalog
            wanted = tuple(Warm(str(one.pipeline), one.version) for one in catalog.wanted(now_ms()))
            router.beat(catalog_offset=catalog.offset)
            host.beat(catalog_offset=catalog.offset, allow_python=self._python)
            for heart, model, lane in processes:
                heart.beat(model=str(model.key()), lane=lane, warm=wanted, catalog_offset=catalog.offset)
        for heart in (router, host, *(heart for heart, _, _ in processes)):
            heart.stop()

    def _heart(self, kind: Kind) -> Heart:
        return Heart(self._settings.kafka, self._settings.topics.presence, kind)


@contextmanager
def beating(settings: Settings, *warm: tuple[ModelVersion, Lane], python: bool = False) -> Iterator[Beating]:
    """Processes that beat while the block runs; the SDK sees them as a living system."""
    processes = Beating(settings, warm, python=python)
    try:
        yield processes
    finally:
        processes.stop()
