"""Traces are off unless a collector is named; one that is silent holds nobody up."""

import socket
import subprocess
import sys
import time

import pytest

from adapters.traces import CLOSE_S_MAX, Traces
from schemas.errors import SettingError


def test_off_nothing_of_opentelemetry_is_imported_and_the_context_passes_through() -> None:
    program = (
        "import sys; from adapters.traces import Traces; traces = Traces('', 'router'); "
        "span = traces.start('route', '00-a-b-01'); span.end(); traces.close(); "
        "print(span.traceparent, any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["00-a-b-01", "False"]


@pytest.mark.parametrize("url", ["collector:4317", "127.0.0.1", "grpc://x:1", "http://"])
def test_a_url_that_is_none_is_a_bad_setting(url: str) -> None:
    with pytest.raises(SettingError, match=r"SPARRING_TRACES: .*; expected a URL such as"):
        Traces(url, "router")


def test_a_collector_that_never_answers_costs_spans_and_no_more_time_than_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        traces = Traces(f"http://127.0.0.1:{silent.getsockname()[1]}", "router")
        for _ in range(2000):
            traces.start("route", None).end()
        begun_s = time.monotonic()
        traces.close()
        assert time.monotonic() - begun_s < CLOSE_S_MAX + 5, "the exporter alone would wait for ten seconds"
