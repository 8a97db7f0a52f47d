"""The host: compare what should run with what runs; start, end.

It follows the catalog. It starts a process for each lane that a deployed version needs, ends drained processes that no
version needs, and restarts processes that ended or outgrew the memory limit.
"""

import logging
import socket
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Final

from adapters.catalog import CatalogReader
from adapters.clock import now_ms
from adapters.monitor import Monitor, Target
from adapters.presence import Heartbeat, PresenceReader
from adapters.settings import HostSettings
from adapters.topics import check_topics, lag
from schemas.errors import RetryLater
from schemas.limits import MIB
from schemas.metrics import ENDS, MODEL_PROCESSES, PROBLEMS
from schemas.names import ModelLane
from schemas.pipelines import PipelineVersion
from schemas.presence import Beat
from schemas.topics import fixed_topics
from workers.host.child import CRASHES_MAX, Child
from workers.host.memory import expected_bytes, outgrown
from workers.host.required import (
    RequiredLanes,
    all_routers_know,
    cold_lanes,
    failed,
    required_lanes,
    retired_lanes,
)
from workers.host.retired import Retired

log = logging.getLogger(__name__)

_LOOP_S: Final = 0.1
_LAG_EVERY_S: Final = 0.5
_MEMORY_EVERY_S: Final = 1.0


class Host:
    """One host process. `stopping` is set by SIGTERM."""

    def run(self) -> None:
        """Compare what should run with what runs; start, end."""
        while not self._stopping.wait(_LOOP_S):
            self._catalog.follow()
            beats = self._presence.alive()
            self._handle_ended(beats)
            self._restart_outgrown()
            versions, required = self._compare()
            too_large = self._start(required.lanes | self._children.keys() | self._lanes_with_late_tasks(versions))
            self._end_drained(required.lanes, beats)
            self._report(versions, required, beats, too_large)
        self._close()

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
        self._presence = PresenceReader(settings.brokers, topics.presence)
        self._heart = Heartbeat(settings.brokers, topics.presence, "host", monitor.port)
        self._children: dict[ModelLane, Child] = {}
        self._ending: list[Child] = []
        self._retired = Retired(settings.brokers, topics)
        self._not_required_since: dict[ModelLane, int] = {}
        """Lane -> the catalog offset from which no version needs it."""
        self._lag_read_at_s: dict[ModelLane, float] = {}
        self._memory_read_at_s = float("-inf")

    def _compare(self) -> tuple[list[PipelineVersion], RequiredLanes]:
        """The deployed versions, and the lanes that this host must run for them.

        A lane that runs and is no longer required still has its tasks: it is started again if it dies before its topic
        is drained.
        """
        deployed = list(self._catalog.catalog.wanted_by(now_ms()))
        versions = [version for _, version in deployed]
        for lane, child in self._children.items():
            child.requested_by(frozenset(reason for reason, version in deployed if lane in version.lanes()))
        settings = self._settings
        return versions, required_lanes(versions, settings.host_models, settings.allow_python, self._name)

    def _report(
        self,
        versions: list[PipelineVersion],
        required: RequiredLanes,
        beats: list[Beat],
        too_large: Mapping[ModelLane, str],
    ) -> None:
        """Send the heartbeat; update readiness, the targets of metrics, and the gauges."""
        self._heart.beat(
            catalog_offset=self._catalog.catalog.offset,
            allow_python=self._settings.allow_python,
            models=self._settings.host_models,
            problems=(*required.problems, *too_large.values()),
            failed=failed(versions, required.lanes, self._impossible(too_large, required.lanes)),
        )
        self._monitor.turned(self._heart.silence() or cold_lanes(versions, required.lanes, beats, self._name))
        self._monitor.targets = [
            Target(beat.metrics_port, {"model": beat.model or "", "lane": beat.lane or ""})
            for beat in beats
            if beat.kind == "inference" and beat.host == self._name
        ]
        running = sum(child.pid is not None for child in self._children.values())
        self._monitor.meter.set(MODEL_PROCESSES, running, state="running")
        self._monitor.meter.set(MODEL_PROCESSES, len(self._children) - running, state="waiting")
        self._monitor.meter.set(PROBLEMS, len(required.problems) + len(too_large))

    def _lanes_with_late_tasks(self, needed: Iterable[PipelineVersion]) -> set[ModelLane]:
        """Lanes that no version needs and that still have tasks: every host was gone before they were drained, or a
        router that was suspended for a while delivered late."""

        def not_run() -> frozenset[ModelLane]:
            known = [one for pipeline in self._catalog.catalog.pipelines.values() for one in pipeline.versions.values()]
            lanes = retired_lanes(known, needed, self._settings.host_models, self._settings.allow_python)
            return lanes - self._children.keys()

        return self._retired.with_tasks(not_run)

    def _impossible(self, too_large: Mapping[ModelLane, str], required: frozenset[ModelLane]) -> dict[ModelLane, str]:
        """Lanes that this host can never serve, and why. Lanes that are no longer required will free their memory;
        required ones will not."""
        staying = sum(child.memory_bytes() for lane, child in self._children.items() if lane in required)
        found = {lane: why for lane, why in too_large.items() if not self._fits(lane, staying)}
        for lane, child in self._children.items():
            if child.crashes >= CRASHES_MAX and child.pid is None:
                found[lane] = (
                    f"host {self._name}: a signal ended the process of {lane[0]} ({lane[1]} lane) before its models "
                    f"were loaded, {child.crashes} times in a row; look at the host's log"
                )
        return found

    def _start(self, lanes: Iterable[ModelLane]) -> dict[ModelLane, str]:
        """Start the lanes that do not run. Returns those that exceed the memory limit, each with a sentence."""
        problems = {}
        for lane in sorted(lanes):
            child = self._children.get(lane)
            if child is not None:
                child.start()
            elif self._fits(lane, sum(child.memory_bytes() for child in self._children.values())):
                self._children[lane] = Child(*lane, self._settings.metrics)
                # A counter that starts at 0 shows its first increase.
                self._monitor.meter.add(ENDS, 0, model=str(lane[0]), lane=lane[1])
            else:
                problems[lane] = (
                    f"host {self._name} has no memory left for {lane[0]} ({lane[1]} lane): "
                    f"limit {self._settings.host_memory_mib_max} MiB; raise SPARRING_HOST_MEMORY_MIB_MAX"
                )
        return problems

    def _fits(self, lane: ModelLane, used_bytes: int) -> bool:
        limit = self._settings.host_memory_mib_max * MIB
        return limit == 0 or used_bytes + self._expected_bytes(lane) <= limit

    def _expected_bytes(self, lane: ModelLane) -> int:
        model = self._catalog.catalog.models.get(lane[0])
        return expected_bytes(0 if model is None else model.size_bytes)

    def _restart_outgrown(self) -> None:
        """Restart, gracefully, the process whose growth exceeds the memory limit: a model may leak, and the kernel
        would kill it or its neighbour at any time."""
        if time.monotonic() - self._memory_read_at_s < _MEMORY_EVERY_S:
            return
        self._memory_read_at_s = time.monotonic()
        if any(child.renewing for child in self._children.values()):
            return
        limit_mib = self._settings.host_memory_mib_max
        held = {lane: child.memory_bytes() for lane, child in self._children.items()} if limit_mib else {}
        lane = outgrown(held, {lane: self._expected_bytes(lane) for lane in held}, limit_mib * MIB)
        if lane is not None:
            log.error(
                "%s, %s lane, holds %d MiB of %d MiB, and the limit is %d MiB: it leaks, or "
                "SPARRING_HOST_MEMORY_MIB_MAX is too low; it ends gracefully and is started again",
                *(*lane, held[lane] // MIB, sum(held.values()) // MIB, limit_mib),
            )
            self._children[lane].renew()

    def _end_drained(self, required: frozenset[ModelLane], beats: list[Beat]) -> None:
        """End a process that no live version needs, once every router has read this in the catalog and its topic is
        drained: a router may send to it until then."""
        for lane in [lane for lane in self._not_required_since if lane in required]:
            del self._not_required_since[lane]
        for lane in [lane for lane in self._children if lane not in required]:
            since = self._not_required_since.setdefault(lane, self._catalog.catalog.offset)
            if all_routers_know(beats, since) and self._drained(lane):
                child = self._children.pop(lane)
                del self._not_required_since[lane]
                log.info("%s, %s lane, is no longer needed and drained: ending it", *lane)
                child.end()
                self._ending.append(child)
        self._ending = [child for child in self._ending if not child.ended()]

    def _drained(self, lane: ModelLane) -> bool:
        if time.monotonic() - self._lag_read_at_s.get(lane, float("-inf")) < _LAG_EVERY_S:
            return False
        self._lag_read_at_s[lane] = time.monotonic()
        try:
            topic = self._topics.work(*lane)
            return lag(self._settings.brokers, topic, topic) == 0
        except RetryLater as error:
            log.warning("%s", error)
            return False

    def _handle_ended(self, beats: list[Beat]) -> None:
        """Count processes that ended, and withdraw their heartbeats: a dead process cannot."""
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
            time.sleep(_LOOP_S / 2)
        self._heart.stop()
        self._presence.close()
        self._catalog.close()
