"""The columns of a results dataset, in their order, with their types. Pure.

Beside them: `date` and `model`, by which the folder is partitioned; `out.<name>`, the model's outputs of this row as a
flat list with the model's dtype; `anomaly.<rule>`; and all that is said of an answer a second time as `recorded.*`:
the official answer that the frame got when it was recorded, beside official rows, null where there is none.
"""

from typing import Any, Final

import pyarrow as pa

from sparring.dataset.outputs import ANSWER_COLUMNS, FRAME_COLUMNS

RECORDED: Final = "recorded."

PICTURED: Final[dict[str, Any]] = {"picture_width": pa.int32(), "picture_height": pa.int32()}
"""Pixels of the frame, upright. Null where it is no picture."""

SIZED: Final[dict[str, Any]] = {
    "input_width": pa.int32(),
    "input_height": pa.int32(),
    "input_aspect": pa.string(),
    "input_place": pa.string(),
    "input_rounding": pa.string(),
    "input_shorter": pa.int32(),
}
"""Pixels of the model's input, in which its boxes are, and how a picture lies in it: `aspect`, `place`, `rounding` and
`resize_shorter` of its image settings. Null where it takes no pictures, or its boxes are in pixels of the picture."""

PARTITIONED: Final = pa.schema({"date": pa.string(), "model": pa.string()})
"""Not in the files: in the names of their folders. A row that no model answered has no model there."""

_OWN: Final = {
    name: kind
    for name, kind in (FRAME_COLUMNS | PICTURED | ANSWER_COLUMNS | SIZED).items()
    if name not in PARTITIONED.names
}
_AGAIN: Final = {f"{RECORDED}{name}": kind for name, kind in (ANSWER_COLUMNS | SIZED).items()}
FIXED: Final = pa.schema(_OWN | _AGAIN)
