"""Results as a replay writes them, simulated: any number of them, without inference."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

PORTION_ROWS: Final = 250_000
WITH_BOXES: Final = 0.5
"""The share of answers with boxes, one to four each; the others have a score for each of four classes."""

_AT_MS: Final = int(datetime(2026, 11, 23, 8, tzinfo=UTC).timestamp() * 1000)
_EVERY_MS: Final = 8  # ten million within a day


def write_results(folder: Path, count: int, model: str, seed: int, missing: float = 0.0) -> None:
    """A dataset of `count` results of one day. Two models answer alike, but for small differences by `seed`; of a
    model, the share `missing` of subjects has no answer, and one in a thousand is an error."""
    target = folder / "date=2026-11-23" / f"model={model}"
    target.mkdir(parents=True)
    for number, begin in enumerate(range(0, count, PORTION_ROWS)):
        places = np.arange(begin, min(count, begin + PORTION_ROWS))
        pq.write_table(_portion(places, seed, missing), target / f"part-{number:05}.parquet", compression="zstd")


def _portion(places: np.ndarray, seed: int, missing: float) -> pa.Table:
    frames, own = np.random.default_rng((0, int(places[0]))), np.random.default_rng((seed, int(places[0])))
    n = len(places)
    boxed = frames.random(n) < WITH_BOXES
    failed = ~boxed & (own.random(n) < 0.002)
    counts = np.where(boxed, frames.integers(1, 5, n), 0)
    corners, classes, sure = _boxes(counts, frames, own)
    at = pa.array(_AT_MS + places * _EVERY_MS, pa.timestamp("ms", "UTC"))
    scores = own.random((n, 4), np.float32) * 0.2 + frames.random((n, 4), np.float32)
    infer_ns = own.integers(18_000_000, 26_000_000, n)
    columns: dict[str, Any] = {
        "subject": pa.array([f"{place:032x}" for place in places.tolist()]),
        "request_id": pa.array([f"{seed:04x}{place:028x}" for place in places.tolist()]),
        "source": pa.array([f"sparring.frames/{place % 4}/{place // 4}" for place in places.tolist()]),
        "at": at,
        "row": pa.array(np.zeros(n, np.int32)),
        "status": pa.array(np.where(failed, "error", "ok")),
        "error": pa.array(["StepFailed" if one else None for one in failed.tolist()], pa.string()),
        "published_at": pa.array(_AT_MS + places * _EVERY_MS + 5 + infer_ns // 1_000_000, pa.timestamp("ms", "UTC")),
        "queued_ns": pa.array(np.full(n, 3_000_000)),
        "decode_ns": pa.array(np.full(n, 2_000_000)),
        "infer_ns": pa.array(infer_ns),
        "out.boxes": _lists(corners, counts * 4, ~boxed),
        "out.classes": _lists(classes, counts, ~boxed),
        "out.confidences": _lists(sure, counts, ~boxed),
        "out.scores": _lists(scores[~boxed & ~failed].ravel(), np.where(boxed | failed, 0, 4), boxed | failed),
    }
    return pa.table(columns).filter(pa.array(own.random(n) >= missing))


def _boxes(
    counts: np.ndarray, frames: np.random.Generator, own: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    m = int(counts.sum())
    corner, side = frames.random((m, 2)) * 500, 40 + frames.random((m, 2)) * 100
    shaken = np.concatenate((corner, corner + side), axis=1) + own.normal(0, 6, (m, 4))
    classes = np.where(own.random(m) < 0.02, 0, frames.integers(0, 80, m))
    return shaken.astype(np.float32).ravel(), classes, (0.3 + own.random(m) * 0.6).astype(np.float32)


def _lists(values: np.ndarray, counts: np.ndarray, absent: np.ndarray) -> Any:
    offsets: Any = pa.array(np.concatenate(([0], np.cumsum(counts))).astype(np.int32))
    return pa.ListArray.from_arrays(offsets, pa.array(values), mask=pa.array(absent))
