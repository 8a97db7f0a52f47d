"""A backend team consumes results: in a group, joined with the challengers, once each, as tables."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pandas as pd
import pyarrow as pa

from sparring import Client, Framework, JoinedResult, ModelVersion, Pipeline
from tests.journeys.wire import Wire
from tests.small_models import gated_step
from tests.waiting import eventually

Scale = Callable[[str, float], ModelVersion]


def row(number: int) -> bytes:
    return f'[{{"tensor": [{number}, 0]}}]'.encode()


def send(wire: Wire, pipeline: Pipeline, numbers: range, key: bytes | None = None) -> list[str]:
    """Answered, with all that belongs to it."""
    ids = [wire.send(pipeline.name(), row(number), key=key) for number in numbers]
    wire.answers(ids)
    return ids


def test_a_group_goes_on_after_a_restart_where_it_committed_and_each_request_comes(
    client: Client, pipeline: Pipeline, scale: Scale, wire: Wire
) -> None:
    pipeline.add_model_step(scale("double", 2.0)).deploy()
    group, since = f"team-{pipeline.name()}", datetime.now(UTC)
    ids = send(wire, pipeline, range(12), key=b"door-1")
    with client.results(pipeline, since=since, group=group) as results:
        first = list(islice(results, 5))
        results.commit()
        lost = list(islice(results, 3))  # handed out, and the consumer dies before it commits
    ids += send(wire, pipeline, range(12, 15), key=b"door-1")
    with client.results(pipeline, since=since, group=group) as results:
        second = list(islice(results, 10))
        results.commit()
    assert [one.request_id for one in (*first, *second)] == ids
    assert [one.request_id for one in lost] == ids[5:8]
    assert [one.outputs["y"] for one in first] == [[[2 * number, 0]] for number in range(5)]
    assert {(one.model, one.role, one.pipeline, one.key) for one in second} == {
        ("double", "champion", f"default/{pipeline.name()}", b"door-1")
    }


def test_champion_and_challengers_come_together_and_one_that_is_late_or_absent_is_counted(
    client: Client, pipeline: Pipeline, scale: Scale, wire: Wire, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    (tmp_path / "slow.py").write_text(gated_step(gate))
    takes, gives = (pa.schema([pa.field(name, pa.list_(pa.float32()))]) for name in ("tensor", "y"))
    slow = client.upload_model("slow", tmp_path / "slow.py", Framework.PYTHON, takes, gives)
    pipeline.add_shadow_deploy(scale("champion", 2.0), [scale("rf", 3.0), slow]).deploy()
    # Challengers step back: those that are to be in time get time.
    with client.results(pipeline, follow=True, joined=True, late_s=60) as results:
        fine = wire.send(pipeline.name(), row(0))
        failed = wire.send(pipeline.name(), row(1))  # the challenger raises: an answer all the same
        came = {one.official.request_id: one for one in islice(results, 2)}
    with client.results(pipeline, follow=True, joined=True, late_s=10) as results:
        late = wire.send(pipeline.name(), row(2))
        wire.flush()
        came |= {one.official.request_id: one for one in islice(results, 1)}
        gate.touch()
    assert outcomes(came[fine]) == {"champion": "ok", "rf": "ok", "slow": "ok"}
    assert outcomes(came[failed]) == {"champion": "ok", "rf": "ok", "slow": "error"}
    assert outcomes(came[late]) == {"champion": "ok", "rf": "ok"}
    assert [came[one].missing for one in (fine, failed, late)] == [0, 0, 1]
    assert came[fine].official.parts == 2
    (error,) = [one.error for one in came[failed].challengers.values() if one.error is not None]
    assert "ValueError" in error.message


def outcomes(one: JoinedResult) -> dict[str | None, str]:
    return {result.model: result.status for result in one.results()}


def test_distinct_gives_a_request_id_that_was_sent_twice_once_and_ordered_keeps_a_cameras_order(
    client: Client, pipeline: Pipeline, scale: Scale, wire: Wire
) -> None:
    """Two models of a split share the camera's frames."""
    pipeline.add_random_split([(1, scale("a", 2.0)), (1, scale("b", 3.0))]).deploy()
    since = datetime.now(UTC)
    ids = send(wire, pipeline, range(30), key=b"door-1")
    again = wire.send(pipeline.name(), row(30), request_id=ids[0], key=b"door-1")
    last = send(wire, pipeline, range(31, 32), key=b"door-1")
    eventually(lambda: len(wire.results[again]) == 2, 60, "both answers: the models keep no order between them")
    with client.results(pipeline, since=since, distinct=True, ordered=True, late_s=60) as results:
        came = list(results)
    assert [one.request_id for one in came] == [*ids, *last]
    assert {one.model for one in came} == {"a", "b"}


def test_tables_have_a_row_per_input_row_of_every_role(
    client: Client, pipeline: Pipeline, scale: Scale, wire: Wire
) -> None:
    pipeline.add_shadow_deploy(scale("champion", 2.0), [scale("rf", 3.0)]).deploy()
    since = datetime.now(UTC)
    pipeline.infer(pd.DataFrame({"tensor": [[1.0, 2.0], [3.0, 4.0]]}))
    refused = wire.send(pipeline.name(), b"no JSON and no picture")
    wire.answer(refused)
    with client.results(pipeline, since=since, joined=True) as results:
        (table,) = results.batches()
    shown = table.select(["role", "model", "row", "status", "out.y"]).to_pylist()
    assert [tuple(one.values()) for one in shown[:4]] == [
        ("champion", "champion", 0, "ok", [2, 4]),
        ("champion", "champion", 1, "ok", [6, 8]),
        ("challenger", "rf", 0, "ok", [3, 6]),
        ("challenger", "rf", 1, "ok", [9, 12]),
    ]
    assert (shown[4]["row"], shown[4]["status"], shown[4]["out.y"]) == (0, "error", None)
    assert table["error"].to_pylist()[4] == "UnknownContentType"
