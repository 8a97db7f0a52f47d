"""Answers, frames and plans for tests, with as little in them as a test needs."""

from typing import Any

import numpy as np

from schemas.frames import Origin
from schemas.pipelines import PipelineVersion
from schemas.results import Answer, failure_value
from schemas.tables.read import encode_rows
from sparring.dataset.outputs import FrameFacts
from sparring.replay.frame import ReplayFrame
from sparring.replay.plan import Pace, Plan
from sparring.replay.source import Files

DAY_MS = 24 * 3_600_000


def answer(request: str = "r1", frame: str = "f/0/1", **other: Any) -> Answer:
    """An `ok` answer with `y`; outputs: others."""
    outputs = other.pop("outputs", {"y": [np.array([1.0, 2.0], np.float32)]})
    facts: dict[str, Any] = {
        "key": b"k",
        "value": encode_rows(outputs),
        "request_id": request,
        "status": "ok",
        "pipeline": "default/shelf",
        "frame": frame,
        "frame_digest": "0" * 64,
        "published_at": DAY_MS,
        "pipeline_version": "v1",
        "role": "champion",
        "model": "m",
        "model_version": "1",
        "model_sha256": "a" * 64,
    }
    return Answer(**(facts | other))


def failed(request: str = "r1", frame: str = "f/0/1", error: str = "BadJson", **other: Any) -> Answer:
    """An error."""
    return answer(request, frame, status="error", value=failure_value(error, "why", "decode"), **other)


def frame(number: int, at: int = DAY_MS) -> ReplayFrame:
    """A frame that was recorded at `sparring.frames/0/<number>`."""
    place = Origin("sparring.frames", 0, number)
    return ReplayFrame(number, FrameFacts(f"r{number}", str(place), at), None, b"frame", [], f"r{number}", place)


def plan(**other: Any) -> Plan:
    """Of some files, as fast as possible."""
    facts: dict[str, Any] = {
        "id": "abc",
        "created_at": 0,
        "source": Files(("a.jpg",)),
        "version": PipelineVersion("default", "shelf", "v1", (), 0),
        "live": False,
        "allow_python": False,
        "pace": Pace(),
        "frames": None,
    }
    return Plan(**(facts | other))
