"""`sparring verify`, `deadletters` and `index`, as typed, on a running system."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from adapters.clock import now_ms
from schemas.keys import Keys
from sparring import Client, ModelVersion, Pipeline
from sparring.cli.exits import FAILED, NOTHING_THERE, OK
from sparring.stack import LocalStack
from tests.journeys.accounts import settled
from tests.journeys.typed import Said, typed
from tests.journeys.wire import Wire
from tests.waiting import eventually

Scale = Callable[[str, float], ModelVersion]
ROW = b'[{"tensor": [1, 2]}]'
pytestmark = pytest.mark.usefixtures("addressed")


def test_verify_says_that_everything_is_accounted_for_and_names_what_is_not(
    client: Client, stack: LocalStack, pipeline: Pipeline, scale: Scale, wire: Wire, capsys: Said
) -> None:
    since = now_ms()
    pipeline.add_model_step(scale("double", 2.0)).deploy()
    ids = [wire.send(pipeline.name(), ROW) for _ in range(5)]
    wire.answers(ids)
    mine = ("verify", "--from", "1h", "--to", "0s", "--pipeline", pipeline.name())
    code, out, _ = typed(capsys, *mine, "--no-index")
    assert code == OK
    assert "everything is accounted for" in out
    assert [line.split() for line in out.splitlines() if line.startswith("frames")] == [["frames", "5"]]

    settled(client, since, pipeline)
    with redis.Redis.from_url(stack.redis) as index:
        index.delete(Keys(stack.namespace).request(ids[0]))
    code, out, _ = typed(capsys, *mine, "--show", "1")
    assert code == FAILED
    assert f"not in the index: request {ids[0]}" in out
    code, out, _ = typed(capsys, *mine, "--json")
    found = json.loads(out)
    assert (code, found["in_order"], found["counts"]["frames"]) == (FAILED, False, 5)
    assert ids[0] in [finding["request_id"] for finding in found["findings"]]

    code, out, _ = typed(capsys, "index", "rebuild", "--since", "1h")
    assert code == OK
    assert "official answers" in out
    code, out, _ = typed(capsys, *mine)
    assert code == OK, out


def test_dead_letters_are_listed_shown_saved_and_sent_again(
    pipeline: Pipeline, scale: Scale, wire: Wire, capsys: Said, tmp_path: Path
) -> None:
    pipeline.add_model_step(scale("double", 2.0))
    refused = wire.send(pipeline.name(), ROW, headers=[("camera", b"door-3")])
    wire.deadletter(refused)
    mine = ("--of-pipeline", pipeline.name(), "--since", "1h")
    code, out, _ = typed(capsys, "deadletters", "list", *mine)
    assert code == OK
    assert refused in out
    assert "NotDeployed" in out
    code, out, _ = typed(capsys, "deadletters", "list", *mine, "--json")
    (row,) = (json.loads(line) for line in out.splitlines())
    assert (row["request_id"], row["error"], row["bytes"]) == (refused, "NotDeployed", len(ROW))
    assert typed(capsys, "deadletters", "list", *mine, "--error", "StepFailed")[0] == NOTHING_THERE

    code, out, _ = typed(capsys, "deadletters", "show", refused, "--save", str(tmp_path / "frame.json"))
    assert code == OK
    assert "camera            door-3" in out
    assert (tmp_path / "frame.json").read_bytes() == ROW
    code, _, err = typed(capsys, "deadletters", "show", "nobodys")
    assert (code, err) == (NOTHING_THERE, "sparring: no dead letter of nobodys: they are kept for 14 days\n")

    assert typed(capsys, "deadletters", "resend", refused, "--dry-run")[1] == f"would send {refused}: NotDeployed\n"
    pipeline.deploy()
    code, out, _ = typed(capsys, "deadletters", "resend", refused, *mine)
    before, arrow, again = out.split()
    assert (code, before, arrow) == (OK, refused, "->")
    assert wire.answer(again).status == "ok"
    assert typed(capsys, "deadletters", "resend", "nobodys")[0] == NOTHING_THERE

    def is_known() -> bool:
        code, out, err = typed(capsys, "deadletters", "resend", refused, "--dry-run")
        return (code, out) == (OK, "") and f"{refused}: was sent again as {again}" in err

    eventually(is_known, 60, "Redis to have the answer")
    code, out, _ = typed(capsys, "deadletters", "resend", refused, "--again")
    anew = out.split()[2]
    assert anew != again
    assert wire.answer(anew).status == "ok"


def test_a_dead_letter_without_a_request_id_is_found_by_that_of_its_answer(
    client: Client, pipeline: Pipeline, scale: Scale, wire: Wire, capsys: Said
) -> None:
    pipeline.add_model_step(scale("double", 2.0))
    broker, topics = client._connection.broker, client._connection.topics  # noqa: SLF001 (what the command line opens)
    offset = broker.send(topics.frames, ROW, b"camera-7", [("pipeline", pipeline.name().encode())])
    (answered,) = eventually(lambda: [one for one in list(wire.results) if one.endswith(f".{offset}")], 60, "an answer")
    wire.deadletter_of(wire.answer(answered).frame)
    code, out, _ = typed(capsys, "deadletters", "show", answered)
    assert code == OK, out
    pipeline.deploy()
    code, out, _ = typed(capsys, "deadletters", "resend", answered)
    before, _, again = out.split()
    assert (code, before) == (OK, answered)
    assert wire.answer(again).status == "ok"
    elsewhere = typed(capsys, "deadletters", "resend", answered, "--pipeline", "nobodys")[1].split()[2]
    assert wire.deadletter(elsewhere)[0]["replay-of"] == answered
