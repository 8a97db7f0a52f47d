"""Results datasets as a replay writes them, small."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

AT = datetime(2026, 11, 23, 8, tzinfo=UTC)
SCHEMA: Any = pa.schema(
    [  # type: ignore[arg-type]
        pa.field("subject", pa.string()),
        pa.field("row", pa.int32()),
        pa.field("request_id", pa.string()),
        pa.field("source", pa.string()),
        pa.field("at", pa.timestamp("ms", "UTC")),
        pa.field("role", pa.string()),
        pa.field("status", pa.string()),
        pa.field("error", pa.string()),
        pa.field("published_at", pa.timestamp("ms", "UTC")),
        pa.field("queued_ns", pa.int64()),
        pa.field("decode_ns", pa.int64()),
        pa.field("infer_ns", pa.int64()),
        pa.field("picture_width", pa.int32()),
        pa.field("picture_height", pa.int32()),
        pa.field("input_width", pa.int32()),
        pa.field("input_height", pa.int32()),
        pa.field("input_aspect", pa.string()),
        pa.field("input_place", pa.string()),
        pa.field("input_rounding", pa.string()),
        pa.field("input_shorter", pa.int32()),
    ]
)
BOXES = (
    pa.field("out.boxes", pa.list_(pa.float32())),
    pa.field("out.classes", pa.list_(pa.int64())),
    pa.field("out.confidences", pa.list_(pa.float32())),
)
SCORES = (pa.field("out.scores", pa.list_(pa.float32())),)

Row = dict[str, Any]
Box = tuple[Sequence[float], int, float]


def answer(subject: str, boxes: Iterable[Box] | None = None, **more: Any) -> Row:
    """An answer that took 20 ms, 30 ms with waiting and decoding. `out_x` stands for the column `out.x`."""
    found: Row = {
        "subject": subject,
        "row": 0,
        "request_id": f"request-{subject}",
        "at": AT,
        "role": "champion",
        "status": "ok",
        "published_at": AT + timedelta(milliseconds=30),
        "queued_ns": 8_000_000,
        "decode_ns": 2_000_000,
        "infer_ns": 20_000_000,
    }
    if boxes is not None:
        listed = list(boxes)
        found["out.boxes"] = [number for corners, _, _ in listed for number in corners]
        found["out.classes"] = [number for _, number, _ in listed]
        found["out.confidences"] = [number for _, _, number in listed]
    return found | {f"out.{name[4:]}" if name.startswith("out_") else name: value for name, value in more.items()}


def failed(subject: str, error: str = "StepFailed", status: str = "error") -> Row:
    return answer(subject, status=status, error=error, infer_ns=None)


def write(folder: Path, rows: list[Row], model: str = "nano", outputs: Iterable["pa.Field[Any]"] = BOXES) -> Path:
    """One more file of the dataset; returns its folder."""
    target = folder / "date=2026-11-23" / f"model={model}"
    target.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(rows, schema=pa.schema([*SCHEMA, *outputs]))
    pq.write_table(table, target / f"part-{len(list(target.iterdir()))}.parquet")
    return folder
