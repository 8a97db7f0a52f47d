"""One table of the tables of several model versions, whose outputs of one name may have different types. No number
changes. Pure.

pyarrow's own promotion makes int64 and uint64 int64, and int64 and float64 float64; neither holds every number.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import pyarrow as pa

_OUTPUT: Final = "out."
"""In the names of outputs' columns, also of those that were recorded."""


def unified(one: pa.Schema, other: pa.Schema) -> pa.Schema | None:
    """The columns of both, each of a type that holds every value of either; None where a column has no such type."""
    kinds: dict[str, Any] = {field.name: field.type for field in one}
    for field in other:
        kind = common_type(kinds.get(field.name, field.type), field.type)
        if kind is None:
            return None
        kinds[field.name] = kind
    return pa.schema(kinds)


def common_type(one: Any, other: Any) -> Any:
    """The type that holds every value of both: the wider of two floats, of two signed or of two unsigned integers, also
    in lists. None: there is none."""
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    if _is_list(one) and _is_list(other):
        inside = common_type(one.value_type, other.value_type)
        large = pa.types.is_large_list(one) or pa.types.is_large_list(other)
        return None if inside is None else pa.large_list(inside) if large else pa.list_(inside)
    for alike in (pa.types.is_floating, pa.types.is_signed_integer, pa.types.is_unsigned_integer):
        if alike(one) and alike(other):
            return max(one, other, key=lambda kind: int(kind.bit_width))
    return pa.large_string() if _is_text(one) and _is_text(other) else None


def of_files(schemas: Iterable[pa.Schema]) -> tuple[pa.Schema, set[str]]:
    """One schema for the files of a dataset, and which of its outputs are text because no type holds what all files
    have. Whole numbers beside fractions are fractions: pyarrow does not read those that float64 does not hold.

    Raises:
        pa.ArrowTypeError: a column that is no output has types that do not go together.
    """
    kinds: dict[str, Any] = {}
    mixed: set[str] = set()
    for field in (field for schema in schemas for field in schema):
        kind = _promoted(kinds.get(field.name, field.type), field.type)
        if kind is None and _OUTPUT not in field.name:
            raise pa.ArrowTypeError(f"{field.name} is {kinds[field.name]} in one file and {field.type} in another")
        if kind is None:
            mixed.add(field.name)
        kinds[field.name] = pa.list_(pa.string()) if field.name in mixed else kind
    return pa.schema(kinds), mixed


def compatible(tables: Iterable[pa.Table]) -> Iterator[list[pa.Table]]:
    """Tables in their order, in runs whose columns go together."""
    run: list[pa.Table] = []
    schema = pa.schema([])
    for table in tables:
        both = unified(schema, table.schema)
        if both is None:
            yield run
            run, both = [], table.schema
        run.append(table)
        schema = both
    if run:
        yield run


def columns_of(tables: Sequence[pa.Table], names: Iterable[str]) -> dict[str, "pa.ChunkedArray[Any] | list[Any]"]:
    """These columns of all tables, in the order of their rows, null where a table has none. One whose types do not go
    together is a list of its chunks, each of its own type."""
    found: dict[str, pa.ChunkedArray[Any] | list[Any]] = {}
    for name in names:
        kind = _common(tables, name)
        chunks = [_column(table, name, pa.null() if kind is None else kind) for table in tables]
        found[name] = chunks if kind is None else _whole([_cast(chunk, kind) for chunk in chunks], kind)
    return found


def newest_types(tables: Sequence[pa.Table], names: Iterable[str]) -> tuple[pa.Table, Mapping[str, str]]:
    """These columns of all tables, oldest first, in one. Where types do not go together it is the newest one's, and
    null where a value does not fit into it: why, by column."""
    columns: dict[str, Any] = {}
    lost: dict[str, str] = {}
    for name, column in columns_of(tables, names).items():
        if isinstance(column, pa.ChunkedArray):
            columns[name] = column
            continue
        columns[name], left_out = _as_newest(column)
        if left_out:
            others = ", ".join(f"{kind} in {rows} rows" for kind, rows in left_out.items())
            lost[name] = f"{name} is null where it was {others}: it is {columns[name].type} in the newest"
    return pa.table(columns), lost


def _as_newest(chunks: Sequence[Any]) -> tuple[Any, Mapping[str, int]]:
    kind: Any = pa.null()
    for chunk in reversed(chunks):
        wider = common_type(kind, chunk.type)
        kind = kind if wider is None else wider
    left_out: Counter[str] = Counter()
    fitting = []
    for chunk in chunks:
        cast = _exactly(chunk, kind)
        if cast is None:
            left_out[str(chunk.type)] += len(chunk)
            cast = pa.chunked_array([pa.nulls(len(chunk), kind)])
        fitting.append(cast)
    return _whole(fitting, kind), left_out


def _exactly(chunk: Any, kind: Any) -> Any:
    """The chunk as `kind`, where that holds all its values; None where it does not."""
    if common_type(kind, chunk.type) is None and not (_is_numeric(kind) and _is_numeric(chunk.type)):
        return None
    try:
        return _cast(chunk, kind)
    except pa.ArrowInvalid:
        return None


def _cast(chunk: Any, kind: Any) -> Any:
    return chunk if chunk.type == kind else chunk.cast(kind)


def _promoted(one: Any, other: Any) -> Any:
    kind = common_type(one, other)
    if kind is None:
        with suppress(pa.ArrowTypeError, pa.ArrowInvalid):
            schemas = [pa.schema({"x": each}) for each in (one, other)]
            kind = pa.unify_schemas(schemas, promote_options="permissive").field("x").type
    return kind


def _common(tables: Sequence[pa.Table], name: str) -> Any:
    kind: Any = pa.null()
    for table in tables:
        if name in table.column_names and kind is not None:
            kind = common_type(kind, table.schema.field(name).type)
    return kind


def _column(table: pa.Table, name: str, kind: Any) -> Any:
    return table[name] if name in table.column_names else pa.chunked_array([pa.nulls(table.num_rows, kind)])


def _whole(columns: Sequence[Any], kind: Any) -> Any:
    return pa.chunked_array([chunk for column in columns for chunk in column.chunks], kind)


def _is_list(kind: Any) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_numeric(kind: Any) -> bool:
    while _is_list(kind):
        kind = kind.value_type
    # Of float16, pyarrow does not check whether it holds a value.
    return bool(pa.types.is_integer(kind) or pa.types.is_float32(kind) or pa.types.is_float64(kind))
