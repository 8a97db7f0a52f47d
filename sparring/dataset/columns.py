"""The columns of a results dataset, in their order, with their types. Pure.

Beside them: `date` and `model`, by which the folder is partitioned; `out.<name>`, the model's outputs of this row as a
flat list with the model's dtype; `anomaly.<rule>`; and all that is said of an answer a second time as `recorded.*`:
the official answer that the frame got when it was recorded, beside official rows, null where there is none.
"""

from typing import Any, Final

import pyarrow as pa

TIME: Final = pa.timestamp("ms", "UTC")
RECORDED: Final = "recorded."

ASKED: Final[dict[str, Any]] = {
    "subject": pa.string(),
    "source": pa.string(),
    "at": TIME,
    "row": pa.int32(),
}
"""Of the frame. row: of the request, from 0."""

TOLD: Final[dict[str, Any]] = {
    "request_id": pa.string(),
    "pipeline": pa.string(),
    "pipeline_version": pa.string(),
    "role": pa.string(),
    "model_version": pa.string(),
    "model_sha256": pa.string(),
    "status": pa.string(),
    "error": pa.string(),
    "message": pa.string(),
    "stage": pa.string(),
    "split": pa.string(),
    "frame": pa.string(),
    "frame_digest": pa.string(),
    "published_at": TIME,
    "queued_ns": pa.int64(),
    "decode_ns": pa.int64(),
    "infer_ns": pa.int64(),
}
"""Of the answer, as docs/contract.md names it; split is JSON."""

SIZED: Final[dict[str, Any]] = {"input_width": pa.int32(), "input_height": pa.int32(), "input_aspect": pa.string()}
"""Pixels of the model's input, in which its boxes are, and how a picture lies in it: `stretch` or `letterbox`. Null
where it takes no pictures."""

TOLD_AGAIN: Final[dict[str, Any]] = {f"{RECORDED}{name}": kind for name, kind in {"model": pa.string(), **TOLD}.items()}

FIXED: Final = pa.schema({**ASKED, **TOLD, **SIZED, **TOLD_AGAIN})
PARTITIONED: Final = pa.schema({"date": pa.string(), "model": pa.string()})
"""Not in the files: in the names of their folders. A row that no model answered has no model there."""
