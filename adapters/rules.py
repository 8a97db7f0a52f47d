"""Validation rules: polars expressions over `in.*` and `out.*`; true means anomaly. The one owner of polars.

An expression travels as the JSON of its tree. Nothing is unpickled and no code runs when it is read: before
polars sees the text, every node must be of a kind named here. What holds Python (a function, a pickled
object) is none of them, and is refused by the client that writes it and by the worker that reads it.
"""

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa

from schemas.errors import Refused
from schemas.limits import RULE_BYTES_MAX, RULE_DEPTH_MAX
from schemas.pipelines import Validation
from schemas.tables.encodings import decode_columns

ANOMALY: Final = "anomaly."
COUNT: Final = "anomaly.count"

_COUNTED_FROM_0: Final = ".list.get([null])"
"""What polars makes of SQL's index 0, whatever the list: a rule that is never true."""

_COMPUTED: Final = re.compile(r"\.list\.get\(\[(?!dyn int: -?[0-9]+\])")
"""An index that may become 0 only when the rule runs."""

_FAILURES: Final = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
"""Of polars: the second is no Exception, and what its Rust code did not expect."""

_NOT_TAKEN: Final = (*_FAILURES, pa.ArrowException, Refused, ValueError, TypeError)
"""What taking a column over may raise: a request may have columns of any type."""

_TRIES_MAX: Final = 1000
"""Halvings of one table for one rule, some 0.3 ms each."""

_TREE: Final = re.compile(r"\b[A-Z][A-Za-z]+(?: \{|\()")
"""Where polars begins to print a node of its SQL parser: `Dot(Function(Function { name: ...`."""

_REASON_CHARS_MAX: Final = 150

_LIST: Final = re.compile(r"List\(|list\[")
_WHERE: Final = "This error occurred in the following expression"
"""What polars adds to a reason: the whole expression, which the user has written."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_NODES: Final = frozenset(
    "Column Literal Alias Cast BinaryExpr Ternary Function Agg Eval Filter Sort Slice".split()  # noqa: SIM905
)
_LEAVES: Final = frozenset(("Element", "Len"))
_CHILDREN: Final = frozenset(
    ("left", "right", "input", "expr", "predicate", "truthy", "falsy", "evaluation", "by", "offset", "length")
)
_PYTHON: Final = re.compile("python|anonymous|pickle|plugin|udf", re.IGNORECASE)


def checked_name(name: str) -> str:
    """`name` unchanged; ValueError where it cannot be the end of a column's name."""
    if _NAME.fullmatch(name) is None or name == "count":
        raise ValueError(f"validation {name!r}: expected letters, digits and underscores, and not 'count'")
    return name


def written(name: str, expression: object) -> Validation:
    """A rule as the catalog keeps it.

    Raises:
        TypeError: it is no polars expression.
        ValueError: it holds a Python function, or is too large.
    """
    checked_name(name)
    if not isinstance(expression, pl.Expr):
        raise TypeError(
            f"validation {name!r}: {type(expression).__name__}; expected a polars expression, such as "
            'pl.col("out.variable").list.get(0) > 1000000.0'
        )
    try:
        text = str(expression.meta.serialize(format="json"))
    except (pl.exceptions.PolarsError, ModuleNotFoundError, TypeError, ValueError) as error:
        why = _one_line(error)
        if _PYTHON.search(why):  # polars says which package would pickle it: installing that helps nobody
            why = "it holds a Python function (map_elements, map_batches, apply)"
        raise ValueError(f"validation {name!r} cannot be written: {why}; expected no Python functions in it") from error
    rule = Validation(name, text)
    read(rule)
    return rule


def parsed(name: str, sql: str) -> Validation:
    """A rule written in SQL, as polars parses it: parsing runs no code. Lists are counted from 1.

    Raises:
        ValueError: it is no SQL that polars reads, or as `written`.
    """
    try:
        expression = pl.sql_expr(sql)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, TypeError) as error:
        raise ValueError(f"validation {name!r}: no SQL that polars reads: {_without_tree(error)}") from error
    if _COUNTED_FROM_0 in str(expression):
        raise ValueError(f"validation {name!r}: index 0; expected the places of a list counted from 1, as SQL does")
    if _COMPUTED.search(str(expression)):
        raise ValueError(f"validation {name!r}: an index that is computed; expected a whole number, counted from 1")
    return written(name, expression)


def read(rule: Validation) -> pl.Expr:
    """The expression; ValueError where it is none, or holds what is not allowed."""
    if len(rule.expression) > RULE_BYTES_MAX:
        raise ValueError(f"validation {rule.name!r}: {len(rule.expression)} bytes; expected at most {RULE_BYTES_MAX}")
    try:
        _check(json.loads(rule.expression), 0)
        return pl.Expr.deserialize(io.StringIO(rule.expression), format="json")
    except (pl.exceptions.PolarsError, ValueError, RecursionError) as error:
        raise ValueError(f"validation {rule.name!r}: {_one_line(error)}") from error


def _check(node: Any, depth: int) -> None:
    if depth > RULE_DEPTH_MAX:
        raise ValueError(f"nested more than {RULE_DEPTH_MAX} deep")
    if isinstance(node, str):
        if node not in _LEAVES:
            raise ValueError(f"a node {node[:40]!r}; expected an expression without Python functions")
        return
    if not isinstance(node, dict) or len(node) != 1:
        raise ValueError(f"no expression: {str(node)[:80]}")
    ((kind, inside),) = node.items()
    if kind not in _NODES:
        raise ValueError(_other_node(kind))
    _check_inside(kind, inside, depth)


def _other_node(kind: str) -> str:
    if kind == "Selector":
        return 'columns that a pattern or pl.all() chooses; expected each by its name, pl.col("out.variable")'
    return f"a node {kind[:40]!r}; expected an expression without Python functions"


def _check_inside(kind: str, inside: Any, depth: int) -> None:
    if kind == "Column":
        return
    if kind == "Literal":
        # A literal series travels as bytes of its own, and may hold Python objects.
        if not isinstance(inside, dict) or not inside.keys() <= {"Dyn", "Scalar"}:
            raise ValueError("a literal that is no number, text, boolean, time or null")
        if not _is_text(inside):
            _refuse_python(inside)
        return
    if kind == "Agg" and isinstance(inside, dict) and len(inside) == 1:
        (inside,) = inside.values()
    if kind == "Alias" and isinstance(inside, list) and inside:
        inside = inside[0]
    if not isinstance(inside, dict):
        _check(inside, depth + 1)
        return
    if not inside.keys() & _CHILDREN:
        _check(inside, depth + 1)
        return
    for name, part in inside.items():
        if name not in _CHILDREN:
            _refuse_python(part)
            continue
        for child in part if isinstance(part, list) else [part]:
            _check(child, depth + 1)


def _is_text(literal: dict[str, Any]) -> bool:
    """Whether it is a text, which may say anything."""
    (value,) = literal.values() or (None,)
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("String", value.get("Str")), str)


def _refuse_python(part: Any) -> None:
    """A function's own name and options: they hold no expressions."""
    if _PYTHON.search(json.dumps(part)):
        raise ValueError("a function that is not polars' own; expected an expression without Python functions")


class Rules:
    """The rules of one pipeline version, ready to be evaluated."""

    def __init__(self, validations: Iterable[Validation]) -> None:
        self._rules = {rule.name: read(rule) for rule in validations}
        self._columns = {name for rule in self._rules.values() for name in rule.meta.root_names()}
        self.takes_inputs = any(name.startswith("in.") for name in self._columns)
        """Whether any of them looks at `in.*`."""

    def anomalies(self, outputs: pa.Table, inputs: pa.Table | None) -> tuple[pa.Table, dict[str, str]]:
        """`anomaly.<name>` and `anomaly.count` per row, and why a rule could not be evaluated, by name.

        Such a rule is null in the rows that it fails on, and does not count: it blocks no result.
        """
        frame, unread = self._frame(outputs, inputs)
        found: dict[str, pl.Series] = {}
        failed: dict[str, str] = {}
        for name, rule in self._rules.items():
            lost = [unread[column] for column in rule.meta.root_names() if column in unread]
            found[ANOMALY + name], why = (
                (_nulls(frame), lost[0]) if lost else _evaluated(frame, rule, iter(range(_TRIES_MAX)))
            )
            if why is not None:
                failed[name] = why
        counts = pl.DataFrame(found).select(pl.sum_horizontal(pl.all().cast(pl.Int64).fill_null(0)).alias(COUNT))
        arrays = {COUNT: counts[COUNT].to_arrow()} | {name: series.to_arrow() for name, series in found.items()}
        return pa.table(arrays), failed

    def _frame(self, outputs: pa.Table, inputs: pa.Table | None) -> tuple[pl.DataFrame, dict[str, str]]:
        """The outputs, and of the request what the rules name; and why polars does not take a column, by name: a
        request may have columns of any type beside those that its model takes."""
        columns: dict[str, Any] = {f"out.{name}": outputs[name] for name in outputs.column_names}
        if inputs is not None:
            given = {f"in.{name}": name for name in inputs.column_names}
            columns |= {name: inputs[given[name]] for name in sorted(given.keys() & self._columns)}
        try:
            return _taken(columns), {}
        except _NOT_TAKEN:
            return _taken_one_by_one(columns)


def _taken(columns: Mapping[str, Any]) -> pl.DataFrame:
    table = decode_columns(pa.table(dict(columns)), columns)
    return _wide(pl.DataFrame(pl.from_arrow(table)))


def _wide(frame: pl.DataFrame) -> pl.DataFrame:
    """Whole numbers as int64: in a narrower or unsigned type, polars' arithmetic wraps round (uint8 200 + 100 is 44).
    A column of uint64 with a number beyond int64 stays as it is."""
    for name, kind in frame.schema.items():
        wider = _wider(kind)
        if wider != kind:
            with suppress(pl.exceptions.InvalidOperationError):
                frame = frame.with_columns(frame[name].cast(wider, strict=True))
    return frame


def _wider(kind: Any) -> Any:
    if isinstance(kind, pl.List):
        return pl.List(_wider(kind.inner))
    if isinstance(kind, pl.Array):
        return pl.Array(_wider(kind.inner), kind.size)
    return pl.Int64 if kind.is_integer() and kind not in {pl.Int128, pl.UInt128} else kind


def _taken_one_by_one(columns: Mapping[str, Any]) -> tuple[pl.DataFrame, dict[str, str]]:
    """Those that polars takes, and why it does not take the others."""
    taken: list[pl.DataFrame] = []
    unread: dict[str, str] = {}
    for name, column in columns.items():
        try:
            taken.append(_taken({name: column}))
        except _NOT_TAKEN as error:
            unread[name] = f"column {name} is {column.type}, which no rule reads: {_one_line(error)}"
    return pl.concat(taken, how="horizontal"), unread


def _nulls(frame: pl.DataFrame) -> pl.Series:
    return pl.Series([None] * frame.height, dtype=pl.Boolean)


def _evaluated(frame: pl.DataFrame, rule: pl.Expr, tries: Iterator[int]) -> tuple[pl.Series, str | None]:
    """One boolean or null per row. A rule that fails on the whole is tried on halves, as often as `tries` gives; rows
    that are not separated by then are null together: a large table must not take its process's time."""
    try:
        return _booleans(frame, rule), None
    except _FAILURES as error:
        why = _one_line(error)
    if frame.height <= 1 or next(tries, None) is None:
        return _nulls(frame), why
    half = frame.height // 2
    parts = [_evaluated(part, rule, tries)[0] for part in (frame.slice(0, half), frame.slice(half))]
    return pl.concat(parts), why


def _booleans(frame: pl.DataFrame, rule: pl.Expr) -> pl.Series:
    series = frame.with_columns(rule.alias("_rule"))["_rule"]
    if series.dtype != pl.Boolean:
        raise pl.exceptions.SchemaError(f"the rule gives {series.dtype}; expected true or false")
    return series


def why_not(rule: Validation, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> str | None:
    """Why a rule cannot be evaluated over these columns, or None. inputs, outputs: names and numpy's dtypes.

    A request may have columns of its own, and scalars or lists for an input: `in.*` is tried as either.
    """
    expression = read(rule)
    roots = expression.meta.root_names()
    unknown = [name for name in roots if name.startswith("out.") and name[4:] not in outputs]
    strange = [name for name in roots if not name.startswith(("in.", "out."))]
    if unknown or strange:
        names = ", ".join([*(f"out.{name}" for name in outputs), *(f"in.{name}" for name in inputs)])
        hint = ' (in SQL a name with a dot stands in double quotes: "out.y")' if strange in (["in"], ["out"]) else ""
        return f"no column {(unknown or strange)[0]!r}; there are {names}{hint}"
    if any(name.startswith("in.") and name[3:] not in inputs for name in roots):
        return None  # a column that only requests have: nobody knows its type before one comes
    why = None
    for wrap in (pl.List, lambda kind: kind, lambda kind: pl.List(pl.List(kind))):
        schema: dict[str, Any] = {f"out.{name}": pl.List(_kind(dtype)) for name, dtype in outputs.items()}
        schema |= {f"in.{name}": wrap(_kind(dtype)) for name, dtype in inputs.items()}
        try:
            found = pl.DataFrame(schema=schema).select(expression).dtypes
        except pl.exceptions.PolarsError as error:
            why = why or _one_line(error).partition(_WHERE)[0].strip()
            continue
        if found == [pl.Boolean]:
            return None
        why = why or f"the rule gives {found[0]}; expected true or false"
    hint = (
        "; a cell is a list: .list.get(0) is its first value, .list.max() its largest"
        if _LIST.search(why or "")
        else ""
    )
    return f"{why}{hint}" if why else None


def _kind(dtype: str) -> Any:
    """Numpy's name of a dtype as polars' type."""
    return pl.String if dtype == "string" else pl.Series(np.empty(0, dtype)).dtype


def _without_tree(error: BaseException) -> str:
    """A reason of polars' SQL without the parser's own tree, which it may end with."""
    return _TREE.split(_one_line(error))[0].rstrip(" :")[:_REASON_CHARS_MAX] or "it cannot be parsed"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
