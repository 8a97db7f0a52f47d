"""One request through the system: send the frame, wait for its answers in the index, make the table."""

import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, overload
from uuid import uuid4

import pandas as pd
import pyarrow as pa

from adapters.redis import Answers, Subscription
from schemas.errors import InferenceError, InferenceTimeoutError, Refused
from schemas.frames import RawHeaders
from schemas.names import ModelKey, PipelineName
from schemas.pipelines import PipelineVersion
from schemas.results import Answer, Failure
from sparring.checks import checked_seconds
from sparring.dataset.outputs import failure_of, read_outputs
from sparring.frames.headers import check_sizes, frame_bytes_max, frame_headers, outgoing
from sparring.frames.inputs import Image, checked_request, frame_of
from sparring.frames.labels import checked_headers, checked_key
from sparring.results.dataframe import challenger_names, checked_dataset, result
from sparring.system.connection import Connection

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
    argument: str = "tensor"
    """What the user calls the input; errors begin with it."""

    def __post_init__(self) -> None:
        checked_seconds("timeout", self.timeout)
        if self.shadow_wait is not None:
            checked_seconds("shadow_wait", self.shadow_wait)
        checked_dataset("dataset", self.dataset)
        checked_dataset("dataset_exclude", self.dataset_exclude)
        checked_headers(self.headers)
        checked_key(self.key)

    @property
    def key_bytes(self) -> bytes | None:
        """The key as Kafka takes it."""
        return checked_key(self.key)


@overload
def infer(connection: Connection, name: PipelineName, given: pd.DataFrame | Image, call: Call) -> pd.DataFrame: ...


@overload
def infer(connection: Connection, name: PipelineName, given: pa.Table, call: Call) -> pa.Table: ...


@overload
def infer(
    connection: Connection, name: PipelineName, given: pd.DataFrame | pa.Table, call: Call
) -> pd.DataFrame | pa.Table: ...


def infer(connection: Connection, name: PipelineName, given: Any, call: Call) -> pd.DataFrame | pa.Table:
    """Send the request, wait for its answers, return its table. Errors: see `Pipeline.infer`."""
    request = checked_request(given)
    bytes_max = frame_bytes_max(connection.settings.reference_store)
    value, content_type = frame_of(request, live_version(connection, name), call.argument, bytes_max)
    official, challengers = Waiting(connection, name, call).ask(value, content_type)
    try:
        return result(request, official, challengers, call.dataset, call.dataset_exclude)
    except (Refused, pa.ArrowException) as error:
        code = error.error if isinstance(error, Refused) else "BadArrow"
        message = f"its answer is ok and cannot be read: {error}"
        raise InferenceError(code, message, "read", official.request_id) from error


def check(connection: Connection, name: PipelineName, given: Any, call: Call) -> None:
    """Refuse what `infer` would refuse before it sends. Errors: see `Pipeline.infer`."""
    bytes_max = frame_bytes_max(connection.settings.reference_store)
    value, kind = frame_of(checked_request(given), live_version(connection, name), call.argument, bytes_max)
    headers = frame_headers(name, request_id=str(uuid4()), content_type=kind, headers=call.headers)
    check_sizes(value, call.key_bytes, headers, call.argument, bytes_max)


def live_version(connection: Connection, name: PipelineName) -> PipelineVersion:
    """What answers now; RuntimeError where the pipeline is not deployed."""
    # The broker is requested only if the known catalog lacks the pipeline: a request costs no extra round trip.
    version = connection.follower.catalog.live(name) or connection.catalog().live(name)
    if version is None:
        raise RuntimeError(f"pipeline {name} is not deployed: deploy() makes its latest version live")
    return version


class Waiting:
    """One request that is on its way."""

    def __init__(self, connection: Connection, pipeline: PipelineName, call: Call) -> None:
        self._connection = connection
        self._pipeline = pipeline
        self._call = call
        self._request_id = str(uuid4())
        self._by_s = 0.0

    def ask(self, value: bytes, content_type: str) -> tuple[Answer, dict[str, Answer]]:
        """Send the frame; returns the official answer, and the challengers' by their columns' name. What is too large
        is stored first: that takes its own time."""
        connection, call = self._connection, self._call
        headers = frame_headers(
            self._pipeline, request_id=self._request_id, content_type=content_type, headers=call.headers
        )
        frame = outgoing(value, call.key_bytes, headers, connection.settings.reference_store, call.argument)
        self._by_s = time.monotonic() + call.timeout
        with connection.answers.subscription(self._request_id, str(self._pipeline)) as subscription:
            self._send(frame.value, frame.headers)
            official = self._official(subscription)
            if official.status != "ok":
                failure = failure_of(official)
                raise InferenceError(failure.error, failure.message, failure.stage, self._request_id)
            return official, self._challengers(subscription, official)

    def _send(self, value: bytes, headers: RawHeaders) -> None:
        connection, call = self._connection, self._call
        left_s = max(0.0, self._by_s - time.monotonic())
        try:
            connection.broker.send(connection.topics.frames, value, call.key_bytes, headers, left_s)
        except TimeoutError as error:
            raise InferenceTimeoutError(
                f"pipeline {self._pipeline}: no answer to request {self._request_id} within {call.timeout:g} s: "
                f"{error}; it may be answered all the same"
            ) from error

    def _official(self, subscription: Subscription) -> Answer:
        left_s = self._by_s - time.monotonic()
        official = subscription.wait(lambda answers: answers.official is not None, left_s).official
        if official is None:
            raise InferenceTimeoutError(
                f"pipeline {self._pipeline}: no answer to request {self._request_id} within "
                f"{self._call.timeout:g} s; pipeline.status() says what runs"
            )
        return official

    def _challengers(self, subscription: Subscription, official: Answer) -> dict[str, Answer]:
        """Those that are there when all are, when only dead ones are missing, or when time is up."""
        if official.parts == 0:
            return {}
        names = self._names(official)
        left_s = self._by_s - time.monotonic()
        if self._call.shadow_wait is not None:
            left_s = min(left_s, self._call.shadow_wait)
        answers = subscription.wait(lambda now: now.complete or not self._living(_absent(names, now)), left_s)
        came = {key: answer for answer in answers.challengers if (key := _challenger(names, answer))}
        failures = {key: failure for key, answer in came.items() if (failure := read_outputs(answer)[1]) is not None}
        self._warn(names, failures, [] if answers.complete else _absent(names, answers))
        return {names[key]: answer for key, answer in came.items() if key not in failures}

    def _names(self, official: Answer) -> dict[ModelKey, str]:
        """The challengers of the version that answered; it may be newer than what this client has read."""
        wanted = official.pipeline_version or ""
        version = self._connection.follower.catalog.version(
            self._pipeline, wanted
        ) or self._connection.catalog().version(self._pipeline, wanted)
        return {} if version is None else challenger_names(version)

    def _living(self, keys: Sequence[ModelKey]) -> bool:
        """Whether one of these challengers has a live process. If no process of the system is alive, this client has
        lost presence, and no challenger counts as dead."""
        models, alive = {str(key) for key in keys}, self._connection.follower.alive()
        return not alive or any(beat.model in models and beat.lane == "shadow" for beat in alive)

    def _warn(
        self, names: Mapping[ModelKey, str], failures: Mapping[ModelKey, Failure], absent: Sequence[ModelKey]
    ) -> None:
        failed = [f"{names[key]} ({failure.error}: {failure.message})" for key, failure in failures.items()]
        silent = [f"{names[key]} (no answer)" for key in absent]
        if failed or silent:
            warnings.warn(
                f"pipeline {self._pipeline}, request {self._request_id}: challengers are missing: "
                f"{', '.join(failed + silent)}",
                stacklevel=6,
            )


def _challenger(names: Iterable[ModelKey], answer: Answer) -> ModelKey | None:
    """Which challenger an answer is of: a version's uuid is unique, so workspaces need not be compared."""
    wanted = (answer.model, answer.model_version)
    return next((key for key in names if (key.name, key.version) == wanted), None)


def _absent(names: Iterable[ModelKey], answers: Answers) -> list[ModelKey]:
    came = {_challenger(names, answer) for answer in answers.challengers}
    return [key for key in names if key not in came]
