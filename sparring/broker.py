"""The SDK's end of Kafka: kafka-python, with every setting that matters said here.

Only this file and `sparring.catalog`, which reads with the consumer made here, touch kafka-python.
"""

import socket
import threading
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Final, Self

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, KafkaTimeoutError, TopicAlreadyExistsError

from schemas.errors import SettingError
from schemas.frames import RawHeaders
from schemas.limits import DELIVERY_S_MAX
from schemas.topics import RECORD_BYTES_MAX, Topic

BOOTSTRAP_S_MAX: Final = 5.0
_REQUEST_S: Final = 10.0


class Broker:
    """Sends, creates topics, and asks for the end of a topic. Thread-safe.

    Raises:
        ConnectionError: when no broker answers; it says what to do.
    """

    def __init__(self, kafka: str) -> None:
        self.kafka = kafka
        _check_answers(kafka)
        self._lock = threading.RLock()
        self._producer: Any = None
        self._asker: Any = None

    def consumer(self, places: Iterable[tuple[str, int]]) -> Any:
        """A KafkaConsumer that reads these partitions from their beginning, without a group."""
        consumer = self._open(
            KafkaConsumer,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=RECORD_BYTES_MAX,
        )
        assigned = [TopicPartition(topic, partition) for topic, partition in places]
        if assigned:
            consumer.assign(assigned)
            consumer.seek_to_beginning(*assigned)
        return consumer

    def send(self, topic: str, value: bytes, key: bytes | None = None, headers: RawHeaders | None = None) -> int:
        """Send one record; returns its offset once every in-sync replica has it.

        Raises:
            ConnectionError: when that was not confirmed in time: it may or may not be there.
        """
        with self._lock:
            if self._producer is None:
                self._producer = self._open(
                    KafkaProducer,
                    acks="all",
                    enable_idempotence=True,
                    linger_ms=0,
                    max_request_size=RECORD_BYTES_MAX,
                    delivery_timeout_ms=int(DELIVERY_S_MAX * 1000),
                    request_timeout_ms=int(_REQUEST_S * 1000),
                    max_block_ms=int(_REQUEST_S * 1000),
                )
            producer = self._producer
        try:
            sent = producer.send(topic, value=value, key=key, headers=headers or [])
            return int(sent.get(timeout=DELIVERY_S_MAX).offset)
        except KafkaError as error:
            raise ConnectionError(f"{topic} on {self.kafka}: the record was not confirmed: {error}") from error

    def end(self, topic: str, partition: int = 0) -> int:
        """The offset after the partition's last record, asked of the broker now."""
        place = TopicPartition(topic, partition)
        with self._lock:
            if self._asker is None:
                self._asker = self.consumer(())
            try:
                return int(self._asker.end_offsets([place], timeout_ms=int(_REQUEST_S * 1000))[place])
            except KafkaError as error:
                raise ConnectionError(f"{topic} on {self.kafka}: no answer: {error}") from error

    def has_topic(self, topic: str) -> bool:
        """Whether the topic exists."""
        with self._lock:
            if self._asker is None:
                self._asker = self.consumer(())
            return topic in self._asker.topics()

    def create(self, topics: Sequence[Topic]) -> None:
        """Create those that do not exist; returns when each partition has its leader."""
        admin = self._open(KafkaAdminClient, request_timeout_ms=int(_REQUEST_S * 1000))
        try:
            there = set(admin.list_topics())
            for topic in topics:
                if topic.name in there:
                    continue
                how = {
                    "num_partitions": topic.partitions,
                    "replication_factor": -1,
                    "configs": topic.config(),
                }
                try:
                    admin.create_topics({topic.name: how})
                except TopicAlreadyExistsError:
                    continue  # another deployer was faster: it is the same topic
            admin.wait_for_topics([topic.name for topic in topics])
        except KafkaError as error:
            raise ConnectionError(f"topics on {self.kafka} could not be created: {error}") from error
        finally:
            admin.close()

    def close(self) -> None:
        """Close what was opened."""
        with self._lock:
            if self._producer is not None:
                self._producer.close(timeout=_REQUEST_S)
            if self._asker is not None:
                self._asker.close()
            self._producer = self._asker = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, client: Any, **settings: object) -> Any:
        if client is not KafkaAdminClient:
            settings["allow_auto_create_topics"] = False
        try:
            return client(
                bootstrap_servers=self.kafka.split(","),
                bootstrap_timeout_ms=int(BOOTSTRAP_S_MAX * 1000),
                reconnect_backoff_max_ms=1000,
                **settings,
            )
        except KafkaTimeoutError as error:
            raise ConnectionError(_nobody(self.kafka)) from error


def _check_answers(kafka: str) -> None:
    """kafka-python goes on trying a port that refuses, and leaves sockets behind."""
    for server in kafka.split(","):
        host, _, port = server.strip().rpartition(":")
        if not host or not port.isdigit():
            raise SettingError(f"SPARRING_KAFKA: {kafka!r}; expected host:port, several with commas")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=BOOTSTRAP_S_MAX):
                return
        except OSError:
            continue  # one broker of the list is enough
    raise ConnectionError(_nobody(kafka))


def _nobody(kafka: str) -> str:
    return (
        f"no Kafka answers at {kafka}: start a local stack with `sparring up`, "
        "or set SPARRING_KAFKA to the brokers' host:port"
    )
