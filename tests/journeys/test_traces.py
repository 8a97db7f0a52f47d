"""Traces: a frame's spans from hop to hop, at a collector that speaks OTLP over HTTP."""

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from adapters.settings import Settings
from sparring import Client, ModelVersion
from sparring.stack import LocalStack
from tests.journeys.wire import Wire
from tests.small_models import scaling_model
from tests.waiting import eventually

TRACE = "0af7651916cd43dd8448eb211c80319c"
CAMERA = f"00-{TRACE}-b7ad6b7169203331-01"


class Collector(ThreadingHTTPServer):
    """Keeps every span that it is sent, with the name of the service that sent it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Receiver)
        self.spans: list[tuple[str, Any]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def of_trace(self, trace: str) -> dict[str, Any]:
        return {span.name: span for _, span in self.spans if span.trace_id.hex() == trace}


class _Receiver(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            (service,) = [a.value.string_value for a in group.resource.attributes if a.key == "service.name"]
            self.server.spans += [(service, span) for scope in group.scope_spans for span in scope.spans]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class calls it so
        """Quiet."""


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def traced(broker: LocalStack, collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Spans are sent every 100 ms: OpenTelemetry's own variable."""
    environment = {"SPARRING_TRACES": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    data = tmp_path_factory.mktemp("traced")
    with LocalStack(data, on=broker, namespace="traced", environment=environment) as running:
        yield running


@pytest.fixture(scope="module")
def shop(traced: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A pipeline whose model answers up to eight requests together."""
    path: Path = tmp_path_factory.mktemp("model") / "double.onnx"
    path.write_bytes(scaling_model(2.0))
    with Client(Settings.read(traced.environment())) as client:
        model: ModelVersion = client.upload_model("double", path)
        model = model.configure("onnx", batch_rows_max=8, batch_wait_ms_max=500.0)
        client.build_pipeline("shop").add_model_step(model).deploy()
        yield "shop"


def test_a_cameras_trace_goes_on_through_every_hop(traced: LocalStack, shop: str, collector: Collector) -> None:
    with Wire(traced) as wire:
        answer = wire.answer(wire.send(shop, b'[{"tensor": [1, 2]}]', headers=[("traceparent", CAMERA.encode())]))
    names = {"route", "answer", "queue", "decode", "infer", "publish"}
    eventually(lambda: names <= set(collector.of_trace(TRACE)), 60, "the spans of six names")
    spans = collector.of_trace(TRACE)
    assert spans["route"].parent_span_id.hex() == "b7ad6b7169203331"
    assert spans["answer"].parent_span_id == spans["route"].span_id
    for name in ("queue", "decode", "infer", "publish"):
        assert spans[name].parent_span_id == spans["answer"].span_id, name
        assert spans[name].end_time_unix_nano >= spans[name].start_time_unix_nano, name
    services = {service for service, span in collector.spans if span.trace_id.hex() == TRACE}
    assert services == {"sparring-router", "sparring-inference"}
    attributes = {one.key: one.value.string_value for one in spans["answer"].attributes}
    assert attributes["request_id"] == answer.request_id
    # Whoever reads the answer goes on where its publication is.
    assert answer.traceparent == f"00-{TRACE}-{spans['publish'].span_id.hex()}-01"


def test_a_batch_has_a_span_of_its_own_linked_with_its_members(
    traced: LocalStack, shop: str, collector: Collector
) -> None:
    with Wire(traced) as wire:
        wire.answers([wire.send(shop, b'[{"tensor": [1, 2]}]', key=b"one") for _ in range(16)])

    def batches() -> list[Any]:
        return [span for _, span in collector.spans if span.name == "batch" and len(span.links) > 1]

    eventually(lambda: bool(batches()), 60, "a batch of several requests")
    batch = batches()[0]
    linked = {link.span_id for link in batch.links}
    eventually(
        lambda: linked <= {span.span_id for _, span in collector.spans if span.name == "answer"}, 60, "its members"
    )


def test_a_refused_frame_has_a_failed_span_and_its_answer_the_context(
    traced: LocalStack, shop: str, collector: Collector
) -> None:
    trace = "1af7651916cd43dd8448eb211c80319c"
    header = f"00-{trace}-b7ad6b7169203331-01".encode()
    assert shop
    with Wire(traced) as wire:
        answer = wire.answer(wire.send("nobody", b"[]", headers=[("traceparent", header)]))
    eventually(lambda: "route" in collector.of_trace(trace), 60, "the route's span")
    route = collector.of_trace(trace)["route"]
    assert route.status.message == "UnknownPipeline"
    assert answer.traceparent == f"00-{trace}-{route.span_id.hex()}-01"
