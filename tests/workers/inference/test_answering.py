"""A task becomes an answer: the path's steps, rows, batches, and every way to be refused."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from msgspec import structs
from onnx import TensorProto, helper

from adapters.clock import now_ms
from adapters.kafka.record import Record
from adapters.rules import Rules, written
from router.route import route
from schemas.limits import RESULT_BYTES_MAX
from schemas.models import Configuration, ImageSettings, TensorSpec
from schemas.names import Lane
from schemas.pipelines import ModelStep, PipelineVersion, ShadowDeploy
from schemas.tables.read import read_arrow
from tests.nouns import frame, pipeline_version
from tests.small_models import flat_detector, reshaped_for_transposed, rows_model, scaling_model
from tests.workers.inference.loaded import SETTINGS, load_onnx, load_python, pin_python
from workers.inference.answering import RowTime, answer_together, batch_rows_max, result_rows
from workers.inference.in_flight import Finished, Ticket
from workers.inference.stale import ShedPolicy
from workers.inference.steps import LoadedModel, load_model
from workers.inference.version_cache import LoadedVersion

BATCHING = Configuration("onnx", batch_rows_max=8)


def loaded(*models: LoadedModel) -> LoadedVersion:
    version = pipeline_version(*(ModelStep(model.pinned) for model in models))
    return LoadedVersion(version, {model.pinned.key: model for model in models})


def ticket(
    version: PipelineVersion,
    value: bytes,
    number: int = 0,
    lane: Lane = "official",
    routed_at: int | None = None,
    **change: int,
) -> Ticket:
    request = frame(f"r{number}", value)
    task = next(task for task in route(request, version) if task.lane == lane)
    slip = structs.replace(task.slip, **({"produced_at": now_ms()} | change))
    sent_at = now_ms() if routed_at is None else routed_at
    return Ticket(Record("work", 0, number, sent_at, None, value, []), request, slip)


def answer(
    version: LoadedVersion, *values: bytes, lane: Lane = "official", routed_at: int | None = None, **change: int
) -> list[Finished]:
    tickets = [ticket(version.version, value, n, lane, routed_at, **change) for n, value in enumerate(values)]
    return answer_together(tickets, version, lane, ShedPolicy(60_000, 0))


def rows(finished: Finished, output: str = "y") -> list[Any]:
    assert finished.answer.status == "ok", finished.answer.value
    found: list[Any] = read_arrow(finished.answer.value).column(output).to_pylist()
    return found


def test_a_path_runs_every_step_and_the_result_holds_the_last_ones_outputs() -> None:
    double, triple = load_onnx("double", scaling_model(2)), load_onnx("triple", scaling_model(3))
    (done,) = answer(loaded(double, triple), b'[{"tensor": [1, 2]}, {"tensor": [3, 4]}]')
    assert rows(done) == [[6, 12], [18, 24]]
    assert done.answer.timings.infer_ns > 0
    assert done.refusal is None


def test_an_official_error_has_its_refusal_and_a_challengers_has_none() -> None:
    double, triple = load_onnx("double", scaling_model(2)), load_onnx("triple", scaling_model(3))
    version = pipeline_version(ShadowDeploy(double.pinned, (triple.pinned,)))
    both = LoadedVersion(version, {model.pinned.key: model for model in (double, triple)})
    (official,) = answer(both, b'[{"tensor": [1]}]')
    (shadow,) = answer(both, b'[{"tensor": [1]}]', lane="shadow")
    assert official.answer.status == shadow.answer.status == "error"
    assert official.answer.failure().error == "WrongShape"
    assert official.refusal is not None
    assert shadow.refusal is None


def test_requests_share_a_run_where_the_configuration_allows_it() -> None:
    double = load_onnx("double", scaling_model(2), BATCHING)
    version = loaded(double)
    assert batch_rows_max(version, ticket(version.version, b"[]").slip) == 8
    values = [json.dumps([{"tensor": [n, n]}] * (n + 1)).encode() for n in range(3)]
    for n, done in enumerate(answer(version, *values)):
        assert rows(done) == [[2 * n, 2 * n]] * (n + 1)


def test_a_bad_request_in_a_batch_refuses_nobody_but_itself() -> None:
    double = load_onnx("double", scaling_model(2, columns=None), BATCHING)
    good, other_shape, bad = b'[{"tensor": [1, 2]}]', b'[{"tensor": [1, 2, 3]}]', b'[{"tensor": ["x"]}]'
    first, second, third, fourth = answer(loaded(double), good, bad, other_shape, good)
    assert rows(first) == rows(fourth) == [[2, 4]]
    assert rows(third) == [[2, 4, 6]]
    assert second.answer.failure().error == "WrongDtype"


@pytest.mark.parametrize(
    ("model", "configuration"),
    [
        (scaling_model(2, rows=1), BATCHING),
        (scaling_model(2), Configuration("onnx")),
        (scaling_model(2), Configuration("onnx", batch_config="single", batch_rows_max=8)),
    ],
    ids=["fixed batch dimension", "not configured", "single"],
)
def test_requests_do_not_share_a_run_otherwise(model: bytes, configuration: Configuration) -> None:
    version = loaded(load_onnx("double", model, configuration))
    assert batch_rows_max(version, ticket(version.version, b"[]").slip) == 1


def test_an_expired_task_is_answered_without_running() -> None:
    (done,) = answer(loaded(load_onnx("double", scaling_model(2))), b"not even JSON", deadline=1)
    assert done.answer.status == "expired"
    assert done.refusal is None


def test_a_shadow_task_that_is_too_old_is_shed_and_an_official_one_is_not() -> None:
    double, triple = load_onnx("double", scaling_model(2)), load_onnx("triple", scaling_model(3))
    version = pipeline_version(ShadowDeploy(double.pinned, (triple.pinned,)))
    both = LoadedVersion(version, {model.pinned.key: model for model in (double, triple)})
    (official,) = answer(both, b'[{"tensor": [1, 2]}]', routed_at=1)
    (shadow,) = answer(both, b'[{"tensor": [1, 2]}]', lane="shadow", routed_at=1)
    assert (official.answer.status, shadow.answer.status) == ("ok", "shed")


@pytest.mark.parametrize("produced_at", [1, 2**42], ids=["years behind", "years ahead"])
def test_a_cameras_clock_does_not_make_a_shadow_task_old(produced_at: int) -> None:
    double, triple = load_onnx("double", scaling_model(2)), load_onnx("triple", scaling_model(3))
    version = pipeline_version(ShadowDeploy(double.pinned, (triple.pinned,)))
    both = LoadedVersion(version, {model.pinned.key: model for model in (double, triple)})
    (shadow,) = answer(both, b'[{"tensor": [1, 2]}]', lane="shadow", produced_at=produced_at)
    assert shadow.answer.status == "ok"
    (late,) = answer(both, b'[{"tensor": [1, 2]}]', lane="shadow", produced_at=produced_at, routed_at=1)
    assert late.answer.status == "shed"


def test_an_answer_above_the_limit_is_an_error_answer() -> None:
    size = RESULT_BYTES_MAX // 4
    source = f"import numpy as np\ndef process(arrays):\n    return {{'y': np.zeros({size}, np.float32)}}\n"
    step = load_python(source, (TensorSpec("tensor", "float32"),), (TensorSpec("y", "float32"),))
    (done,) = answer(loaded(step), b'[{"tensor": [1]}]')
    failure = done.answer.failure()
    assert failure.error == "AnswerTooLarge"
    assert f"it holds y float32 [{size}]" in failure.message
    assert all(word in failure.message for word in ("ArgMax", "a Python step behind it", "float16", "fewer rows"))


def test_steps_that_do_not_fit_together_name_what_is_missing() -> None:
    double = load_onnx("double", scaling_model(2))
    inputs = (TensorSpec("a", "float32"), TensorSpec("b", "float32"))
    step = load_python("def process(arrays):\n    return arrays\n", inputs, inputs)
    (done,) = answer(loaded(double, step), b'[{"tensor": [1, 2]}]')
    assert "no output 'a', 'b' in the step before, which gives: y" in done.answer.failure().message


def test_one_row_takes_the_whole_output_and_many_take_one_slice_each() -> None:
    boxes = np.arange(8, dtype=np.float32)
    assert result_rows([{"boxes": boxes}], rows=1)["boxes"][0].tolist() == boxes.tolist()
    two = result_rows([{"y": boxes.reshape(2, 2, 2)}], rows=2)["y"]
    assert [row.tolist() for row in two] == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_outputs_that_cannot_be_written_are_an_error_of_that_request() -> None:
    source = "import numpy as np\ndef process(arrays):\n    return {'y': np.array([{1}], dtype=object)}\n"
    step = load_python(source, (TensorSpec("tensor", "float32"),), (TensorSpec("y", "string"),))
    (done,) = answer(loaded(step), b'[{"tensor": [1]}]')
    assert done.answer.failure().error == "StepFailed"


def test_numbers_from_a_step_that_declares_text_are_an_error_of_that_request() -> None:
    source = "import numpy as np\ndef process(arrays):\n    return {'y': np.array([1, 2])}\n"
    step = load_python(source, (TensorSpec("tensor", "float32"),), (TensorSpec("y", "string"),))
    (done,) = answer(loaded(step), b'[{"tensor": [1]}]')
    assert "returned 'y' as int64; its output schema says string" in done.answer.failure().message


def test_no_detections_at_all_is_an_answer_with_empty_lists() -> None:
    source = "import numpy as np\ndef process(arrays):\n    return {'boxes': np.zeros(0, np.float32)}\n"
    step = load_python(source, (TensorSpec("tensor", "float32"),), (TensorSpec("boxes", "float32"),))
    (done,) = answer(loaded(step), b'[{"tensor": [1]}]')
    assert rows(done, "boxes") == [[]]


SHARING = Configuration("onnx", batch_rows_max=8)
FULL, NONE = [0.9, 0.8, 0.7, 0.6], [0.0] * 4
FOUND = [0, 0, 0, 1, 0, 2, 0, 3]


def table(*cells: list[float], column: str = "x") -> bytes:
    return json.dumps([{column: cell} for cell in cells]).encode()


@pytest.mark.parametrize("named", ["num_det", None, "batch"], ids=["by another name", "unnamed", "by a wrong name"])
def test_detections_in_one_flat_list_stay_with_their_own_frame(named: str | None) -> None:
    version = loaded(load_onnx("flat", flat_detector(named), SHARING))
    assert batch_rows_max(version, ticket(version.version, b"[]").slip) == 1
    sent = [FULL, NONE, [0.9, 0.9, 0.0, 0.0], NONE]
    alone = [FOUND, [], [0, 0, 0, 1], []]
    assert [rows(done) for done in answer(version, *(table(cell) for cell in sent))] == [[one] for one in alone]
    assert rows(answer(version, table(*sent))[0]) == alone


def test_one_text_per_row_is_an_answer_of_its_own() -> None:
    texts = [helper.make_tensor_value_info(name, TensorProto.STRING, ["batch"]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "texts", texts[:1], texts[1:])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    model = load_onnx("texts", made.SerializeToString(), SHARING)
    version = loaded(model)
    assert batch_rows_max(version, ticket(version.version, b"[]").slip) == 8
    assert rows(answer(version, b'[{"x": "a"}, {"x": "bc"}]')[0]) == [["a"], ["bc"]]
    assert [rows(done) for done in answer(version, b'[{"x": "a"}]', b'[{"x": "bc"}]')] == [[["a"]], [["bc"]]]


MIXING = {
    "softmax": helper.make_node("Softmax", ["x"], ["y"], axis=0),
    "sums": helper.make_node("CumSum", ["x", "axis"], ["y"]),
}


@pytest.mark.parametrize("mixing", MIXING)
def test_rows_that_a_model_mixes_are_answered_as_if_each_were_alone(mixing: str) -> None:
    model = load_onnx("mixing", rows_model([MIXING[mixing]], 2, ["batch", 2], weights={"axis": np.int32(0)}), SHARING)
    assert model.pinned.stacks(2)
    version = loaded(model)
    assert batch_rows_max(version, ticket(version.version, b"[]").slip) == 1
    one, two = table([1.0, 2.0]), table([3.0, 5.0])
    alone = [row for value in (one, two) for row in rows(answer(version, value)[0])]
    assert [row for done in answer(version, one, two) for row in rows(done)] == alone
    assert rows(answer(version, table([1.0, 2.0], [3.0, 5.0]))[0]) == alone


def test_small_values_that_are_mixed_beside_large_ones_are_found() -> None:
    """As a detector gives them: boxes in pixels and scores in one output."""
    nodes = [
        helper.make_node("Add", ["x", "pixels"], ["boxes"]),
        helper.make_node("Softmax", ["x"], ["scores"], axis=0),
        helper.make_node("Concat", ["boxes", "scores"], ["y"], axis=1),
    ]
    content = rows_model(nodes, 2, ["batch", 4], weights={"pixels": np.float32(1280)})
    (done,) = answer(loaded(load_onnx("detector", content)), table([1.0, 0.0], [0.0, 1.0]))
    assert rows(done) == [[1281, 1280, 1, 1], [1280, 1281, 1, 1]]


@pytest.mark.parametrize("dtype", [TensorProto.UINT8, TensorProto.FLOAT])
def test_pictures_that_are_mixed_only_where_they_are_bright_are_found(dtype: int) -> None:
    """The probe has pictures as the model gets them: 0 to 255 here, and numbers from 0 to 1 would show nothing."""
    shape: list[str | int | None] = ["batch", 3, 2, 2]
    nodes = [
        helper.make_node("Cast", ["x"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["pixels", "dark"], ["above"]),
        helper.make_node("Relu", ["above"], ["bright"]),
        helper.make_node("CumSum", ["bright", "axis"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "bright",
        [helper.make_tensor_value_info("x", dtype, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [
            helper.make_tensor("dark", TensorProto.FLOAT, [], [2.0]),
            helper.make_tensor("axis", TensorProto.INT32, [], [0]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    configuration = structs.replace(SHARING, image=ImageSettings(scale=1.0))
    loaded_model = load_onnx("bright", model.SerializeToString(), configuration)
    assert loaded_model.pinned.stacks(2)
    assert not loaded_model.independent


def test_rows_that_are_mixed_only_above_a_threshold_are_found() -> None:
    nodes = [
        helper.make_node("ReduceMax", ["x"], ["most"], axes=[0], keepdims=1),
        helper.make_node("Sub", ["most", "threshold"], ["over"]),
        helper.make_node("Relu", ["over"], ["above"]),
        helper.make_node("Add", ["x", "above"], ["y"]),
    ]
    content = rows_model(nodes, 2, ["batch", 2], weights={"threshold": np.float32(2)})
    (done,) = answer(loaded(load_onnx("threshold", content)), table([1.0, 2.0], [3.0, 7.0]))
    assert rows(done) == [[1, 2], [4, 12]]


def test_rows_that_are_mixed_where_free_dimensions_are_longer_than_one_are_found() -> None:
    version = loaded(load_onnx("sums", reshaped_for_transposed(), SHARING))
    one, two = ([[float(n)] * 2 for n in numbers] for numbers in ((1, 2, 3), (10, 20, 30)))
    value = json.dumps([{"x": one}, {"x": two}]).encode()
    assert rows(answer(version, value)[0]) == [[1, 1, 3, 3, 6, 6], [10, 10, 30, 30, 60, 60]]


def test_a_fixed_number_of_rows_is_one_run_unless_the_model_mixes_them() -> None:
    negative = load_onnx("negative", rows_model([helper.make_node("Neg", ["x"], ["y"])], 2, [2, 2], rows=2))
    assert rows(answer(loaded(negative), table([1.0, 2.0], [3.0, 4.0]))[0]) == [[-1, -2], [-3, -4]]
    mixing = load_onnx("mixing", rows_model([MIXING["softmax"]], 2, [2, 2], rows=2))
    (done,) = answer(loaded(mixing), table([1.0, 2.0], [3.0, 4.0]))
    assert done.answer.status == "error"


COUNTING = """
import numpy as np

def process(arrays):
    rows = len(arrays["x"])
    return {"y": np.full(rows, rows, np.int64)}
"""


@pytest.mark.parametrize(("stated", "count"), [(None, 1), (False, 1), (True, 3)])
def test_rows_of_a_python_step_run_together_only_where_it_is_configured(stated: bool | None, count: int) -> None:
    step = load_python(COUNTING, (TensorSpec("x", "float32"),), (TensorSpec("y", "int64"),), outputs_per_row=stated)
    assert rows(answer(loaded(step), table([1.0], [2.0], [3.0]))[0]) == [[count]] * 3


def test_rows_run_together_only_where_every_step_of_the_path_allows_it() -> None:
    negative = load_onnx("negative", rows_model([helper.make_node("Neg", ["x"], ["y"])], 1, ["batch", 1]))
    for stated, count in ((None, 1), (True, 2)):
        source = COUNTING.replace('"x"', '"y"')
        step = load_python(source, (TensorSpec("y", "float32"),), (TensorSpec("y", "int64"),), outputs_per_row=stated)
        assert rows(answer(loaded(negative, step), table([1.0], [2.0]))[0]) == [[count]] * 2


def test_an_output_that_has_not_the_entries_that_were_stated_is_refused() -> None:
    flat = load_onnx("flat", flat_detector(None), Configuration("onnx", outputs_per_row=True))
    flat.__dict__["independent"] = True
    (done,) = answer(loaded(flat), table(FULL, NONE))
    assert done.answer.failure().error == "WrongShape"
    assert "[4, 2] for 2 input rows; expected 2 entries" in done.answer.failure().message


def test_rows_that_run_one_by_one_may_take_a_runs_time_altogether() -> None:
    source = "import threading\ndef process(arrays):\n    threading.Event().wait(0.05)\n    return arrays\n"
    step = load_python(source, (TensorSpec("x", "float32"),), (TensorSpec("x", "float32"),))
    version = loaded(step)
    again: list[None] = []
    value = table(*[[1.0]] * 50)
    tickets = [ticket(version.version, value)]
    limit = RowTime(request_s_max=0.1, on_next_run=lambda: again.append(None))
    (done,) = answer_together(tickets, version, "official", ShedPolicy(60_000, 0), limit)
    assert "of 50 rows, which run one by one, took 0 s; expected all within 0.1 s" in done.answer.failure().message
    assert len(again) >= 1


def giving(dtype: str, values: str) -> LoadedModel:
    """A step that gives `values` as y, whatever came."""
    source = f"import numpy as np\ndef process(arrays):\n    return {{'y': np.array({values}, {dtype!r})}}\n"
    return load_python(source, (TensorSpec("tensor", "float32"),), (TensorSpec("y", dtype),))


@pytest.mark.parametrize("dtype", ["float64", "float16", "int64", "uint8"])
def test_a_step_takes_what_the_one_before_gives_cast_as_requests_are(dtype: str) -> None:
    (done,) = answer(loaded(giving(dtype, "[[1, 2]]"), load_onnx("double", scaling_model(2))), b'[{"tensor": [0]}]')
    assert rows(done) == [[2, 4]]


@pytest.mark.parametrize(
    ("dtype", "values", "says"),
    [
        ("float64", "[[1e300, 1]]", "a value does not fit into float32: 1e+300 came"),
        ("bool", "[[True, False]]", "bool came; expected float32"),
    ],
)
def test_what_is_not_cast_between_steps_is_an_error_that_names_step_input_and_output(
    dtype: str, values: str, says: str
) -> None:
    (done,) = answer(loaded(giving(dtype, values), load_onnx("double", scaling_model(2))), b'[{"tensor": [0]}]')
    failure = done.answer.failure()
    assert failure.error == "WrongDtype"
    assert failure.message.startswith("step double: input 'tensor', the output 'y' of the step before: ")
    assert says in failure.message


def test_a_python_step_gets_the_dtypes_that_it_declares_and_what_is_not_cast_as_it_is() -> None:
    source = "import numpy as np\ndef process(arrays):\n    return {'kind': np.array([str(arrays['y'].dtype)])}\n"
    for declared, got in (("float32", "float32"), ("int64", "float64")):
        pinned = pin_python(source, (TensorSpec("y", declared),), (TensorSpec("kind", "string"),), "kind")
        step = load_model(pinned, source.encode(), SETTINGS)
        (done,) = answer(loaded(giving("float64", "[1.5]"), step), b'[{"tensor": [0]}]')
        assert rows(done, "kind") == [[got]]


def test_an_answer_that_no_reader_takes_is_an_error_answer() -> None:
    """Of a version that an older deploy() took: its output has the name of a validation's column."""
    source = "import numpy as np\ndef process(arrays):\n    return {'anomaly.count': np.zeros(1, np.float32)}\n"
    outputs = (TensorSpec("anomaly.count", "float32"),)
    plain = loaded(load_python(source, (TensorSpec("tensor", "float32"),), outputs))
    rule = written("high", pl.col("out.anomaly.count").list.get(0) > 1)
    (done,) = answer(replace(plain, rules=Rules([rule])), b'[{"tensor": [1]}]')
    assert done.answer.failure().error == "StepFailed"
    assert "the output 'anomaly.count' has the name of a validation's column" in done.answer.failure().message
    assert done.refusal is not None
