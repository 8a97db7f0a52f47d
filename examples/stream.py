"""The two ends of the stream as other teams write them: a camera that sends, a backend that reads.

kafka-python and docs/contract.md are all that they know; nothing of ours is imported. The demo owns one of each.
"""

import queue
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

ANSWER_BYTES_MAX: Final = 17 * 1024 * 1024
"""What the contract lets an answer be; a raw probability map of 640x480 has 1.2 MB, more than Kafka's default."""

_DELIVERY_S_MAX: Final = 30.0
_POLL_MS: Final = 100


@dataclass(frozen=True)
class Answer:
    """One record of `results` or `shadows`.

    topic: its last word. arrays: each output of the frame's one row, flat. error: why there are none, else "".
    infer_ms: all steps of the path; published_at_ms: Unix milliseconds.
    """

    topic: str
    request_id: str
    role: str
    model: str
    infer_ms: float
    published_at_ms: int
    arrays: dict[str, npt.NDArray[Any]]
    error: str


class Camera:
    """Sends JPEGs for one pipeline; its name is the key, so its frames stay in order."""

    def __init__(self, kafka: str, namespace: str, pipeline: str, name: str = "camera-7") -> None:
        self._topic = f"{namespace}.frames"
        self._pipeline = pipeline
        self._name = name
        self._producer = KafkaProducer(bootstrap_servers=kafka, acks="all", linger_ms=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._producer.close(timeout=0 if error is not None else _DELIVERY_S_MAX)

    def send(self, request_id: str, jpeg: bytes) -> int:
        """Send one frame; returns when, in Unix milliseconds. KafkaError where the broker does not take it."""
        sent_at_ms = time.time_ns() // 1_000_000
        headers = [("pipeline", self._pipeline.encode()), ("request-id", request_id.encode())]
        sent = self._producer.send(self._topic, key=self._name.encode(), value=jpeg, headers=headers)
        sent.get(timeout=_DELIVERY_S_MAX)
        return sent_at_ms


class Backend:
    """Reads `results` and `shadows`, in a thread of its own, from the moment that it is made."""

    def __init__(self, kafka: str, namespace: str) -> None:
        self._consumer = KafkaConsumer(bootstrap_servers=kafka, max_partition_fetch_bytes=ANSWER_BYTES_MAX)
        places = [
            TopicPartition(topic, partition)
            for topic in (f"{namespace}.results", f"{namespace}.shadows")
            for partition in sorted(self._consumer.partitions_for_topic(topic))
        ]
        self._consumer.assign(places)
        for place, end in self._consumer.end_offsets(places).items():
            self._consumer.seek(place, end)
        self._heard: queue.SimpleQueue[Answer | Exception] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="backend", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
        self._consumer.close()

    def read(self, wait_s: float) -> Answer | None:
        """The next answer, or None when none came in time. Raises what went wrong while reading."""
        try:
            heard = self._heard.get(timeout=max(wait_s, 0.0))
        except queue.Empty:
            return None
        if isinstance(heard, Exception):
            raise heard
        return heard

    def _listen(self) -> None:
        while not self._stopping.is_set():
            try:
                for records in self._consumer.poll(timeout_ms=_POLL_MS).values():
                    for record in records:
                        self._heard.put(_read(record))
            except Exception as error:  # noqa: BLE001  who calls read() must hear of it, whatever it is
                self._heard.put(error)
                return


def _read(record: Any) -> Answer:
    headers = {name: value.decode() for name, value in record.headers}
    ok = headers["status"] == "ok"
    return Answer(
        topic=record.topic.rpartition(".")[2],
        request_id=headers["request-id"],
        role=headers.get("role", ""),
        model=headers.get("model", ""),
        infer_ms=int(headers["infer-ns"]) / 1e6,
        published_at_ms=int(headers["published-at"]),
        arrays=_arrays(record.value) if ok else {},
        error="" if ok else f"{headers['status']}: {record.value.decode(errors='replace')}",
    )


def _arrays(value: bytes) -> dict[str, npt.NDArray[Any]]:
    table = pa.ipc.open_stream(value).read_all()
    rows: dict[str, Any] = {name: table.column(name).combine_chunks() for name in table.column_names}
    return {name: np.asarray(column[0].values) for name, column in rows.items()}
