"""The loaded pipeline versions: every model of every version whose tasks this process may have to answer.

A required version is loaded in the background, so that live traffic continues. A task whose version is not loaded yet
waits for it. Versions share their models. One version is loaded at a time; a hanging load is abandoned.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adapters.catalog import CatalogReader
from adapters.clock import now_ms
from adapters.settings import InferenceSettings
from schemas.catalog import Deployed
from schemas.errors import Refused, RetryLater, SparringError
from schemas.models import PinnedModel
from schemas.names import Lane, ModelKey, PipelineName
from schemas.pipelines import ModelStep, PipelineVersion, RandomSplit, ShadowDeploy
from schemas.presence import Failed, Warm
from schemas.tasks import Slip
from workers.inference.loading import POLL_S, LoadKey, LoadTooSlow, ModelLoader, load_key
from workers.inference.steps import LoadedModel

if TYPE_CHECKING:
    from adapters.rules import Rules

log = logging.getLogger(__name__)

_RELOAD_S: Final = 5.0
"""A failed load is retried after this time."""
_NOT_REQUIRED_S: Final = 2.0
"""The background stops waiting for a version that has not been required for this long."""
_UNLOAD_S: Final = 10.0
"""A version that is no longer required stays loaded for this long: tasks of it may still arrive."""


@dataclass(frozen=True, slots=True)
class LoadedVersion:
    """A pipeline version and the loaded models of the paths that this process may run."""

    version: PipelineVersion
    models: Mapping[ModelKey, LoadedModel]
    rules: "Rules | None" = None
    """The validations of the pipeline, in the official lane; None: it has none."""


class VersionCache:
    """Thread-safe. The main thread calls `follow`, the inference threads call `loaded`."""

    def __init__(self, settings: InferenceSettings, model: ModelKey, lane: Lane) -> None:
        self._settings = settings
        self._model = model
        self._lane: Lane = lane
        self._models = ModelLoader(settings)
        self._reader = CatalogReader(settings.brokers, settings.topics.catalog)
        self._reading = threading.Lock()
        self._loading = threading.Lock()
        self._background = ThreadPoolExecutor(1, thread_name_prefix="loader")
        self._versions: dict[str, LoadedVersion] = {}
        self._needed: frozenset[LoadKey] = frozenset()
        """The models of the required versions."""
        self._closed = False
        self._required_at_s: dict[str, float] = {}
        """Version -> when the catalog last required it."""
        self._load_at_s: dict[str, float] = {}
        """Version -> when its load may start or be retried; infinite: it is in progress."""
        self._deployed: dict[str, Deployed] = {}
        """Version -> the offer or pointer that requires it. Another one starts its load anew."""
        self._problems: dict[str, str] = {}
        """Version -> why its last load failed."""
        self._failed: dict[str, Failed] = {}
        """Versions that the current offer cannot load: a retry gives the same error."""
        self._cold: tuple[str, ...] = ("the catalog",)
        self._reader.refresh()

    def follow(self) -> None:
        """Read the catalog, start loading required versions, unload those that are no longer required."""
        with self._reading:
            self._reader.follow()
            required = {
                version.version: (deployed, version)
                for deployed, version in self._reader.catalog.wanted_by(now_ms())
                if (self._model, self._lane) in version.lanes()
            }
        for version_id, (deployed, _) in required.items():
            self._restart_load(version_id, deployed)
        versions = [version for _, version in required.values()]
        self._needed = frozenset(
            load_key(pinned) for version in versions for pinned in needed_models(version, self._model, self._lane)
        )
        now_s = time.monotonic()
        for loaded in list(self._versions):
            # A late task may have loaded a version that is no longer required: it is unloaded as well.
            self._required_at_s.setdefault(loaded, now_s)
        for version in versions:
            self._required_at_s[version.version] = now_s
            if version.version not in self._versions and self._load_at_s.get(version.version, 0.0) <= now_s:
                self._load_at_s[version.version] = float("inf")
                self._background.submit(self._load_in_background, version, self._deployed[version.version])
        cold = [version for version in versions if version.version not in self._versions]
        self._cold = tuple(f"its models to be warm for {v.pipeline} version {v.version}" for v in cold)
        for expired in [v for v, at_s in self._required_at_s.items() if now_s - at_s > _UNLOAD_S]:
            self._unload(expired)

    def loaded(self, slip: Slip, within_s: float) -> LoadedVersion:
        """The version of a slip, loaded.

        Raises:
            Refused: it cannot be loaded.
            RetryLater: the model store is unreachable, or the load takes longer than `within_s`.
        """
        loaded = self._versions.get(slip.version)
        if loaded is not None:
            return loaded
        version = self._version(slip.pipeline, slip.version)
        deadline_at_s = time.monotonic() + within_s
        try:
            return self._load(version, lambda: time.monotonic() < deadline_at_s)
        except RetryLater:
            raise
        except SparringError as error:
            raise Refused("ModelGone", f"{slip.pipeline} version {slip.version}: {error}", "infer") from error

    def if_loaded(self, slip: Slip) -> LoadedVersion | None:
        """The version of a slip; None: it is not loaded yet."""
        return self._versions.get(slip.version)

    @property
    def catalog_offset(self) -> int:
        """The next catalog offset to read."""
        return self._reader.catalog.offset

    def warm(self) -> tuple[Warm, ...]:
        """The versions that are loaded and have run once."""
        versions = list(self._versions.values())
        return tuple(Warm(str(v.version.pipeline), v.version.version) for v in versions)

    def cold(self) -> tuple[str, ...]:
        """The required versions that are not loaded yet, as /ready shows them."""
        return self._cold

    def problems(self) -> tuple[str, ...]:
        """The errors of failed loads."""
        return tuple(self._problems.values())

    def failed(self) -> tuple[Failed, ...]:
        """The required versions that cannot be loaded, whatever the number of retries."""
        return tuple(self._failed.values())

    def unneeded_hanging_loads(self) -> tuple[str, ...]:
        """Models whose load hangs and is no longer needed. Only the end of this process ends such a load."""
        return self._models.unneeded_hanging_loads(self._needed, unrequested_s=_UNLOAD_S)

    def close(self) -> None:
        """Stop reading the catalog, and start no more loads."""
        self._closed = True
        self._background.shutdown(wait=False, cancel_futures=True)
        self._reader.close()

    def _version(self, pipeline: PipelineName, version_id: str) -> PipelineVersion:
        """The version, after a second look at the catalog's end if it is unknown."""
        with self._reading:
            version = self._reader.catalog.version(pipeline, version_id)
            if version is None:
                self._reader.refresh()
                version = self._reader.catalog.version(pipeline, version_id)
        if version is None:
            raise Refused("ModelGone", f"the catalog has no version {version_id} of {pipeline}", "infer")
        return version

    def _restart_load(self, version_id: str, deployed: Deployed) -> None:
        """For another offer of a version: load it at once, and forget the failure for the previous offer."""
        if self._deployed.get(version_id) == deployed:
            return
        self._deployed[version_id] = deployed
        self._failed.pop(version_id, None)
        if self._load_at_s.get(version_id) != float("inf"):
            self._load_at_s.pop(version_id, None)

    def _load_in_background(self, version: PipelineVersion, deployed: Deployed) -> None:
        try:
            self._load(version, lambda: not self._closed and self._is_required(version))
            self._problems.pop(version.version, None)
            self._failed.pop(version.version, None)
        except Exception as error:  # noqa: BLE001  # a model file or a step may raise anything: all of it is reported
            reason = f"{self._model} ({self._lane} lane) cannot load {version.pipeline}: {error}"
            log.error("%s; retry in %.0f s", reason, _RELOAD_S)  # noqa: TRY400  # the reason is complete
            self._problems[version.version] = reason
            if not isinstance(error, RetryLater | LoadTooSlow) and self._deployed.get(version.version) == deployed:
                pipeline, key = str(version.pipeline), str(self._model)
                self._failed[version.version] = Failed(pipeline, version.version, key, self._lane, reason)
        finally:
            self._load_at_s[version.version] = time.monotonic() + _RELOAD_S

    def _is_required(self, version: PipelineVersion) -> bool:
        required_at_s = self._required_at_s.get(version.version, float("-inf"))
        return time.monotonic() - required_at_s < _NOT_REQUIRED_S

    def _load(self, version: PipelineVersion, keep_waiting: Callable[[], bool]) -> LoadedVersion:
        """Load a version, one at a time. RetryLater: `keep_waiting` returns False before it is loaded."""
        while not self._loading.acquire(timeout=POLL_S):
            if not keep_waiting():
                raise RetryLater(f"{version.pipeline} version {version.version} waits for the load of another version")
        try:
            if version.version not in self._versions:
                needed = needed_models(version, self._model, self._lane)
                models = {pinned.key: self._models.get(pinned, keep_waiting) for pinned in needed}
                self._versions[version.version] = LoadedVersion(version, models, self._rules(version))
                log.info("loaded %s version %s", version.pipeline, version.version)
            return self._versions[version.version]
        finally:
            self._loading.release()

    def _rules(self, version: PipelineVersion) -> "Rules | None":
        if not version.validations or self._lane != "official":
            return None
        # The import of polars takes 40 MB and a third of a second: only pipelines with validations pay for it.
        from adapters.rules import Rules  # noqa: PLC0415  # see above

        return Rules(version.validations)

    def _unload(self, version_id: str) -> None:
        if not self._loading.acquire(blocking=False):
            return  # a load may take long and the main thread must not wait: the next `follow` unloads it
        try:
            del self._required_at_s[version_id]
            for by_version in (self._load_at_s, self._problems, self._deployed, self._failed, self._versions):
                by_version.pop(version_id, None)
            used = {load_key(model.pinned) for loaded in self._versions.values() for model in loaded.models.values()}
            self._models.retain(used | self._needed)
        finally:
            self._loading.release()


def needed_models(version: PipelineVersion, model: ModelKey, lane: Lane) -> tuple[PinnedModel, ...]:
    """Every model that a path through this process may run.

    Official lane: `model` first, then all models that a later step's split may choose, or its champion. Shadow lane:
    `model` as the challenger, and all models that may run in the steps before it.
    """
    needed: dict[ModelKey, PinnedModel] = {}
    for index, step in enumerate(version.steps):
        match step:
            case ModelStep(model=only):
                official: tuple[PinnedModel, ...] = (only,)
            case RandomSplit(arms=arms):
                official = tuple(arm.model for arm in arms)
            case ShadowDeploy(champion=champion, challengers=challengers):
                if lane == "shadow" and any(challenger.key == model for challenger in challengers):
                    return (*needed.values(), next(c for c in challengers if c.key == model))
                official = (champion,)
        if index == 0 and lane == "official":
            official = tuple(pinned for pinned in official if pinned.key == model)
        needed |= {pinned.key: pinned for pinned in official}
    return tuple(needed.values())
