"""The table that `infer` returns, of an official answer and its challengers; its columns and their order. Pure."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from schemas.models import arm_names
from schemas.names import ModelKey
from schemas.pipelines import PipelineVersion, ShadowDeploy
from schemas.results import Answer
from schemas.tables.read import read_arrow
from sparring.checks import checked_texts
from sparring.frames.inputs import Image, Request

METADATA: Final = "metadata"
EVERYTHING: Final = "*"
"""Every column but `metadata.*`: what a result has when `dataset` is not given."""

ANOMALIES: Final = "anomaly.count"
"""How many validations are true for a row, int64; 0 where the pipeline has none."""

_GROUPS: Final = ("time", "in", "out")


def in_order(names: Iterable[str]) -> list[str]:
    """Sorted by [time, in, out, everything else], then by the remaining parts of the name; stable."""

    def place(name: str) -> tuple[int, list[str]]:
        group, *rest = name.split(".")
        if group in _GROUPS:
            return _GROUPS.index(group), rest
        return len(_GROUPS), [group, *rest]

    return sorted(names, key=place)


def selected(names: Iterable[str], dataset: Sequence[str] | None, dataset_exclude: Sequence[str] | None) -> list[str]:
    """The columns that were asked for, in the order of `names`.

    An entry is a column, a group (`in`, `out` with the challengers' columns, `anomaly`, `metadata`,
    `out_<model>`), or `*` for everything but metadata. A column that `dataset` names itself stays where
    `dataset_exclude` names its group.
    """
    wanted = [EVERYTHING] if dataset is None else list(dataset)
    unwanted = [] if dataset_exclude is None else list(dataset_exclude)

    def excluded(name: str) -> bool:
        return name in unwanted or (name not in wanted and any(_names(entry, name) for entry in unwanted))

    return [name for name in names if any(_names(entry, name) for entry in wanted) and not excluded(name)]


def checked_dataset(argument: str, entries: object) -> list[str] | None:
    """`entries` as it came, or a TypeError or ValueError that names the argument."""
    if entries is None:
        return None
    accepted = "a list of columns or groups, as ['time', 'out']"
    names = list(checked_texts(argument, entries, accepted))
    if "" in names:
        raise ValueError(f"{argument}: an empty name; expected {accepted}")
    return names


def _names(entry: str, column: str) -> bool:
    group = column.split(".", 1)[0]
    if entry == EVERYTHING:
        return group != METADATA
    return entry in {column, group} or (entry == "out" and group.startswith("out_"))


def challenger_names(version: PipelineVersion) -> dict[ModelKey, str]:
    """Each challenger's name in the columns `out_<name>.*`; with its version where two share a name."""
    names: dict[ModelKey, str] = {}
    for step in version.steps:
        if isinstance(step, ShadowDeploy):
            arms = arm_names((step.champion, *step.challengers))[1:]
            names |= {one.key: arm for one, arm in zip(step.challengers, arms, strict=True)}
    seen = Counter(names.values())
    return {key: arm if seen[arm] == 1 else f"{key.name}@{key.version}" for key, arm in names.items()}


def result(
    request: Request,
    official: Answer,
    challengers: Mapping[str, Answer],
    dataset: Sequence[str] | None,
    dataset_exclude: Sequence[str] | None,
) -> pd.DataFrame | pa.Table:
    """A DataFrame for a DataFrame or an image, a Table for a Table. challengers: by their columns' name."""
    inputs = {} if isinstance(request, Image) else {name: request[name] for name in _column_names(request)}
    columns = answer_columns(inputs, official, challengers)
    names = selected(in_order(columns), dataset, dataset_exclude)
    if isinstance(request, pa.Table):
        return pa.table({name: columns[name] for name in names})
    return as_frame({name: columns[name] for name in names})


def answer_columns(inputs: Mapping[str, Any], official: Answer, challengers: Mapping[str, Answer]) -> dict[str, Any]:
    """Every column of one request's rows, unordered. inputs: the request's own columns; they become `in.*`.

    An answer without validations has no `anomaly.count`; here it is 0, as the tutorial prints it."""
    outputs = read_arrow(official.value)
    rows = outputs.num_rows
    columns: dict[str, Any] = {"time": pa.array([official.published_at] * rows, pa.timestamp("ms"))}
    columns |= {f"in.{name}": column for name, column in inputs.items()}
    columns |= {ANOMALIES: pa.array(np.zeros(rows, np.int64))}
    columns |= {_output(name): outputs[name] for name in outputs.column_names}
    if official.split:
        columns["out._model_split"] = pa.array([[_chosen(official)]] * rows, pa.list_(pa.string()))
    for arm, answer in challengers.items():
        parts = read_arrow(answer.value)
        columns |= {f"out_{arm}.{name}": parts[name] for name in parts.column_names}
    return columns | _metadata(official, rows)


def as_frame(columns: Mapping[str, Any]) -> pd.DataFrame:
    """Columns as a DataFrame: cells are flat lists of Python numbers; `anomaly.*` are numbers and booleans of pandas'
    own, as long as none is null: `result[~result["anomaly.high"]]` works. A list of columns, which have different
    types, is one column."""
    return pd.DataFrame(
        {name: (_anomalies if name.startswith("anomaly.") else _series)(column) for name, column in columns.items()}
    )


def cells(column: "pa.ChunkedArray[Any] | pa.Array[Any]") -> list[Any]:
    """A list column as flat lists of Python numbers, floats as the shortest decimal that gives them back."""
    if not (pa.types.is_list(column.type) and _is_number(column.type.value_type)):
        return list(column.to_pylist())
    whole: Any = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if whole.null_count == len(whole):
        return [None] * len(whole)
    flat = whole.flatten()
    if flat.null_count:  # numpy would make floats of whole numbers
        return list(whole.to_pylist())
    values = _numbers(flat)
    ends = np.cumsum([0 if size is None else size for size in whole.value_lengths().to_pylist()])
    there = whole.is_valid().to_pylist()
    return [values[start:end] if here else None for here, start, end in zip(there, (0, *ends), ends, strict=False)]


def _is_number(kind: Any) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind))


def _numbers(values: Any) -> list[Any]:
    if pa.types.is_float32(values.type):
        values = values.cast(pa.string()).cast(pa.float64())
    elif pa.types.is_float16(values.type):
        return [float(str(value)) for value in values.to_numpy(zero_copy_only=False)]
    return list(values.to_numpy(zero_copy_only=False).tolist())


def _series(column: Any) -> "pd.Series[Any]":
    if isinstance(column, pd.Series):
        return column.reset_index(drop=True)
    if isinstance(column, list):
        return pd.Series([cell for part in column for cell in cells(part)], dtype=object)
    if pa.types.is_timestamp(column.type):
        return pd.Series(column.to_pandas())
    return pd.Series(cells(column), dtype=object)


def _anomalies(column: Any) -> "pd.Series[Any]":
    parts = column if isinstance(column, list) else [column]
    values = [value for part in parts for value in part.to_pylist()]
    return pd.Series(values, dtype=object if None in values else None)


def _output(name: str) -> str:
    """`anomaly.*` stands beside the outputs, not among them."""
    return name if name.startswith("anomaly.") else f"out.{name}"


def _column_names(request: pd.DataFrame | pa.Table) -> list[str]:
    return list(request.column_names if isinstance(request, pa.Table) else request.columns)


def _chosen(official: Answer) -> str:
    last = official.split[-1]
    return json.dumps({"name": last.name, "version": last.version, "sha": last.sha}, separators=(",", ":"))


def _metadata(official: Answer, rows: int) -> dict[str, Any]:
    last_model = json.dumps({"model_name": official.model, "model_sha": official.model_sha256}, separators=(",", ":"))
    elapsed = [official.timings.decode_ns, official.timings.infer_ns]
    return {
        "metadata.last_model": pa.array([last_model] * rows, pa.string()),
        "metadata.pipeline_version": pa.array([official.pipeline_version] * rows, pa.string()),
        "metadata.elapsed": pa.array([elapsed] * rows, pa.list_(pa.int64())),
    }
