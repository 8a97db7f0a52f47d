"""A client's connection: one broker, one model store, one index, one namespace.

Workspaces, models and pipelines of one client share it. `who` names the user for readers of the catalog: there are
no accounts.
"""

import getpass
import os
import socket
from functools import cached_property
from typing import NoReturn

from adapters.redis import AnswerIndex
from adapters.settings import Settings
from adapters.storage.models import ModelStore
from schemas.catalog import Catalog, CatalogRecord, encode_record
from schemas.topics import TopicNames
from sparring.kafka.broker import Broker
from sparring.kafka.owner import Owner, refuse_pickling
from sparring.stack.folder import Folder, default_data, references_folder
from sparring.system.follower import Follower


class Connection:
    """Open connections. Call `close` at the end. Raises OtherProcessError where another process uses one of them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.topics: TopicNames = settings.topics
        self.owner = Owner()
        self._broker = Broker(settings.brokers)
        try:
            self._check_catalog()
            self._follower = Follower(self._broker, self.topics)
        except BaseException:
            self._broker.close()
            raise

    @property
    def broker(self) -> Broker:
        """Kafka."""
        self.owner.check()
        return self._broker

    @property
    def follower(self) -> Follower:
        """The followed catalog, and the live processes."""
        self.owner.check()
        return self._follower

    def _check_catalog(self) -> None:
        if not self.broker.has_topic(self.topics.catalog):
            raise ConnectionError(
                f"{self.broker.kafka} has no topic {self.topics.catalog}: start the system there, or set "
                "SPARRING_NAMESPACE to the namespace that it runs in"
            )

    @cached_property
    def store(self) -> ModelStore:
        """The model store; SettingError where it is not set."""
        return ModelStore(self.settings.model_store)

    @property
    def answers(self) -> AnswerIndex:
        """The index of answers."""
        self.owner.check()
        return self._answers

    @cached_property
    def _answers(self) -> AnswerIndex:
        return AnswerIndex(self.settings.redis, self.settings.namespace, self.settings.result_ttl_s)

    def append(self, record: CatalogRecord) -> int:
        """Append to the catalog; returns the record's offset once this client has read it back."""
        offset = self.broker.send(self.topics.catalog, encode_record(record))
        self.follower.read_to(offset + 1)
        return offset

    def catalog(self) -> Catalog:
        """The catalog, with everything that anyone had appended before this call."""
        return self.follower.confirmed()

    def close(self) -> None:
        """Close everything; in another process nothing: its copies of the sockets end with it."""
        if not self.owner.is_here:
            return
        self._follower.close()
        if "_answers" in self.__dict__:
            self._answers.close()
        self._broker.close()

    def __reduce__(self) -> NoReturn:
        refuse_pickling()


def found_settings() -> Settings:
    """The environment's settings where SPARRING_KAFKA is set, else those of the local stack.

    Raises:
        ConnectionError: when neither is there: it says what to do.
    """
    if "SPARRING_KAFKA" in os.environ:
        return Settings.read()
    data = default_data()
    addresses = Folder(data).addresses()
    if addresses is None:
        raise ConnectionError(
            f"no local stack runs in {data}: start one with `sparring up` (SPARRING_DATA names another "
            "folder), or set SPARRING_KAFKA, SPARRING_REDIS and SPARRING_STORE to a system that runs"
        )
    references = str(references_folder(data))
    return Settings(
        kafka=addresses.kafka,
        redis=addresses.redis,
        store=addresses.store,
        namespace=addresses.namespace,
        result_ttl_s=Settings.read().result_ttl_s,
        reference_roots=(references,),
        reference_store=references,
    )


def who() -> str:
    """The operating system's user and machine: `ana@lab-3`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "?"
    return f"{user}@{socket.gethostname()}"
