"""The SDK's Kafka client: kafka-python, with every setting that matters.

Beside this file, those touch kafka-python that read with a consumer made here, those that ask its admin client, and
`sparring.kafka.bad_headers`.
"""

import base64
import contextlib
import logging
import os
import socket
import ssl
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Final, NoReturn, Self
from uuid import UUID

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import (
    GroupIdNotFoundError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NonEmptyGroupError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
)

from adapters.brokers import Brokers
from schemas.errors import FrameTooLarge, SettingError
from schemas.frames import Origin, RawHeaders
from schemas.limits import DELIVERY_S_MAX, MIB, SESSION_TIMEOUT_MS
from schemas.topics import RECORD_BYTES_MAX, Topic
from sparring.kafka.bad_headers import read_past_them
from sparring.kafka.owner import Owner, refuse_pickling

BOOTSTRAP_S_MAX: Final = 5.0
_REQUEST_S: Final = 10.0
_BATCH_BYTES: Final = MIB
"""What waits for one partition travels together up to this. With the default of 16 KiB each frame travels
alone: 360 instead of 550 frames of 100 KB a second were seen."""

# At DEBUG it writes its whole configuration, the password too, into whatever log the program has.
logging.getLogger("kafka.admin.client").addFilter(lambda record: "configuration" not in str(record.msg))

_PRODUCERS: Final[weakref.WeakSet[Any]] = weakref.WeakSet()


def _leave_producers_to_the_parent() -> None:
    """kafka-python flushes a producer when its process ends, or when it is collected: a fork's child would wait for the
    parent's records."""
    for producer in list(_PRODUCERS):
        producer._unregister_cleanup()  # noqa: SLF001  # there is no public call
        producer._closed = True  # noqa: SLF001  # as above


os.register_at_fork(after_in_child=_leave_producers_to_the_parent)

Delivery = Origin | FrameTooLarge | ConnectionError
"""How sending one record ended: where it lies, or why it does not."""


class Broker:
    """Sends records, creates topics, reads end offsets. Thread-safe, for one process.

    Raises:
        ConnectionError: when no broker answers; it says what to do.
        OtherProcessError: of every call but `close`, in another process than the one that made it.
    """

    def __init__(self, kafka: Brokers) -> None:
        self.kafka = kafka
        self.owner = Owner()
        _check_answers(kafka)
        self._lock = threading.RLock()
        self._producer: Any = None
        self._asker: Any = None
        self._spoilt: Any = None

    def consumer(self, places: Iterable[tuple[str, int]], fetch_bytes_max: int = RECORD_BYTES_MAX) -> Any:
        """A KafkaConsumer that reads these partitions from their beginning, without a group.

        fetch_bytes_max: of one partition's answer; Kafka gives a larger record all the same, but alone.
        """
        consumer = self._open(
            KafkaConsumer,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=fetch_bytes_max,
        )
        assigned = [TopicPartition(topic, partition) for topic, partition in places]
        if assigned:
            consumer.assign(assigned)
            consumer.seek_to_beginning(*assigned)
        return consumer

    def member(self, group: str, fetch_bytes_max: int) -> Any:
        """A KafkaConsumer that is a member of a consumer group, subscribed to nothing yet. Nothing commits by itself.

        Partitions of one number of several topics go to the same member: a key's records lie in them. fetch_bytes_max
        as in `consumer`.
        """
        return self._open(
            KafkaConsumer,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            partition_assignment_strategy=[RangePartitionAssignor],
            session_timeout_ms=SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=SESSION_TIMEOUT_MS // 3,
            max_partition_fetch_bytes=fetch_bytes_max,
        )

    def send(
        self,
        topic: str,
        value: bytes,
        key: bytes | None = None,
        headers: RawHeaders | None = None,
        within_s: float = DELIVERY_S_MAX,
    ) -> int:
        """Send one record; returns its offset once every in-sync replica has it.

        Raises:
            FrameTooLarge: the topic does not take a record of that size.
            TimeoutError: that was not confirmed within `within_s`, where this is less than DELIVERY_S_MAX.
            ConnectionError: when it was not confirmed in time: it may or may not be there, as after TimeoutError.
        """
        producer = self._sending()
        try:
            sent = producer.send(topic, value=value, key=key, headers=headers or [])
            if within_s < DELIVERY_S_MAX and not _ends_within(sent, within_s):
                # The client retries without end and reports no failure.
                sent.add_errback(lambda error: self._undelivered(producer, topic, error))
                raise TimeoutError(f"{topic} on {self.kafka}: the record was not confirmed within {within_s:g} s")
            return int(sent.get(timeout=DELIVERY_S_MAX).offset)
        except KafkaError as error:
            raise self._undelivered(producer, topic, error) from error

    def start(
        self,
        topic: str,
        value: bytes,
        report: Callable[[Delivery], None],
        *,
        key: bytes | None = None,
        headers: RawHeaders | None = None,
    ) -> None:
        """Begin to send one record. `report` is called once, from the client's own thread: it must be quick.

        How much is under way is the caller's to bound. Raises as `send`, where not even a beginning was possible.
        """
        producer = self._sending()
        try:
            sent = producer.send(topic, value=value, key=key, headers=headers or [])
        except KafkaError as error:
            raise self._undelivered(producer, topic, error) from error
        sent.add_callback(lambda place: report(Origin(place.topic, place.partition, place.offset)))
        sent.add_errback(lambda error: report(self._undelivered(producer, topic, error)))

    def end(self, topic: str, partition: int = 0) -> int:
        """The offset after the partition's last record, requested from the broker now."""
        place = TopicPartition(topic, partition)
        with self._asking(topic) as asker:
            return int(asker.end_offsets([place], timeout_ms=int(_REQUEST_S * 1000))[place])

    def has_topic(self, topic: str) -> bool:
        """Whether the topic exists."""
        with self._asking(topic) as asker:
            return topic in asker.topics()

    def topic_id(self, topic: str) -> str:
        """The broker's own id of a topic, URL-safe base64, as it stands in request ids that are made of it."""
        with self.admin(f"{topic} could not be described") as admin:
            (described,) = admin.describe_topics([topic])
        return base64.urlsafe_b64encode(UUID(str(described["topic_id"])).bytes).decode().rstrip("=")

    def create(self, topics: Sequence[Topic]) -> None:
        """Create those that do not exist; returns when each partition has its leader."""
        with self.admin("topics could not be created") as admin:
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
                except TopicAuthorizationFailedError as error:
                    raise ConnectionError(
                        f"this user may not create the topic {topic.name} on {self.kafka}; expected that it has the "
                        "rights of docs/security.md"
                    ) from error
            admin.wait_for_topics([topic.name for topic in topics])

    def delete(self, prefix: str) -> list[str]:
        """Delete all topics whose names begin with this, and the groups that read them; returns the topics' names.

        For topics that nobody uses any more: clients do not survive that a topic is made anew.

        Raises:
            ValueError: the prefix does not end in a dot: it could be the beginning of another's name.
            ConnectionError: the broker does not answer, or refuses.
        """
        if len(prefix) < 2 or not prefix.endswith("."):
            raise ValueError(f"prefix: {prefix!r}; expected a namespace with a dot behind it")
        with self.admin(f"topics {prefix}* could not be deleted") as admin:
            topics = sorted(name for name in admin.list_topics() if name.startswith(prefix))
            if topics:
                admin.delete_topics(topics, timeout_ms=int(_REQUEST_S * 1000))
            # One whose reader was killed a moment ago: Kafka forgets it by itself, some days later.
            delete_groups(admin, [name for name in group_names(admin) if name.startswith(prefix)])
        return topics

    @contextlib.contextmanager
    def admin(self, failure: str) -> Iterator[Any]:
        """An admin client, for questions and orders. ConnectionError where the broker refuses, or does not answer:
        it begins with `failure`, a sentence about what could not be done."""
        admin = self._open(KafkaAdminClient, request_timeout_ms=int(_REQUEST_S * 1000))
        try:
            yield admin
        except KafkaError as error:
            raise ConnectionError(f"{failure} on {self.kafka}: {error}") from error
        finally:
            admin.close()

    def close(self) -> None:
        """Close what was opened; in another process nothing."""
        if not self.owner.is_here:
            return
        with self._lock:
            if self._producer is not None:
                self._close_producer()
            if self._asker is not None:
                self._close_asker()

    def __reduce__(self) -> NoReturn:
        refuse_pickling()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextlib.contextmanager
    def _asking(self, topic: str) -> Iterator[Any]:
        """The consumer for questions. One that got no answer is replaced: it was seen to wait for ever for a broker
        that had stood still, while others had taken its partitions over."""
        self.owner.check()
        with self._lock:
            if self._asker is None:
                self._asker = self.consumer(())
            try:
                yield self._asker
            except KafkaError as error:
                self._close_asker()
                raise ConnectionError(f"{topic} on {self.kafka}: no answer: {error}") from error

    def _close_asker(self) -> None:
        with contextlib.suppress(KafkaError):
            self._asker.close(autocommit=False, timeout_ms=int(_REQUEST_S * 1000))
        self._asker = None

    def _sending(self) -> Any:
        self.owner.check()
        with self._lock:
            if self._producer is not None and self._producer is self._spoilt:
                # After an error that it does not try again, an idempotent producer refuses whatever follows.
                self._close_producer()
            if self._producer is None:
                self._producer = self._open(
                    KafkaProducer,
                    acks="all",
                    enable_idempotence=True,
                    linger_ms=0,
                    batch_size=_BATCH_BYTES,
                    max_request_size=RECORD_BYTES_MAX,
                    delivery_timeout_ms=int(DELIVERY_S_MAX * 1000),
                    request_timeout_ms=int(_REQUEST_S * 1000),
                    max_block_ms=int(_REQUEST_S * 1000),
                )
                _PRODUCERS.add(self._producer)
            return self._producer

    def _close_producer(self) -> None:
        try:
            self._producer.close(timeout=_REQUEST_S)
        except KafkaError:
            # Its close gives up where flushing takes longer, and leaves it running: it would neither report what it
            # holds nor let go of it, and send it after the records that follow.
            self._producer._sender.force_close()  # noqa: SLF001  # there is no public call
        self._producer = self._spoilt = None

    def _undelivered(self, producer: Any, topic: str, error: KafkaError) -> FrameTooLarge | ConnectionError:
        # After a record has timed out, kafka-python 3.0 was seen to neither send nor report what it held, for ever.
        if not error.retriable or isinstance(error, KafkaTimeoutError):
            self._spoilt = producer
        if isinstance(error, MessageSizeTooLargeError):
            return FrameTooLarge(
                f"{topic} on {self.kafka} does not take a record of that size: {error}; its setting "
                f"max.message.bytes should be {RECORD_BYTES_MAX}"
            )
        return ConnectionError(f"{topic} on {self.kafka}: the record was not confirmed: {error}")

    def _open(self, client: Any, **settings: object) -> Any:
        self.owner.check()
        if client is not KafkaAdminClient:
            settings["allow_auto_create_topics"] = False
        if client is KafkaConsumer:
            # As the router reads (librdkafka's default): what a transaction took back was never sent. Ends are then
            # last stable offsets: an open transaction ends a partition until it is committed or aborted.
            settings["isolation_level"] = "read_committed"
        try:
            opened = client(
                **self.kafka.kafka_python(),
                bootstrap_timeout_ms=int(BOOTSTRAP_S_MAX * 1000),
                reconnect_backoff_max_ms=1000,
                **settings,
            )
        except KafkaTimeoutError as error:
            raise ConnectionError(_not_let_in(self.kafka)) from error
        if client is KafkaConsumer:
            read_past_them(opened)
        return opened


def topic_configs(admin: Any, topics: Sequence[str]) -> dict[str, dict[str, str]]:
    """Every setting of these topics as the broker has it, by topic and name. KafkaError where one is not there."""
    asked = [ConfigResource(ConfigResourceType.TOPIC, topic) for topic in topics]
    found = admin.describe_configs(asked, config_filter="all")["topic"] if topics else {}
    return {
        topic: {name: str(setting["value"]) for name, setting in settings.items()} for topic, settings in found.items()
    }


def group_names(admin: Any) -> set[str]:
    """All consumer groups that this user may know of."""
    return {str(group["group_id"]) for group in admin.list_groups()}


def delete_groups(admin: Any, groups: Sequence[str]) -> set[str]:
    """Delete these groups where they are; returns those that have a member, which Kafka keeps. KafkaError where it
    refuses another."""
    # By group `OK` or the error's name, other than its documentation has it.
    outcomes: dict[str, str] = admin.delete_groups(list(groups)) if groups else {}
    for group, outcome in outcomes.items():
        if outcome not in {"OK", NonEmptyGroupError.__name__, GroupIdNotFoundError.__name__}:
            raise KafkaError(f"group {group}: {outcome}")
    return {group for group, outcome in outcomes.items() if outcome == NonEmptyGroupError.__name__}


def _check_answers(kafka: Brokers) -> None:
    """kafka-python retries a port that refuses, and leaves sockets open."""
    for server in kafka.servers.split(","):
        host, _, port = server.strip().rpartition(":")
        if not host or not port.isdigit():
            raise SettingError(f"SPARRING_KAFKA: {kafka.servers!r}; expected host:port, several with commas")
        host = host.strip("[]")
        try:
            with socket.create_connection((host, int(port)), timeout=BOOTSTRAP_S_MAX) as plain:
                if (context := kafka.ssl_context()) is not None:
                    context.wrap_socket(plain, server_hostname=host).close()
                return
        except ssl.SSLError as error:
            raise ConnectionError(
                f"{server} was not believed: {error}; SPARRING_KAFKA_CA names the authority of its certificate, and "
                "SPARRING_KAFKA_TLS=true needs a listener with TLS"
            ) from error
        except OSError:
            continue  # one broker of the list is enough
    raise ConnectionError(
        f"no Kafka answers at {kafka}: start a local stack with `sparring up`, "
        "or set SPARRING_KAFKA to the brokers' host:port"
    )


def _ends_within(sent: Any, within_s: float) -> bool:
    try:
        sent.get(timeout=within_s)
    except KafkaError:
        return bool(sent.is_done)
    return True


def _not_let_in(kafka: Brokers) -> str:
    """Somebody listens there, but no client of ours comes to speak with it."""
    login = f"; check SPARRING_KAFKA_USER and SPARRING_KAFKA_PASSWORD of {kafka.user!r}" if kafka.user else ""
    return (
        f"{kafka} listens, but does not let a client in that speaks {kafka.protocol}"
        f"{f' with {kafka.mechanism}' if kafka.user else ''}{login}; docs/security.md says how Kafka is reached"
    )
