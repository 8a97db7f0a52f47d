"""The ledger proves itself: on a right build nothing is missing; builds that are wrong on purpose are found out."""

import os
import signal
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from adapters.clock import now_ms
from adapters.settings import Settings
from sparring import Client, Framework, Pipeline
from sparring.ledger.account import LedgerReport
from sparring.ledger.read import verify
from sparring.stack import LocalStack
from tests.conftest import PATIENT
from tests.freezing import freeze
from tests.journeys.wire import Wire
from tests.small_models import scaling_model
from tests.waiting import eventually

BROKEN = Path(__file__).resolve().parent / "broken"
GOOD = b'[{"tensor": [0, 1]}]'
CAMERAS = 16
"""Keys enough that each partition has frames."""


@pytest.mark.parametrize(
    ("build", "found"),
    [
        ("right", set()),
        ("commits before delivery", {"missing answer"}),
        ("drops a shadow's error", {"missing challenger"}),
        ("starts new groups at the latest offset", {"missing answer"}),
    ],
)
def test_the_ledger_tells_builds_apart(broker: LocalStack, tmp_path: Path, build: str, found: set[str]) -> None:
    namespace = "-".join(["broken", *build.replace("'", "").split()])
    environment = {"PYTHONPATH": str(BROKEN), "BROKEN": build, **PATIENT}
    with (
        LocalStack(tmp_path, on=broker, namespace=namespace, environment=environment) as stack,
        Client(Settings.read(stack.environment())) as client,
        Wire(stack) as wire,
    ):
        pipeline = _shadow_deploy(client, tmp_path)
        since = now_ms()
        _send_while_the_router_is_down(stack, wire, pipeline)
        # Each camera's last frame is answered: what it sent before and has no answer by now never will have one.
        last = eventually(lambda: _answered_round(wire, pipeline), 120, "a frame of each camera to be answered")
        wire.challengers(last)

        def account() -> LedgerReport:
            return verify(client._connection, since, now_ms(), index=False)  # noqa: SLF001 (as the command line does)

        # Dead letters and challengers' answers of other cameras may still come. What is lost stays lost.
        eventually(lambda: {one.kind for one in account().findings} == found, 60, f"the account to find {found}")
        assert account().counts["frames"] >= 3 * CAMERAS


def _shadow_deploy(client: Client, folder: Path) -> Pipeline:
    models = []
    for number in range(2):
        path = folder / f"times-{number}.onnx"
        path.write_bytes(scaling_model(2.0 + number))
        models.append(client.upload_model(f"times-{number}", path, framework=Framework.ONNX).configure("onnx"))
    return client.build_pipeline("proof").add_shadow_deploy(models[0], [models[1]]).deploy()


def _send_while_the_router_is_down(stack: LocalStack, wire: Wire, pipeline: Pipeline) -> None:
    """Good frames and bad ones, while a router that has committed nothing yet stands still and is then killed."""
    router = stack.process("router")
    freeze(router)
    for one in range(CAMERAS):
        wire.send(pipeline.name(), GOOD, key=_camera(one))
        wire.send(pipeline.name(), b"no json", key=_camera(one))
    wire.flush()
    os.kill(router, signal.SIGKILL)
    eventually(lambda: not psutil.pid_exists(router), 60, "the router to end")


def _answered_round(wire: Wire, pipeline: Pipeline) -> list[str]:
    """One more frame of each camera; empty where a router that was not back yet has lost one of them."""
    sent = [wire.send(pipeline.name(), GOOD, key=_camera(one)) for one in range(CAMERAS)]
    with suppress(AssertionError):
        wire.answers(sent, within_s=5.0)
        return sent
    return []


def _camera(number: int) -> bytes:
    return b"camera-%d" % number
