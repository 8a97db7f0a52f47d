"""One request through the system: send the frame, wait for its answers in the index, make the table."""

import math
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import pandas as pd
import pyarrow as pa

from schemas.errors import InferenceError, InferenceTimeoutError
from schemas.names import ModelKey, PipelineName
from schemas.pipelines import PipelineVersion
from schemas.results import Answer
from sparring.columns import checked_dataset
from sparring.connection import Connection
from sparring.frames import RESERVED, send_frame
from sparring.inputs import checked_request, frame_of
from sparring.result import challenger_names, result

INFER_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class Call:
    """How one request is made: the arguments of `Pipeline.infer` beside its input, checked."""

    timeout: float = INFER_S
    shadow_wait: float | None = None
    dataset: Sequence[str] | None = None
    dataset_exclude: Sequence[str] | None = None
    headers: Mapping[str, str] | None = None
    key: str | bytes | None = None

    def __post_init__(self) -> None:
        _check_seconds("timeout", self.timeout)
        if self.shadow_wait is not None:
            _check_seconds("shadow_wait", self.shadow_wait)
        checked_dataset("dataset", self.dataset)
        checked_dataset("dataset_exclude", self.dataset_exclude)
        _check_headers(self.headers)
        if self.key is not None and not isinstance(self.key, str | bytes):
            raise TypeError(f"key: {type(self.key).__name__}; expected text or bytes")

    @property
    def key_bytes(self) -> bytes | None:
        """The key as Kafka takes it."""
        return self.key.encode() if isinstance(self.key, str) else self.key


def infer(connection: Connection, name: PipelineName, given: Any, call: Call) -> pd.DataFrame | pa.Table:
    """Send the request, wait for its answers, return its table. Errors: see `Pipeline.infer`."""
    request = checked_request(given)
    value, content_type = frame_of(request, live_version(connection, name))
    waiting = Waiting(connection, name, str(uuid4()), call)
    official, challengers = waiting.send(value, content_type)
    return result(request, official, challengers, call.dataset, call.dataset_exclude)


def live_version(connection: Connection, name: PipelineName) -> PipelineVersion:
    """What answers now; RuntimeError where the pipeline is not deployed."""
    # The broker is only asked where what is known says no: a request costs no extra round trip.
    version = connection.follower.catalog.live(name) or connection.catalog().live(name)
    if version is None:
        raise RuntimeError(f"pipeline {name} is not deployed: deploy() makes its latest version live")
    return version


_LOOK_AGAIN_S: Final = 0.5


class Waiting:
    """One request that is on its way."""

    def __init__(self, connection: Connection, pipeline: PipelineName, call: Call) -> None:
        self._connection = connection
        self._pipeline = pipeline
        self._call = call
        self._request_id = str(uuid4())
        self._by_s = time.monotonic() + call.timeout

    def ask(self, value: bytes, content_type: str) -> tuple[Answer, dict[str, Answer]]:
        """Send the frame; returns the official answer, and the challengers' by their columns' name."""
        connection = self._connection
        with connection.answers.listen(self._request_id) as heard:
            send_frame(
                connection.broker,
                connection.topics.frames,
                self._pipeline,
                value,
                request_id=self._request_id,
                content_type=content_type,
                key=self._call.key_bytes,
                headers=self._call.headers,
            )
            official = self._official(heard)
            if official.status != "ok":
                failure = official.failure()
                raise InferenceError(failure.error, failure.message, failure.stage, self._request_id)
            return official, self._challengers(heard, official)

    def _official(self, heard: Any) -> Answer:
        while (official := self._read().official) is None:
            left_s = self._by_s - time.monotonic()
            if left_s <= 0:
                raise InferenceTimeoutError(
                    f"pipeline {self._pipeline}: no answer to request {self._request_id} within "
                    f"{self._call.timeout:g} s; pipeline.status() says what runs"
                )
            heard.wait(left_s)
        return official

    def _challengers(self, heard: Any, official: Answer) -> dict[str, Answer]:
        """Those that are there when all are, when only dead ones are missing, or when time is up."""
        if official.parts == 0:
            return {}
        names = self._names(official)
        by_s = self._by_s
        if self._call.shadow_wait is not None:
            by_s = min(by_s, time.monotonic() + self._call.shadow_wait)
        while True:
            came = self._parts(official)
            missing = [key for key in names if key not in came] if len(came) < official.parts else []
            left_s = by_s - time.monotonic()
            if left_s <= 0 or not self._living(missing):
                break
            heard.wait(min(left_s, _LOOK_AGAIN_S))
        self._warn(names, missing, came)
        return {names[key]: came[key] for key in names if key in came and came[key].status == "ok"}
