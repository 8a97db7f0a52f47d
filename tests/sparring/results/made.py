"""Results for tests of pure code."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from schemas.results import Answer
from schemas.tables.read import encode_rows
from sparring.results.result import Result, result_of


def result(request_id: str = "r", at: int = 0, offset: int = 0, topic: str = "results", **more: Any) -> Result:
    """An official one, published at `at` milliseconds, at `topic/0/offset`."""
    fields: dict[str, Any] = {
        "key": b"",
        "value": encode_rows({"y": [np.array([1.5], np.float32)]}),
        "request_id": request_id,
        "status": "ok",
        "pipeline": "default/shelf",
        "frame": "frames/0/0",
        "frame_digest": "",
        "published_at": at,
        "pipeline_version": "pv",
        "role": "champion",
        "model": "yolox",
        "model_version": "v1",
        "model_sha256": "sha",
    }
    answer = Answer(**(fields | more))
    return result_of(_record(answer, topic, offset))


def record(of: Result) -> Any:
    """The Kafka record that holds it."""
    return _record(of.answer, of.topic, of.offset)


def _record(answer: Answer, topic: str, offset: int) -> Any:
    return SimpleNamespace(
        key=answer.key, value=answer.value, headers=answer.headers(), topic=topic, partition=0, offset=offset
    )


def challenger(request_id: str = "r", at: int = 0, offset: int = 0, **more: Any) -> Result:
    """A challenger's, on `shadows`."""
    return result(request_id, at, offset, "shadows", **{"role": "challenger", "model": "rival", **more})
