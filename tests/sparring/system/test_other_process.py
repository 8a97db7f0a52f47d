"""A client in another process than the one that made it: refused at once, and the parent's goes on."""

import json
import os
import pickle
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest

from sparring import Client
from sparring.kafka.owner import Owner
from sparring.object import OtherProcessError
from sparring.stack import LocalStack
from tests.sparring.sdk import fresh_settings

_ENDED_S_MAX: Final = 60
_numbers = count(1)

FORKS: Final = """
import gc, json, os, sys, time
import pandas as pd
from sparring import Client
from sparring.object import OtherProcessError

client = Client()
pipeline = client.build_pipeline("forked")
recorded, followed = client.results(), client.results(follow=True)
said, says = os.pipe()
child = os.fork()
if child == 0:
    def outcome(call):
        began_s = time.monotonic()
        try:
            call()
        except OtherProcessError as error:
            came = str(error)
        else:
            came = "ended"
        return came if time.monotonic() - began_s < 5 else f"{came}, late"
    calls = {
        "infer": lambda: pipeline.infer(pd.DataFrame({"x": [1.0]}), timeout=30),
        "deploy": pipeline.deploy,
        "logs": pipeline.logs,
        "status": pipeline.status,
        "pipelines": client.pipelines,
        "build_pipeline": lambda: client.build_pipeline("other"),
        "results": client.results,
        "frames": lambda: client.frames("forked"),
        "next recorded": lambda: next(recorded),
        "next followed": lambda: next(followed),
        "close recorded": recorded.close,
        "close followed": followed.close,
        "leave": lambda: client.__exit__(None, None, None),
        "own": lambda: Client().close(),
    }
    os.write(says, json.dumps({"pid": os.getpid(), **{name: outcome(call) for name, call in calls.items()}}).encode())
    del client, pipeline, recorded, followed, calls
    gc.collect()
    sys.exit(0)
os.close(says)
with os.fdopen(said) as report:
    came = json.loads(report.read())
assert os.waitpid(child, 0)[1] == 0
names = [one.name() for one in client.pipelines()]
client.build_pipeline("after")
recorded.close(), followed.close(), client.close()
print(json.dumps({"parent": os.getpid(), "names": names, **came}))
"""


@pytest.fixture(scope="module")
def forked(broker: LocalStack) -> dict[str, Any]:
    settings = fresh_settings(broker, f"forked-{next(_numbers)}")
    where = {
        "SPARRING_KAFKA": settings.kafka,
        "SPARRING_REDIS": settings.redis,
        "SPARRING_STORE": settings.store,
        "SPARRING_NAMESPACE": settings.namespace,
    }
    done = subprocess.run(
        [sys.executable, "-c", FORKS],
        env={**os.environ, **where},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=_ENDED_S_MAX,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return {**found, "stderr": done.stderr}


@pytest.mark.parametrize(
    "call",
    [
        *("infer", "deploy", "logs", "status", "pipelines", "build_pipeline", "results", "frames"),
        *("next recorded", "next followed"),
    ],
)
def test_a_call_in_a_forks_child_says_at_once_which_process_made_the_client(forked: dict[str, Any], call: str) -> None:
    expected = f"this client was made in process {forked['parent']} and is used in process {forked['pid']}"
    assert forked[call].startswith(f"{expected}: make a Client in each process")
    assert not forked[call].endswith("late")


@pytest.mark.parametrize("call", ["close recorded", "close followed", "leave", "own"])
def test_a_forks_child_leaves_what_it_inherited_and_makes_its_own(forked: dict[str, Any], call: str) -> None:
    assert forked[call] == "ended"


def test_the_parents_client_goes_on(forked: dict[str, Any]) -> None:
    assert forked["names"] == ["forked"]
    assert "Error" not in forked["stderr"]


def test_a_client_and_what_it_gives_cannot_be_pickled(broker: LocalStack) -> None:
    with Client(fresh_settings(broker, f"forked-{next(_numbers)}")) as client, client.results() as results:
        for one in (client, client.get_current_workspace(), client.build_pipeline("pickled"), results):
            with pytest.raises(TypeError, match="cannot be pickled: make a Client in each process"):
                pickle.dumps(one)


def test_its_owner_may_use_it() -> None:
    owner = Owner()
    owner.check()
    assert owner.is_here
    other = Owner()
    object.__setattr__(other, "pid", owner.pid + 1)
    with pytest.raises(OtherProcessError, match=f"made in process {owner.pid + 1} and is used in process {owner.pid}"):
        other.check()
