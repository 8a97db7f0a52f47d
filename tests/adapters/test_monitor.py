"""What a service shows over HTTP: metrics, whether it is live, whether it is ready and what it waits for."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator

import psutil
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from adapters.monitor import Monitor, Target
from adapters.settings import Settings
from schemas.errors import SettingError
from schemas.metrics import FRAMES, METRICS, ROUTE_SECONDS

OPEN_METRICS = "application/openmetrics-text"


@pytest.fixture
def monitor() -> Iterator[Monitor]:
    open_monitor = Monitor("127.0.0.1:0", "router")
    yield open_monitor
    open_monitor.close()


def asked(monitor: Monitor, page: str, accept: str = "*/*") -> tuple[int, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{monitor.port}{page}", headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310  # our own server
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def probed(question: str, address: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        (sys.executable, "-m", "adapters.probe", question),
        env={**os.environ, "SPARRING_METRICS": address},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


def test_unless_it_is_told_otherwise_it_listens_on_loopback_only() -> None:
    quiet = Monitor(Settings().metrics, "router")
    listening = {one.laddr.ip for one in psutil.Process().net_connections() if one.laddr.port == quiet.port}
    quiet.close()
    assert listening == {"127.0.0.1"}


def test_a_process_that_starts_is_live_and_not_ready(monitor: Monitor) -> None:
    assert asked(monitor, "/live")[0] == 200
    code, text = asked(monitor, "/ready")
    assert code == 503
    assert json.loads(text) == {"ready": False, "waits_for": ["the process to be started"]}


def test_ready_says_what_is_waited_for_until_nothing_is(monitor: Monitor) -> None:
    monitor.turned(["its share of the frames"])
    assert json.loads(asked(monitor, "/ready")[1])["waits_for"] == ["its share of the frames"]
    monitor.turned()
    assert asked(monitor, "/ready")[0] == 200


def test_a_main_loop_that_stands_still_is_neither_live_nor_ready() -> None:
    monitor = Monitor("127.0.0.1:0", "router", live_s_max=0.0)
    monitor.turned()
    assert asked(monitor, "/live")[0] == 503
    assert json.loads(asked(monitor, "/ready")[1])["waits_for"] == ["the main loop to go round"]
    monitor.close()


def test_metrics_are_open_metrics_and_only_those_of_the_table(monitor: Monitor) -> None:
    monitor.meter.add(FRAMES, outcome="routed")
    monitor.meter.observe(ROUTE_SECONDS, 0.003)
    code, text = asked(monitor, "/metrics", OPEN_METRICS)
    assert code == 200
    shown = {family.name: family for family in text_string_to_metric_families(text)}  # type: ignore[no-untyped-call]
    ours = {name for name in shown if name.startswith("sparring_")}
    assert ours == {metric.name.removesuffix("_total") for metric in METRICS if "router" in metric.of}
    (routed,) = [s for s in shown["sparring_frames"].samples if s.name == "sparring_frames_total"]
    assert (routed.labels, routed.value) == ({"outcome": "routed"}, 1.0)
    assert "process_resident_memory_bytes" in shown


def test_prometheus_own_text_is_given_to_whoever_asks_for_nothing_else(monitor: Monitor) -> None:
    assert "# EOF" not in asked(monitor, "/metrics")[1]


def test_targets_are_where_the_host_was_reached(monitor: Monitor) -> None:
    monitor.targets = [Target(4711, {"model": "default/m@1", "lane": "official"})]
    assert json.loads(asked(monitor, "/targets")[1]) == [
        {"targets": ["127.0.0.1:4711"], "labels": {"model": "default/m@1", "lane": "official"}}
    ]


def test_another_page_is_named_with_those_that_are(monitor: Monitor) -> None:
    code, text = asked(monitor, "/healthz")
    assert code == 404
    assert "expected one of /metrics, /live, /ready" in text


@pytest.mark.parametrize("address", ["9464", "127.0.0.1:", "127.0.0.1:70000", "127.0.0.1:x"])
def test_an_address_that_is_none_is_a_bad_setting(address: str) -> None:
    with pytest.raises(SettingError, match=r"SPARRING_METRICS: .*; expected host:port"):
        Monitor(address, "host")


def test_an_address_that_is_taken_is_a_bad_setting(monitor: Monitor) -> None:
    with pytest.raises(SettingError, match="Address already in use"):
        Monitor(f"127.0.0.1:{monitor.port}", "host")


def test_a_probe_says_what_is_waited_for_and_exits_with_1(monitor: Monitor) -> None:
    monitor.turned(["its share of the frames"])
    done = probed("ready", f"0.0.0.0:{monitor.port}")
    assert (done.returncode, json.loads(done.stdout)["waits_for"]) == (1, ["its share of the frames"])
    monitor.turned()
    assert probed("ready", f"127.0.0.1:{monitor.port}").returncode == 0


def test_a_probe_of_nobody_exits_with_1_and_a_wrong_one_with_2(monitor: Monitor) -> None:
    monitor.close()
    assert "nobody answers" in probed("live", f"127.0.0.1:{monitor.port}").stdout
    wrong = probed("ready", "127.0.0.1:0")
    assert wrong.returncode == 2
    assert "expected live or ready, and host:port" in wrong.stderr


def test_a_process_that_was_told_to_stop_is_not_ready(monitor: Monitor) -> None:
    monitor.turned()
    monitor.stopping.set()
    assert json.loads(asked(monitor, "/ready")[1])["waits_for"] == ["its end: it was told to stop"]
    assert asked(monitor, "/live")[0] == 200


def test_a_counter_of_a_closed_set_begins_at_0(monitor: Monitor) -> None:
    monitor.meter.add(FRAMES, 0, outcome="routed")
    assert 'sparring_frames_total{outcome="routed"} 0.0' in asked(monitor, "/metrics")[1]
