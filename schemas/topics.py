"""The one table of topics: who writes, who reads, key, value, most bytes, retention.

    topic                        key              value                      writes         reads
    frames                       ordering key     image, Arrow or JSON       anyone         router
    work.<model version>         frame's key      the frame's bytes + slip   router         model process
    shadow.<model version>       frame's key      the frame's bytes + slip   router         model process
    results                      frame's key, or  Arrow IPC, or JSON error   model process, indexer, anyone
                                 the request id                              router
    shadows                      as results       as results                 model process, indexer, anyone
                                                                             router
    deadletters                  frame's key      the frame's bytes          model process, anyone
                                                                             router
    catalog                      null             a catalog record, JSON     SDK            all
    presence                     process id       a beat, JSON; null: gone   all services   host, SDK

A topic's name is `<namespace>.<row>`; `<model version>` is `<workspace>.<model>.<version>`.
Limits grow downstream (frames < work = shadow < deadletters): what one hop accepted, with the
headers that it added, the next hop can always take. Nobody relies on auto-creation.
"""

from typing import Final

import msgspec

from schemas.limits import (
    FRAME_RECORD_BYTES_MAX,
    HEADERS_BYTES_MAX,
    MIB,
    PARTITIONS,
    RESULT_BYTES_MAX,
)
from schemas.names import Lane, ModelKey

"""Official answers and challengers' answers travel and run apart, so that a shadow cannot hurt."""

_HOUR_MS: Final = 3_600_000
_WORK_BYTES: Final = FRAME_RECORD_BYTES_MAX + HEADERS_BYTES_MAX
_DEADLETTER_BYTES: Final = _WORK_BYTES + HEADERS_BYTES_MAX
_RESULT_BYTES: Final = RESULT_BYTES_MAX + 2 * HEADERS_BYTES_MAX
RECORD_BYTES_MAX: Final = _DEADLETTER_BYTES
"""The largest record on any topic: what every client of the services must be able to send and fetch."""


class Topic(msgspec.Struct, frozen=True):
    """One row: how a topic is created. retention_ms -1 keeps records for ever."""

    name: str
    partitions: int
    record_bytes_max: int
    retention_ms: int
    compacted: bool = False

    def config(self) -> dict[str, str]:
        """The topic's settings in Kafka's own words. Retention is by time, never by bytes."""
        config = {
            "cleanup.policy": "compact" if self.compacted else "delete",
            "max.message.bytes": str(self.record_bytes_max),
            "retention.bytes": "-1",
        }
        if self.compacted:
            config |= {"min.cleanable.dirty.ratio": "0.1", "segment.ms": "600000"}
        else:
            config["retention.ms"] = str(self.retention_ms)
        if self.name.endswith(".catalog"):
            # Deadlines in the catalog are compared with the broker's clock, the same for every reader.
            config["message.timestamp.type"] = "LogAppendTime"
        return config


class TopicNames:
    """Names of all topics of one namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.frames = f"{namespace}.frames"
        self.results = f"{namespace}.results"
        self.shadows = f"{namespace}.shadows"
        self.deadletters = f"{namespace}.deadletters"
        self.catalog = f"{namespace}.catalog"
        self.presence = f"{namespace}.presence"

    def work(self, model: ModelKey, lane: Lane) -> str:
        """The topic of one model version and lane. Its consumer group has the same name."""
        row = "work" if lane == "official" else "shadow"
        return f"{self.namespace}.{row}.{model.workspace}.{model.name}.{model.version}"

    def of_models(self) -> tuple[str, str]:
        """How the names of all topics of models begin, by lane."""
        return f"{self.namespace}.work.", f"{self.namespace}.shadow."

    def router_group(self) -> str:
        """The consumer group that all routers share."""
        return f"{self.namespace}.router"

    def indexer_group(self) -> str:
        """The consumer group that all indexers share."""
        return f"{self.namespace}.indexer"


def fixed_topics(namespace: str) -> tuple[Topic, ...]:
    """The topics that exist before any service starts."""
    names = TopicNames(namespace)
    return (
        Topic(names.frames, PARTITIONS, FRAME_RECORD_BYTES_MAX, 24 * _HOUR_MS),
        Topic(names.results, PARTITIONS, _RESULT_BYTES, 7 * 24 * _HOUR_MS),
        Topic(names.shadows, PARTITIONS, _RESULT_BYTES, 7 * 24 * _HOUR_MS),
        Topic(names.deadletters, PARTITIONS, _DEADLETTER_BYTES, 14 * 24 * _HOUR_MS),
        Topic(names.catalog, 1, MIB, -1),
        Topic(names.presence, 1, MIB, -1, compacted=True),
    )


def work_topic(namespace: str, model: ModelKey, lane: Lane, partitions: int = PARTITIONS) -> Topic:
    """The topic that `deploy()` creates before the version that needs it. Kept at least as long as frames."""
    return Topic(TopicNames(namespace).work(model, lane), partitions, _WORK_BYTES, 48 * _HOUR_MS)
