"""The host: follow the catalog, start what is wanted, end what is drained, watch the rest."""

import logging
import socket
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Final

from adapters.catalog import CatalogReader
from adapters.clock import now_ms
from adapters.monitor import Monitor, Target
from adapters.presence import Heart, Watch
from adapters.settings import HostSettings
from adapters.topics import check_topics, lag
from schemas.errors import RetryLater
from schemas.limits import MIB
from schemas.metrics import ENDS, MODEL_PROCESSES, PROBLEMS
from schemas.pipelines import PipelineVersion
from schemas.presence import Beat
from schemas.topics import fixed_topics
from workers.host.child import CRASHES_MAX, Child
from workers.host.memory import expected_bytes, outgrown
from workers.host.retired import Retired
from workers.host.wanted import LaneOf, Wanted, all_routers_know, cold_lanes, failed, retired_lanes, wanted_lanes

log = logging.getLogger(__name__)

_TURN_S: Final = 0.1
_LAG_EVERY_S: Final = 0.5
_MEMORY_EVERY_S: Final = 1.0


class Host:
    """One host process. `stopping` is set by SIGTERM."""

    def __init__(self, settings: HostSettings, stopping: threading.Event, monitor: Monitor) -> None:
        topics = settings.topics
        self._settings = settings
        self._topics = topics
        self._stopping = stopping
        self._monitor = monitor
        self._name = socket.gethostname()
        check_topics(settings.brokers, fixed_topics(settings.namespace))
        self._catalog = CatalogReader(settings.brokers, topics.catalog)
        self._catalog.refresh()
        self._watch = Watch(settings.brokers, topics.presence)
        self._heart = Heart(settings.brokers, topics.presence, "host", monitor.port)
        self._children: dict[LaneOf, Child] = {}
        self._ending: list[Child] = []
        self._retired = Retired(settings.brokers, topics)
        self._unwanted_since: dict[LaneOf, int] = {}
        """Lane -> the catalog offset at which it was no longer wanted."""
        self._lag_asked_s: dict[LaneOf, float] = {}
        self._memory_asked_s = float("-inf")

    def run(self) -> None:
        """Follow the catalog, start what is wanted, end what is drained, watch the rest."""
        while not self._stopping.wait(_TURN_S):
            self._catalog.follow()
            beats = self._watch.alive()
            self._bury_the_dead(beats)
            self._renew_who_outgrew()
            deployed = list(self._catalog.catalog.wanted_by(now_ms()))
            versions = [version for _, version in deployed]
            wanted = self._wanted(versions)
            for lane, child in self._children.items():
                child.asked_by(frozenset(why for why, version in deployed if lane in version.lanes()))
            # Also what is no longer wanted and not drained yet: it died before it had answered everything.
            too_large = self._start(wanted.lanes | self._children.keys() | self._left_behind(versions))
            self._end_what_is_drained(wanted.lanes, beats)
            self._heart.beat(
                catalog_offset=self._catalog.catalog.offset,
                allow_python=self._settings.allow_python,
                models=self._settings.host_models,
                problems=(*wanted.problems, *too_large.values()),
                failed=failed(versions, wanted.lanes, self._never(too_large, wanted.lanes)),
            )
            self._show(versions, wanted, beats, len(too_large))
        self._close()

    def _show(self, versions: list[PipelineVersion], wanted: Wanted, beats: list[Beat], too_large: int) -> None:
        """What /ready, /targets and /metrics say."""
        self._monitor.turned(self._heart.silence() or cold_lanes(versions, wanted.lanes, beats, self._name))
        self._monitor.targets = [
            Target(beat.metrics_port, {"model": beat.model or "", "lane": beat.lane or ""})
            for beat in beats
            if beat.kind == "inference" and beat.host == self._name
        ]
        running = sum(child.pid is not None for child in self._children.values())
        self._monitor.meter.set(MODEL_PROCESSES, running, state="running")
        self._monitor.meter.set(MODEL_PROCESSES, len(self._children) - running, state="waiting")
        self._monitor.meter.set(PROBLEMS, len(wanted.problems) + too_large)

    def _wanted(self, versions: Iterable[PipelineVersion]) -> Wanted:
        settings = self._settings
        return wanted_lanes(versions, settings.host_models, settings.allow_python, self._name)

    def _left_behind(self, needed: Iterable[PipelineVersion]) -> set[LaneOf]:
        """Lanes that no version needs any more and that have tasks all the same: every host was gone before they were
        drained, or a router that was silent for a while delivered late."""

        def not_run() -> frozenset[LaneOf]:
            known = [one for pipeline in self._catalog.catalog.pipelines.values() for one in pipeline.versions.values()]
            lanes = retired_lanes(known, needed, self._settings.host_models, self._settings.allow_python)
            return lanes - self._children.keys()

        return self._retired.with_tasks(not_run)

    def _never(self, too_large: Mapping[LaneOf, str], wanted: frozenset[LaneOf]) -> dict[LaneOf, str]:
        """Lanes that this host cannot serve, however long one waits, and why: what is no longer wanted gives its memory
        back, what is wanted does not."""
        staying = sum(child.memory_bytes() for lane, child in self._children.items() if lane in wanted)
        found = {lane: why for lane, why in too_large.items() if not self._fits(lane, staying)}
        for lane, child in self._children.items():
            if child.crashes >= CRASHES_MAX and child.pid is None:
                found[lane] = (
                    f"host {self._name}: a signal ended the process of {lane[0]} ({lane[1]} lane) before its models "
                    f"were loaded, {child.crashes} times in a row; look at the host's log"
                )
        return found

    def _start(self, lanes: Iterable[LaneOf]) -> dict[LaneOf, str]:
        """Start what does not run. Returns what does not fit the memory limit, and a sentence about it."""
        problems = {}
        for lane in sorted(lanes):
            child = self._children.get(lane)
            if child is not None:
                child.start()
            elif self._fits(lane, sum(child.memory_bytes() for child in self._children.values())):
                self._children[lane] = Child(*lane, self._settings.metrics)
                # From 0, so that the first death is a rise.
                self._monitor.meter.add(ENDS, 0, model=str(lane[0]), lane=lane[1])
            else:
                problems[lane] = (
                    f"host {self._name} has no memory left for {lane[0]} ({lane[1]} lane): "
                    f"limit {self._settings.host_memory_mib_max} MiB; raise SPARRING_HOST_MEMORY_MIB_MAX"
                )
        return problems

    def _fits(self, lane: LaneOf, used_bytes: int) -> bool:
        limit = self._settings.host_memory_mib_max * MIB
        return limit == 0 or used_bytes + self._expected_bytes(lane) <= limit

    def _expected_bytes(self, lane: LaneOf) -> int:
        model = self._catalog.catalog.models.get(lane[0])
        return expected_bytes(0 if model is None else model.size_bytes)

    def _renew_who_outgrew(self) -> None:
        """A model may leak. Who made the processes together larger than the limit ends in good order and is started
        again: the kernel would end it, or its neighbour, in the middle of its work."""
        if time.monotonic() - self._memory_asked_s < _MEMORY_EVERY_S:
            return
        self._memory_asked_s = time.monotonic()
        if any(child.renewing for child in self._children.values()):
            return
        limit_mib = self._settings.host_memory_mib_max
        held = {lane: child.memory_bytes() for lane, child in self._children.items()} if limit_mib else {}
        lane = outgrown(held, {lane: self._expected_bytes(lane) for lane in held}, limit_mib * MIB)
        if lane is not None:
            log.error(
                "%s, %s lane, holds %d MiB of %d MiB, and the limit is %d MiB: it leaks, or "
                "SPARRING_HOST_MEMORY_MIB_MAX is too low; it ends in good order and is started again",
                *(*lane, held[lane] // MIB, sum(held.values()) // MIB, limit_mib),
            )
            self._children[lane].renew()

    def _end_what_is_drained(self, wanted: frozenset[LaneOf], beats: list[Beat]) -> None:
        """A process that no live version needs ends once every router knows that, and nothing is left
        in its topic: a router may have sent to it until then."""
        for lane in [lane for lane in self._unwanted_since if lane in wanted]:
            del self._unwanted_since[lane]
        for lane in [lane for lane in self._children if lane not in wanted]:
            since = self._unwanted_since.setdefault(lane, self._catalog.catalog.offset)
            if all_routers_know(beats, since) and self._drained(lane):
                child = self._children.pop(lane)
                del self._unwanted_since[lane]
                log.info("%s, %s lane, is no longer needed and drained: ending it", *lane)
                child.end()
                self._ending.append(child)
        self._ending = [child for child in self._ending if not child.ended()]

    def _drained(self, lane: LaneOf) -> bool:
        if time.monotonic() - self._lag_asked_s.get(lane, float("-inf")) < _LAG_EVERY_S:
            return False
        self._lag_asked_s[lane] = time.monotonic()
        try:
            topic = self._topics.work(*lane)
            return lag(self._settings.brokers, topic, topic) == 0
        except RetryLater as error:
            log.warning("%s", error)
            return False

    def _bury_the_dead(self, beats: list[Beat]) -> None:
        """A dead process cannot say that it left."""
        for child in self._children.values():
            if (pid := child.died()) is not None:
                self._monitor.meter.add(ENDS, model=str(child.model), lane=child.lane)
                for beat in beats:
                    if (beat.host, beat.pid, beat.kind) == (self._name, pid, "inference"):
                        child.crashes = 0 if beat.warm else child.crashes
                        self._heart.bury(beat.process)

    def _close(self) -> None:
        children = [*self._children.values(), *self._ending]
        for child in self._children.values():
            child.end()
        while children := [child for child in children if not child.ended()]:
            threading.Event().wait(_TURN_S / 2)
        self._heart.stop()
        self._watch.close()
        self._catalog.close()
