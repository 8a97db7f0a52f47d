"""Random models, paths of two models and shared runs, through the code of a model process without Kafka.

Each request's bytes become an answer, which is compared with the right one (`tests.fuzz.by_hand`). An answer may be
right or an error, but never wrong with the status `ok`. A request that must be answered must not get an error.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import numpy as np
import pyarrow as pa
from msgspec import structs

from adapters.clock import now_ms
from adapters.kafka.record import Record
from adapters.settings import InferenceSettings
from router.route import route
from schemas.models import Configuration, ModelVersion, PinnedModel, TensorSpec
from schemas.pipelines import ModelStep
from schemas.tables.read import read_arrow
from sparring.deployment import onnx_file
from tests.fuzz.by_hand import Right, Step, right
from tests.fuzz.requests import Cell, Request, Sizes, random_request
from tests.fuzz.signatures import Input, Model, random_model
from tests.nouns import frame, pipeline_version
from workers.inference.answering import answer_together, batch_rows_max
from workers.inference.in_flight import Finished, Ticket
from workers.inference.stale import ShedPolicy
from workers.inference.steps import LoadedModel, load_model
from workers.inference.version_cache import LoadedVersion

REQUESTS_PER_PATH: Final = 5
_SHARED_ROWS: Final = 8
_SETTINGS: Final = InferenceSettings(intra_op_threads=1)
_DEFAULTS: Final = structs.asdict(Configuration("onnx"))
_SHED_POLICY: Final = ShedPolicy(60_000, 0)


@dataclass
class FuzzReport:
    """The requests of a run and their answers."""

    requests: Counter[str] = field(default_factory=Counter)
    """The number of requests, by kind of path and status."""
    shared: int = 0
    """The number of requests that the model ran together with others."""
    wrong: list[str] = field(default_factory=list)
    """A page for each wrong or missing answer."""


@dataclass(frozen=True)
class Path:
    """Models that run one after the other, and their configurations."""

    steps: tuple[Step, ...]
    configurations: tuple[Configuration, ...]

    @property
    def single(self) -> bool:
        """Whether each row is a whole input of the first model."""
        return self.configurations[0].batch_config == "single"


def fuzz_models(seed: int, paths: int, first: int = 0, done: Callable[[int], object] = int) -> FuzzReport:
    """Run requests through random paths. Path number n of a seed is always the same.

    Args:
        seed: of all random choices.
        paths: how many paths.
        first: the number of the first path.
        done: called with the number of finished paths.
    """
    report = FuzzReport()
    for number in range(first, first + paths):
        done(number - first)
        rng = Random(f"{seed}:{number}")
        path = random_path(rng)
        loaded = load(path)
        sizes = Sizes(rng)
        requests = [
            random_request(
                rng,
                path.steps[0].model.inputs,
                sizes,
                single=path.single,
                tensor_fields=path.configurations[0].tensor_fields,
            )
            for _ in range(REQUESTS_PER_PATH)
        ]
        report.shared += len(requests) if _together(loaded) > 1 else 0
        for request, finished in zip(requests, answered(loaded, requests), strict=True):
            judged = right(path.steps, request, single=path.single)
            why = why_wrong(finished, judged)
            kind = "a path of two" if len(path.steps) > 1 else "a shared run" if _shares(path) else "a model"
            report.requests[f"{kind}: {finished.answer.status}{', due' if judged.due else ''}"] += 1
            if why is not None:
                report.wrong.append("\n".join(_page(seed, number, path, request, why)))
    return report


def random_path(rng: Random) -> Path:
    """One model, one model whose rows may share runs with other requests' rows, or two models."""
    kind = rng.choice(("model", "model", "shared", "shared", "two"))
    model = random_model(rng)
    while kind == "shared" and not _seems_to_stack(model) and rng.random() < 0.9:
        model = random_model(rng)
    first = Configuration(
        "onnx",
        tensor_fields=_fields(rng, model),
        batch_config="single" if kind != "shared" and rng.random() < 0.4 else None,
        batch_rows_max=_SHARED_ROWS if kind == "shared" else 1,
    )
    if kind != "two":
        return Path((Step(model, {}),), (first,))
    second, wires, configuration = _second(rng, model)
    return Path((Step(model, {}), Step(second, wires)), (first, configuration))


def _seems_to_stack(model: Model) -> bool:
    """Whether rows of several requests fit into one run, by shape; they may still depend on each other."""
    free = all(taken.dims and not isinstance(taken.dims[0], int) for taken in model.inputs)
    return free and all(output.per_row for output in model.outputs)


def _fields(rng: Random, model: Model) -> tuple[str, ...] | None:
    if rng.random() > 0.25:
        return None
    return tuple(rng.sample(["tensor", "c1", "age", model.inputs[0].name + "_", "ä"], len(model.inputs)))


def _second(rng: Random, model: Model) -> tuple[Model, dict[str, str], Configuration]:
    """A model that takes some of the outputs by name, by position or by `tensor_fields`, mostly with their dtype."""
    taken = rng.sample(model.outputs, rng.randint(1, len(model.outputs)))
    way = rng.choice(("name", "fields", "position" if len(model.outputs) == 1 else "name"))
    names = [output.name if way == "name" else f"in {index}" for index, output in enumerate(taken)]
    inputs = []
    for output, name in zip(taken, names, strict=True):
        dtype = output.dtype if rng.random() < 0.6 else rng.choice(("float32", "float64", "float16", "int64", "int32"))
        dims = output.dims
        if dims and rng.random() < 0.2:
            dims = tuple(None if rng.random() < 0.5 else size for size in dims)
        inputs.append(Input(name, dtype, dims))
    second = random_model(rng, inputs)
    wires = {name: output.name for output, name in zip(taken, names, strict=True)}
    fields = tuple(output.name for output in taken) if way == "fields" else None
    return second, wires, Configuration("onnx", tensor_fields=fields)


def load(path: Path) -> LoadedVersion:
    """The path's models, loaded as a model process does."""
    models: list[LoadedModel] = []
    for number, (step, configuration) in enumerate(zip(path.steps, path.configurations, strict=True)):
        content = step.model.content
        inputs, outputs = _signature(content)
        version = ModelVersion(
            workspace="default",
            name=f"m{number}",
            version="v1",
            sha256=hashlib.sha256(content).hexdigest(),
            framework="onnx",
            file_name="m.onnx",
            size_bytes=len(content),
            created_at=0,
            inputs=inputs,
            outputs=outputs,
        )
        models.append(load_model(PinnedModel(version, configuration), content, _SETTINGS))
    version_of_all = pipeline_version(*(ModelStep(model.pinned) for model in models))
    return LoadedVersion(version_of_all, {model.pinned.key: model for model in models})


def _signature(content: bytes) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    """The signature that `upload_model` reads from the file."""
    *_, signature = onnx_file.signatures(content)
    return signature.inputs, signature.outputs


def answered(loaded: LoadedVersion, requests: Sequence[Request]) -> list[Finished]:
    """Answer requests as an inference thread does: as many together as may share a run."""
    tickets = [_ticket(loaded, request.value, number) for number, request in enumerate(requests)]
    together = _together(loaded)
    return [
        finished
        for begin in range(0, len(tickets), together)
        for finished in answer_together(tickets[begin : begin + together], loaded, "official", _SHED_POLICY)
    ]


def _together(loaded: LoadedVersion) -> int:
    return batch_rows_max(loaded, _ticket(loaded, b"[]", 0).slip)


def _ticket(loaded: LoadedVersion, value: bytes, number: int) -> Ticket:
    request = frame(f"r{number}", value)
    (task,) = route(request, loaded.version)
    slip = structs.replace(task.slip, produced_at=now_ms())
    return Ticket(Record("work", 0, number, now_ms(), None, value, []), request, slip)


def why_wrong(finished: Finished, judged: Right) -> str | None:
    """Why an answer is wrong; None: it is right, or a permitted error."""
    answer = finished.answer
    if answer.status != "ok":
        failure = answer.failure()
        if judged.due:
            return f"refused, {failure.error}: {failure.message}"
        return None if failure.error and failure.message else "refused without a message"
    table = read_arrow(answer.value)
    if set(table.column_names) != set(judged.answers):
        return f"answered {table.column_names}; right is {sorted(judged.answers) or 'a refusal'}"
    for name, rows in judged.answers.items():
        column: Any = table.column(name).combine_chunks()
        if len(column) != len(rows):
            return f"{name!r} has {len(column)} rows; right are {len(rows)}"
        for row, may in enumerate(rows):
            if not any(_same(column[row], array) for array in may):
                expected = " or ".join(f"{array.dtype} {array.tolist()}" for array in may) or "a refusal"
                return f"{name!r}, row {row}: answered {column.type} {column[row].as_py()}; right is {expected}"
    return None


def _same(scalar: Any, array: Cell) -> bool:
    """Whether a value has the model's own dtype and is equal to the last bit."""
    if array.dtype == object or array.dtype.kind == "U":
        return bool(scalar.as_py() == array.tolist())
    values = scalar.values
    if values.type != pa.from_numpy_dtype(array.dtype):
        return False
    got: Any = np.array(values.to_pylist(), dtype=array.dtype)
    return bool(np.array_equal(got, array, equal_nan=array.dtype.kind == "f"))


def _shares(path: Path) -> bool:
    return path.configurations[0].batch_rows_max > 1


def _page(seed: int, number: int, path: Path, request: Request, why: str) -> Iterator[str]:
    """The lines of a failing path as code, and of its request."""
    yield f"WRONG: {why}"
    yield f"repeat: python -m tests.fuzz --seed {seed} --models 1 --first {number}"
    for step, configuration in zip(path.steps, path.configurations, strict=True):
        changed = {name: value for name, value in structs.asdict(configuration).items() if value != _DEFAULTS[name]}
        yield f"configured: {changed}"
        yield str(step.model)
    yield f"sent: {request.rows} rows, {request.says}"
    for name, cells in request.cells.items():
        yield f"  {name!r}: {[cell.tolist() for cell in cells]}"
    yield f"bytes: {request.value!r}" if request.value[:1] == b"[" else f"bytes: {len(request.value)} of Arrow"
