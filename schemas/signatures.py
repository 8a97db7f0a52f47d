"""Which inputs and outputs a model may declare: of types that NumPy, Arrow and ONNX Runtime's Python API can all hold,
under names that can be columns. Pure.

`upload_model` and `configure()` refuse anything else; `deploy()` refuses the types again, of what an older version
uploaded.
"""

import unicodedata
from collections.abc import Sequence
from typing import Final

from schemas.limits import COLUMNS_MAX, TENSOR_NAME_CHARS_MAX
from schemas.models import TensorSpec
from schemas.tables.casting import TEXT

DTYPES: Final = (
    *("float16", "float32", "float64", "bool", TEXT),
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
)
"""Of inputs and outputs: NumPy's names, `string` for text. Of bfloat16, float8, int4 and such NumPy has none; some of
their tensors come out of ONNX Runtime as plain bytes."""

OUTPUTS_MAX: Final = COLUMNS_MAX // 2
"""Each is a column of lists, which counts as two."""


def check_signature(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> None:
    """ValueError that names the input or output that no request can hold or no answer can give."""
    for what, specs in (("input", inputs), ("output", outputs)):
        for spec in specs:
            _check_name(what, spec.name)
        _check_distinct(what, [spec.name for spec in specs])
    check_dtypes(inputs, outputs)
    if len(outputs) > OUTPUTS_MAX:
        raise ValueError(f"{len(outputs)} outputs; expected at most {OUTPUTS_MAX}")


def check_dtypes(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> None:
    """ValueError that names the first input or output of another type than DTYPES."""
    for what, specs, never in (
        ("input", inputs, "no request can hold it"),
        ("output", outputs, "no answer can hold it"),
    ):
        for spec in specs:
            if spec.dtype not in DTYPES:
                raise ValueError(
                    f"{what} {spec.name!r} is {spec.dtype}, {never}; expected one of {', '.join(DTYPES)}: add a Cast "
                    f"to the model ({'from' if what == 'input' else 'to'} float32, for example) and upload it again"
                )


def _check_name(what: str, name: str) -> None:
    if not name.strip() or not name.isprintable() or len(name) > TENSOR_NAME_CHARS_MAX:
        shown = ascii(name if len(name) <= TENSOR_NAME_CHARS_MAX else f"{name[:40]}...")
        raise ValueError(
            f"{what} {shown} has a name of {len(name)} characters that cannot be a column; expected 1 to "
            f"{TENSOR_NAME_CHARS_MAX} printable characters: rename it in the model"
        )


def _check_distinct(what: str, names: Sequence[str]) -> None:
    """Two names are alike where a person sees the same."""
    seen: dict[str, str] = {}
    for name in names:
        shown = unicodedata.normalize("NFC", name).strip()
        if shown in seen:
            raise ValueError(
                f"the {what}s {seen[shown]!a} and {name!a} look the same as columns; expected each name "
                "once: rename one in the model"
            )
        seen[shown] = name
