"""A camera and a backend team: they know Kafka and the contract, and nothing of the SDK."""

import threading
import uuid
from collections import defaultdict
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from confluent_kafka import Consumer, Producer, TopicPartition

from schemas.frames import RawHeaders
from schemas.results import Answer
from schemas.topics import RECORD_BYTES_MAX
from sparring.stack import LocalStack


class Wire:
    """Sends frames and hears everything that comes back, from the moment it is made."""

    def __init__(self, stack: LocalStack) -> None:
        self.namespace = stack.namespace
        self._producer = Producer(
            {"bootstrap.servers": stack.kafka, "message.max.bytes": RECORD_BYTES_MAX, "linger.ms": 0}
        )
        self._consumer = Consumer(
            {
                "bootstrap.servers": stack.kafka,
                "group.id": f"wire-{uuid.uuid4()}",
                "fetch.message.max.bytes": RECORD_BYTES_MAX,
            }
        )
        # Only what came is in them, in the order in which it came.
        self.results: dict[str, list[Answer]] = defaultdict(list)
        self.shadows: dict[str, list[Answer]] = defaultdict(list)
        self.deadletters: dict[str, list[tuple[dict[str, str], bytes]]] = defaultdict(list)
        self.offsets: dict[str, tuple[int, int]] = {}
        self._heard = threading.Condition()
        self._stop = threading.Event()
        self._consumer.assign([place for name in ("results", "shadows", "deadletters") for place in self._ends(name)])
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    def send(
        self,
        pipeline: str | None,
        value: bytes,
        request_id: str | None = None,
        key: bytes | None = None,
        headers: RawHeaders | None = None,
        at: int = 0,
    ) -> str:
        """Produce one frame; returns its request id. at: the record's time, Unix milliseconds; 0: now."""
        request_id = request_id or str(uuid.uuid4())
        given: list[tuple[str, Any]] = [("request-id", request_id.encode()), *(headers or [])]
        if pipeline is not None:
            given.append(("pipeline", pipeline.encode()))
        self._producer.produce(f"{self.namespace}.frames", value, key, headers=given, timestamp=at)
        self._producer.poll(0)
        return request_id

    def flush(self) -> None:
        """Wait until everything sent is confirmed."""
        assert self._producer.flush(30) == 0

    def answers(self, requests: Iterable[str], within_s: float = 60.0) -> dict[str, Answer]:
        """The official answer of each request; fails, naming some, where one is missing after `within_s`."""
        wanted = list(requests)
        self.flush()
        with self._heard:
            self._heard.wait_for(lambda: all(self.results.get(one) for one in wanted), within_s)
        missing = [one for one in wanted if not self.results.get(one)]
        assert not missing, f"{len(missing)} of {len(wanted)} have no answer in {within_s} s: {missing[:5]}"
        return {one: self.results[one][0] for one in wanted}

    def answer(self, request_id: str, within_s: float = 60.0) -> Answer:
        """The official answer of one request."""
        return self.answers([request_id], within_s)[request_id]

    def challengers(self, requests: Iterable[str], count: int = 1, within_s: float = 60.0) -> dict[str, list[Answer]]:
        """At least `count` records on `shadows` for each request."""
        wanted = list(requests)
        with self._heard:
            self._heard.wait_for(lambda: all(len(self.shadows.get(one, ())) >= count for one in wanted), within_s)
        missing = [one for one in wanted if len(self.shadows.get(one, ())) < count]
        assert not missing, f"{len(missing)} of {len(wanted)} have no {count} shadows in {within_s} s"
        return {one: self.shadows[one] for one in wanted}

    def deadletter(self, request_id: str, within_s: float = 60.0) -> tuple[dict[str, str], bytes]:
        """Headers and bytes of a request's dead letter."""
        with self._heard:
            self._heard.wait_for(lambda: request_id in self.deadletters, within_s)
        assert request_id in self.deadletters, f"{request_id} has no dead letter in {within_s} s"
        return self.deadletters[request_id][0]

    def deadletter_of(self, frame: str, within_s: float = 60.0) -> tuple[dict[str, str], bytes]:
        """Likewise of a frame that has no request id of its own, by its place."""

        def letters() -> list[tuple[dict[str, str], bytes]]:
            return [letter for some in self.deadletters.values() for letter in some if letter[0].get("frame") == frame]

        with self._heard:
            self._heard.wait_for(letters, within_s)
            found = letters()
        assert found, f"{frame} has no dead letter in {within_s} s"
        return found[0]

    def _ends(self, name: str) -> list[TopicPartition]:
        topic = f"{self.namespace}.{name}"
        partitions = self._consumer.list_topics(topic, timeout=10).topics[topic].partitions
        places = [TopicPartition(topic, partition) for partition in partitions]
        for place in places:
            place.offset = self._consumer.get_watermark_offsets(place, timeout=10)[1]
        return places

    def _listen(self) -> None:
        while not self._stop.is_set():
            message = self._consumer.poll(0.1)
            if message is None or message.error() is not None:
                continue
            raw: Any = message.headers() or []
            text = {name: value.decode(errors="replace") for name, value in raw if value is not None}
            value = message.value() or b""
            with self._heard:
                topic = str(message.topic()).rpartition(".")[2]
                if topic == "deadletters":
                    self.deadletters[text.get("request-id", "")].append((text, value))
                else:
                    answer = Answer.from_record(message.key(), value, list(raw))
                    (self.results if topic == "results" else self.shadows)[answer.request_id].append(answer)
                self._heard.notify_all()
