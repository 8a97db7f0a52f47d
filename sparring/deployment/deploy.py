"""Makes a pipeline version live, or takes it out of service: records in the catalog, heartbeats in presence.

1. the version is appended, its work topics before it
2. an offer asks hosts to warm it up; presence says when they have
3. a live pointer makes it live; void if another deployer was faster
4. done when every live router has read the pointer
"""

import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from adapters.clock import now_ms
from schemas.catalog import LivePointer, Pipeline, PipelineVersionAdded, VersionOffered
from schemas.errors import DeployError, EntityNotFoundError
from schemas.limits import PRESENCE_DEAD_S
from schemas.names import Lane, ModelKey, ModelLane, PipelineName
from schemas.pipelines import PipelineVersion, checked_step
from schemas.presence import Beat, Warm
from schemas.topics import work_topic
from sparring.checks import checked_seconds, moment
from sparring.deployment.version_checks import check_version
from sparring.system.connection import Connection, who

DeploymentStatus = dict[str, Any]

ROUTERS_S_MAX: Final = 15.0
GONE_S_MAX: Final = 30.0
_CHALLENGER_S_MIN: Final = 5.0
_POINTER_SLACK_S: Final = 30.0
"""From the end of the wait for warm models to the offer's deadline."""


class Deployment:
    """The deployment of one version. It replaces the live pointer that was current at `__init__`."""

    def __init__(self, connection: Connection, version: PipelineVersion, wait_s: float) -> None:
        self._connection = connection
        self._version = version
        self._wait_s = checked_seconds("deploy_wait_s", wait_s, above_zero=True)
        self._replaces = connection.catalog().pipelines[version.pipeline].pointer
        self._offered = -1
        """Offset of the offer; -1: none, the version is live already."""

    def prepare(self, *, new: bool) -> None:
        """Check that the version can run, create its topics, and append it if it is new.

        Raises:
            ValueError: the steps cannot run.
            DeployError: no live process can run them.
        """
        if not self._version.steps:
            raise ValueError(f"steps: pipeline {self._version.pipeline} has none; add_model_step adds one")
        for step in self._version.steps:
            checked_step(step)
        check_version(self._version)
        self._check_who_lives()
        namespace = self._connection.settings.namespace
        self._connection.broker.create([work_topic(namespace, *lane) for lane in self._version.lanes()])
        if new:
            self._connection.append(PipelineVersionAdded(self._version))

    def go_live(self, *, wait: bool) -> None:
        """Offer, wait until warm, point, wait for the routers. Without `wait`: point at once.

        Raises:
            DeployError: a champion was not warm in time, or another deployer was faster.
        """
        live = self._connection.catalog().live(self._version.pipeline)
        if live is not None and live.version == self._version.version:
            if wait:
                self._until_warm()
            return
        self.offer()
        if wait:
            self._until_warm()
        offset = self.point()
        if wait:
            wait_for_routers(self._connection, offset, required=True)

    def offer(self) -> None:
        """Ask hosts to warm the version up."""
        within_ms = int((self._wait_s + _POINTER_SLACK_S) * 1000)
        offer = VersionOffered(self._version.pipeline, self._version.version, within_ms)
        self._offered = self._connection.append(offer)

    def _withdraw(self) -> None:
        """End the offer, if there is one: hosts unload its models and stop their attempts to load them."""
        if self._offered >= 0:
            self._connection.append(VersionOffered(self._version.pipeline, self._version.version, within_ms=0))

    def point(self) -> int:
        """Append the live pointer; returns its offset. DeployError if the pointer is void: it names what is live."""
        name = self._version.pipeline
        offset = self._connection.append(LivePointer(name, self._version.version, self._replaces, who()))
        now = self._connection.follower.catalog.pipelines[name]
        if now.pointer == self._replaces:
            raise DeployError(
                f"pipeline {name}: version {self._version.version} did not go live: its offer's deadline had passed; "
                "deploy() again offers it anew"
            )
        if now.live != self._version.version:
            raise DeployError(
                f"pipeline {name}: version {self._version.version} did not go live: another client was "
                f"faster, {_whose(now)}; deploy() again replaces it"
            )
        return offset

    def _until_warm(self) -> None:
        """Wait until the models are ready: official lanes for `wait_s`, shadow lanes for half of it.

        A lane that failed for good is not waited for. DeployError if an official lane is not ready; a warning if a
        shadow lane is not.
        """
        follower = self._connection.follower
        started_at_s = time.monotonic()
        official = [lane for lane in self._version.lanes() if lane[1] == "official"]
        shadow = [lane for lane in self._version.lanes() if lane[1] == "shadow"]
        follower.wait_for(lambda: not self._cold(official) or self._failed(official), self._wait_s)
        if failed := self._failed(official):
            self._withdraw()
            raise DeployError(
                f"pipeline {self._version.pipeline}: version {self._version.version} did not go live: "
                f"{'; '.join(failed.values())}; what was live before goes on"
            )
        if cold := self._cold(official):
            raise DeployError(
                f"pipeline {self._version.pipeline}: version {self._version.version} did not go live: "
                f"{_listed(cold)} not ready after {self._wait_s:g} s{self._problems()}; "
                "what was live before goes on"
            )
        left_s = self._wait_s / 2 - (time.monotonic() - started_at_s)
        follower.wait_for(
            lambda: not set(self._cold(shadow)) - self._failed(shadow).keys(), max(left_s, _CHALLENGER_S_MIN)
        )
        if cold := self._cold(shadow):
            reasons = self._failed(shadow)
            why = (
                "; ".join(reasons.values())
                if reasons.keys() >= set(cold)
                else f"not ready after {time.monotonic() - started_at_s:.0f} s{self._problems()}"
            )
            warnings.warn(f"pipeline {self._version.pipeline} goes live without {_listed(cold)}: {why}", stacklevel=5)

    def _cold(self, lanes: Iterable[ModelLane]) -> list[ModelLane]:
        return list(cold_lanes(self._connection.follower.alive(), lanes, self._version))

    def _failed(self, lanes: Iterable[ModelLane]) -> dict[ModelLane, str]:
        return failed_lanes(self._connection.follower.alive(), lanes, self._version, self._offered)

    def _problems(self) -> str:
        problems = sorted({said for beat in self._connection.follower.alive() for said in beat.problems})
        return "".join(f"; {said}" for said in problems)

    def _check_who_lives(self) -> None:
        """DeployError if no live process can run the version. A busy service can miss a heartbeat, so wait for more."""
        follower = self._connection.follower
        follower.wait_for(lambda: not who_is_missing(self._version, follower.alive()), PRESENCE_DEAD_S)
        if missing := who_is_missing(self._version, follower.alive()):
            raise DeployError(missing)


def who_is_missing(version: PipelineVersion, beats: Sequence[Beat]) -> str:
    """Why these processes cannot run the version, in one sentence; empty if they can. Pure."""
    if not any(beat.kind == "router" for beat in beats):
        return "no router is alive: start the system with `sparring up`, or `python -m router`"
    python = [pinned.model.name for pinned in version.models() if pinned.configuration.runtime == "python"]
    for key, lane in sorted(version.lanes()):
        able = [beat for beat in beats if _could_run(beat, key, lane)]
        if not able and lane == "official":
            return f"no live host serves {key}: start the system with `sparring up`, or `python -m workers host`"
        if able and python and not any(beat.allow_python for beat in able):
            hosts = ", ".join(sorted({beat.host for beat in able}))
            return (
                f"the step {python[0]} is Python, and host {hosts} may not run Python steps: "
                "start it with SPARRING_ALLOW_PYTHON=true"
            )
    return ""


def cold_lanes(beats: Iterable[Beat], lanes: Iterable[ModelLane], version: PipelineVersion) -> Iterator[ModelLane]:
    """Lanes that are not ready: no process has the version warm, or one that serves the lane has not. Pure."""
    warm = Warm(str(version.pipeline), version.version)
    beats = list(beats)
    for key, lane in lanes:
        serving = [beat for beat in beats if _serves(beat, key, lane)]
        if not serving or not all(warm in beat.warm for beat in serving):
            yield key, lane


def failed_lanes(
    beats: Iterable[Beat], lanes: Iterable[ModelLane], version: PipelineVersion, offered: int
) -> dict[ModelLane, str]:
    """Lanes that no live process will ever serve for the version, and why. Pure.

    Each process that serves the lane has failed, and each host that may run it has failed, or its process has. What was
    said before the offer at the catalog offset `offered` was read does not count.
    """
    beats = list(beats)
    python = any(pinned.configuration.runtime == "python" for pinned in version.models())
    found = {}
    for key, lane in lanes:
        reasons = {
            beat.process: failed.reason
            for beat in beats
            for failed in beat.failed
            if beat.catalog_offset > offered
            and (failed.pipeline, failed.version) == (str(version.pipeline), version.version)
            and (failed.model, failed.lane) == (str(key), lane)
        }
        serving = [beat for beat in beats if _serves(beat, key, lane)]
        hosts = [beat for beat in beats if beat.kind == "host" and _could_run(beat, key, lane)]
        able = Counter(beat.host for beat in hosts if beat.process not in reasons and beat.allow_python >= python)
        left = able - Counter(beat.host for beat in serving)
        if reasons and not left and all(beat.process in reasons for beat in serving):
            found[key, lane] = "; ".join(sorted(set(reasons.values())))
    return found


def wait_for_routers(connection: Connection, offset: int, *, required: bool) -> None:
    """Returns when every live router has read beyond `offset`, and delivered what it had decided before.

    Raises:
        DeployError: when one has not in time, or (`required`) none lives.
    """

    def behind() -> list[str]:
        routers = [beat for beat in connection.follower.alive() if beat.kind == "router"]
        late = [beat.process for beat in routers if beat.catalog_offset <= offset]
        return late or ([] if routers or not required else ["no router is alive"])

    connection.follower.wait_for(lambda: not behind(), ROUTERS_S_MAX)
    if late := behind():
        raise DeployError(
            f"the catalog is changed, but after {ROUTERS_S_MAX:g} s not every router has read it: {', '.join(late)}"
        )


def undeploy(connection: Connection, name: PipelineName) -> None:
    """Take a pipeline out of service; returns when the processes that no other version needs are gone.

    Raises:
        DeployError: when another deployer was faster.
    """
    known = connection.catalog().pipelines.get(name)
    if known is None:
        raise EntityNotFoundError(f"pipeline {name} does not exist: build_pipeline makes it")
    version = known.live_version
    if version is None:
        return
    offset = connection.append(LivePointer(name, None, known.pointer, who()))
    now = connection.follower.catalog.pipelines[name]
    if now.live is not None:
        raise DeployError(f"pipeline {name} is not undeployed: another client was faster, {_whose(now)}")
    wait_for_routers(connection, offset, required=False)

    def running() -> list[str]:
        wanted = {lane for other in connection.follower.catalog.wanted(now_ms()) for lane in other.lanes()}
        lanes = version.lanes() - wanted
        beats = connection.follower.alive()
        return [beat.process for beat in beats for lane in lanes if _serves(beat, *lane)]

    connection.follower.wait_for(lambda: not running(), GONE_S_MAX)
    if left := running():
        warnings.warn(
            f"pipeline {name} is undeployed, but after {GONE_S_MAX:g} s these processes still run: "
            f"{', '.join(left)}; they end when what was sent to them before is answered",
            stacklevel=3,
        )


def status(connection: Connection, name: PipelineName) -> DeploymentStatus:
    """What runs of a pipeline now."""
    version = connection.catalog().live(name)
    beats = connection.follower.alive()
    routers = sum(beat.kind == "router" for beat in beats)
    if version is None:
        return {"status": "Stopped", "details": [], "version": None, "models": [], "routers": routers}
    lanes = sorted(version.lanes())
    cold = set(cold_lanes(beats, lanes, version))
    ready = routers > 0 and not any(lane == "official" for _, lane in cold)
    return {
        "status": "Running" if ready else "Starting",
        "details": sorted({said for beat in beats for said in beat.problems}),
        "version": version.version,
        "models": [
            {
                "name": key.name,
                "version": key.version,
                "sha": version.find(key).model.sha256,
                "lane": lane,
                "status": "Starting" if (key, lane) in cold else "Running",
                "processes": sum(_serves(beat, key, lane) for beat in beats),
            }
            for key, lane in lanes
        ],
        "routers": routers,
    }


def _serves(beat: Beat, key: ModelKey, lane: Lane) -> bool:
    return beat.kind == "inference" and beat.model == str(key) and beat.lane == lane


def _could_run(beat: Beat, key: ModelKey, lane: Lane) -> bool:
    if beat.kind == "host":
        return any(fnmatchcase(f"{key.workspace}/{key.name}", pattern) for pattern in beat.models)
    return _serves(beat, key, lane)


def _listed(lanes: Iterable[ModelLane]) -> str:
    roles = {"official": "champion", "shadow": "challenger"}
    return ", ".join(f"{roles[lane]} {key}" for key, lane in sorted(lanes))


def _whose(now: Pipeline) -> str:
    by = now.history[-1].by or "somebody"
    if now.live_version is None:
        return f"{by} undeployed it"
    return f"version {now.live} of {moment(now.live_version.created_at)}, deployed by {by}, is live"
