"""A shadow deploy: one official answer, every challenger's recorded, and none can hurt."""

from collections.abc import Callable

import pandas as pd
import pyarrow as pa
import pytest

from sparring import ModelVersion, Pipeline
from tests.journeys.wire import Wire
from tests.reading import cells

Scale = Callable[[str, float], ModelVersion]
ROW = b'[{"tensor": [1, 2]}]'
TABLE = pd.DataFrame({"tensor": [[1.0, 2.0]]})


def test_a_shadow_gives_all_columns_and_one_official_answer(pipeline: Pipeline, scale: Scale, wire: Wire) -> None:
    champion, rf, xgb = scale("champion", 2.0), scale("rf", 3.0), scale("xgb", 5.0)
    pipeline.add_shadow_deploy(champion, [rf, xgb]).deploy()
    result = pipeline.infer(TABLE)
    assert list(result.columns) == ["time", "in.tensor", "out.y", "anomaly.count", "out_rf.y", "out_xgb.y"]
    assert result[["out.y", "out_rf.y", "out_xgb.y"]].to_numpy().tolist() == [[[2, 4], [3, 6], [5, 10]]]

    request = wire.send(pipeline.name(), ROW)
    official = wire.answer(request)
    assert (official.model, official.role, official.parts) == ("champion", "champion", 2)
    shadows = wire.challengers([request], count=2)[request]
    assert {answer.model for answer in shadows} == {"rf", "xgb"}
    assert {answer.role for answer in shadows} == {"challenger"}
    assert len(wire.results[request]) == 1


def test_arrow_in_gives_arrow_out_with_the_models_dtypes(pipeline: Pipeline, scale: Scale) -> None:
    pipeline.add_shadow_deploy(scale("champion", 2.0), [scale("rf", 3.0)]).deploy()
    result = pipeline.infer(pa.table({"tensor": pa.array([[1.0, 2.0]], pa.list_(pa.float32()))}))
    assert isinstance(result, pa.Table)
    assert result.schema.field("out_rf.y").type == pa.list_(pa.float32())


def test_a_challenger_in_the_middle_runs_the_steps_before_it_again(pipeline: Pipeline, scale: Scale) -> None:
    first = scale("first", 2.0)
    pipeline.add_model_step(first).add_shadow_deploy(scale("champion", 3.0), [scale("challenger", 5.0)])
    pipeline.add_model_step(scale("post", 7.0)).deploy()
    result = pipeline.infer(TABLE)
    assert result["out.y"].tolist() == [[42, 84]]
    assert result["out_challenger.y"].tolist() == [[10, 20]]


def test_a_challenger_that_fails_is_an_error_record_and_the_official_answer_goes_on(
    pipeline: Pipeline, scale: Scale, wire: Wire, mischief: ModelVersion
) -> None:
    pipeline.add_shadow_deploy(scale("champion", 2.0), [mischief]).deploy()
    request = wire.send(pipeline.name(), ROW)
    assert cells(wire.answer(request).value, "y") == [[2, 4]]
    (failed,) = wire.challengers([request])[request]
    assert failed.status == "error"
    assert "ValueError: the first value is 1" in failed.failure().message
    assert request not in wire.deadletters


# The challenger that hangs is ended after 30 s, which is also how long undeploying waits.
@pytest.mark.filterwarnings("ignore:pipeline .* is undeployed, but after")
@pytest.mark.parametrize("harm", [2, 3], ids=["hangs", "dies"])
def test_a_challenger_that_hangs_or_dies_does_not_hold_the_official_answers(
    pipeline: Pipeline, scale: Scale, wire: Wire, mischief: ModelVersion, harm: int
) -> None:
    """With one key, so that the challenger keeps everything after the first harmful frame waiting."""
    pipeline.add_shadow_deploy(scale("champion", 2.0), [mischief]).deploy()
    harmful = f'[{{"tensor": [{harm}, 0]}}]'.encode()
    ids = [wire.send(pipeline.name(), harmful if number % 10 == 3 else ROW, key=b"one") for number in range(30)]
    answers = wire.answers(ids, within_s=20)
    assert {(answer.status, answer.model) for answer in answers.values()} == {("ok", "champion")}
    with pytest.warns(UserWarning, match="mischief"):
        result = pipeline.infer(pd.DataFrame({"tensor": [[4.0, 1.0]]}), shadow_wait=0.5, key="one")
    assert result["out.y"].tolist() == [[8, 2]]


def test_a_share_of_the_requests_is_shadowed(pipeline: Pipeline, scale: Scale, wire: Wire) -> None:
    pipeline.add_shadow_deploy(scale("champion", 2.0), [scale("challenger", 3.0)], share=0.5).deploy()
    ids = [wire.send(pipeline.name(), ROW) for _ in range(200)]
    shadowed = [one for one, answer in wire.answers(ids).items() if answer.parts == 1]
    assert 100 - 29 <= len(shadowed) <= 100 + 29
    wire.challengers(shadowed)
    assert sorted(one for one in ids if wire.shadows[one]) == sorted(shadowed)
