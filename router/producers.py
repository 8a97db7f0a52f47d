"""The router's two producers, which know the topics of models that are needed, and no others.

Once a topic is gone that it knows, a librdkafka before 2.10 goes on with memory that it has freed (its issue 4964), and
ends natively sooner or later. `sparring topics prune` deletes the topics of versions that nobody needs any more: so
producers that know one are replaced as soon as it is no longer needed.
"""

import threading
from collections.abc import Mapping
from typing import Final

from adapters.kafka.confirming_producer import ConfirmingProducer
from adapters.settings import RouterSettings
from schemas.catalog import Deployed
from schemas.limits import SHADOW_ROOM_S
from schemas.pipelines import PipelineVersion

_MORE_S: Final = 1.5
"""Librdkafka looks once a second for records whose time is over."""


class Producers:
    """official, shadow: for tasks of either lane; the official one is for answers and dead letters, too. Both may be
    others after `follow`."""

    def __init__(self, settings: RouterSettings) -> None:
        self._settings = settings
        self._topics = settings.topics
        self._deployments: frozenset[Deployed] = frozenset()
        self.official, self.shadow = self._new()

    def follow(self, wanted: Mapping[Deployed, PipelineVersion]) -> None:
        """Know the topics that these deployments need: the first task must not wait for it, a shadow would be shed.

        Raises:
            RetryLater: what was sent is not confirmed.
        """
        if self._deployments - wanted.keys() and not self._renewed():
            return
        self._deployments = frozenset(wanted)
        lanes = {lane for version in wanted.values() for lane in version.lanes()}
        self.official.prefetch_metadata(self._topics.work(key, lane) for key, lane in lanes if lane == "official")
        self.shadow.prefetch_metadata(self._topics.work(key, lane) for key, lane in lanes if lane == "shadow")

    def drain_shadow(self) -> bool:
        """Wait until every shadow task is delivered, or its time is over; whether all are."""
        self.shadow.drain(self._settings.shadow_delivery_ms / 1000 + _MORE_S)
        return len(self.shadow) == 0

    def _renewed(self) -> bool:
        """Not while a shadow task is in flight: its callback is still due."""
        if not self.drain_shadow():
            return False
        self.official.flush()
        old = [self.official, self.shadow]
        self.official, self.shadow = self._new()
        # librdkafka closes a client in the thread that drops it: under load, that stopped the router for a second.
        threading.Thread(target=old.clear, name="old producers", daemon=True).start()
        return True

    def _new(self) -> tuple[ConfirmingProducer, ConfirmingProducer]:
        brokers, topics = self._settings.brokers, self._topics
        delivery_ms = self._settings.shadow_delivery_ms
        official = ConfirmingProducer(brokers)
        official.prefetch_metadata((topics.results, topics.shadows, topics.deadletters))
        return official, ConfirmingProducer(brokers, delivery_ms, idempotent=False, queue_wait_s=SHADOW_ROOM_S)
