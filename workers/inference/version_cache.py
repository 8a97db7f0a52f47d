"""What is loaded: every model of every pipeline version that this process may have to answer for.

A version that is wanted is loaded in the background, so that live traffic goes on; a task whose
version is not loaded yet waits until it is. ModelLoader are shared between versions, and loaded one at
a time; a load that hangs is left behind.
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
from workers.inference.loading import LOOK_S, LoadTooSlow, ModelLoader, Named, named
from workers.inference.steps import LoadedModel

if TYPE_CHECKING:
    from adapters.rules import Rules

log = logging.getLogger(__name__)

_LOAD_AGAIN_S: Final = 5.0
_UNWANTED_S: Final = 2.0
"""A version that was not needed for this long is not loaded in the background."""
_KEEP_S: Final = 10.0
"""A version that is no longer needed stays loaded this long: its tasks may still arrive."""


@dataclass(frozen=True, slots=True)
class LoadedVersion:
    """A pipeline version and the loaded models of the paths that this process may run."""

    version: PipelineVersion
    models: Mapping[ModelKey, LoadedModel]
    rules: "Rules | None" = None
    """Of an official lane whose pipeline has validations."""


class VersionCache:
    """Thread-safe. `follow` belongs to the main thread, `loaded` to the inference threads."""

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
        self._needed: frozenset[Named] = frozenset()
        """Models of the needed versions."""
        self._closed = False
        self._wanted_s: dict[str, float] = {}
        self._pending: dict[str, float] = {}
        """Version -> when its load may be tried (again)."""
        self._problems: dict[str, str] = {}
        self._asked: dict[str, Deployed] = {}
        """Version -> why it is needed: another offer requests another load."""
        self._failed: dict[str, Failed] = {}
        """Versions that this offer cannot have: trying again gives the same."""
        self._cold: tuple[str, ...] = ("the catalog",)
        self._reader.refresh()

    def follow(self) -> None:
        """Read the catalog; start loading needed versions, drop the others."""
        with self._reading:
            self._reader.follow()
            asked = {
                version.version: (deployed, version)
                for deployed, version in self._reader.catalog.wanted_by(now_ms())
                if (self._model, self._lane) in version.lanes()
            }
        wanted = [version for _, version in asked.values()]
        for version_id, (deployed, _) in asked.items():
            self._request_load(version_id, deployed)
        self._needed = frozenset(
            named(pinned) for version in wanted for pinned in needed_models(version, self._model, self._lane)
        )
        now_s = time.monotonic()
        for loaded in list(self._versions):
            # A late task may have loaded a version that is no longer needed: it is dropped as well.
            self._wanted_s.setdefault(loaded, now_s)
        for version in wanted:
            self._wanted_s[version.version] = now_s
            if version.version not in self._versions and self._pending.get(version.version, 0.0) <= now_s:
                self._pending[version.version] = float("inf")
                self._background.submit(self._load_in_background, version, self._asked[version.version])
        cold = [version for version in wanted if version.version not in self._versions]
        self._cold = tuple(f"its models to be warm for {v.pipeline} version {v.version}" for v in cold)
        for gone in [v for v, seen_s in self._wanted_s.items() if now_s - seen_s > _KEEP_S]:
            self._drop_version(gone)

    def loaded(self, slip: Slip, within_s: float) -> LoadedVersion:
        """The version that a slip names, loaded. Refused where it cannot be; RetryLater where the model
        store does not answer, or where it takes longer than `within_s`."""
        found = self._versions.get(slip.version)
        if found is not None:
            return found
        version = self._find(slip.pipeline, slip.version)
        until_s = time.monotonic() + within_s
        try:
            return self._load(version, lambda: time.monotonic() < until_s)
        except RetryLater:
            raise
        except SparringError as error:
            raise Refused("ModelGone", f"{slip.pipeline} version {slip.version}: {error}", "infer") from error

    def if_loaded(self, slip: Slip) -> LoadedVersion | None:
        """The version that a slip names, where it is loaded already."""
        return self._versions.get(slip.version)

    @property
    def catalog_offset(self) -> int:
        """How far the catalog is read."""
        return self._reader.catalog.offset

    def warm(self) -> tuple[Warm, ...]:
        """What is loaded and has run once."""
        versions = list(self._versions.values())
        return tuple(Warm(str(v.version.pipeline), v.version.version) for v in versions)

    def cold(self) -> tuple[str, ...]:
        """The needed versions that are not loaded yet, one line each."""
        return self._cold

    def problems(self) -> tuple[str, ...]:
        """What could not be loaded, and why."""
        return tuple(self._problems.values())

    def failed(self) -> tuple[Failed, ...]:
        """The needed versions that cannot be loaded, however often they are retried."""
        return tuple(self._failed.values())

    def unneeded_hanging_loads(self) -> tuple[str, ...]:
        """ModelLoader whose loads hang and that are no longer needed: only the end of this process ends such a load."""
        return self._models.unneeded_hanging_loads(self._needed, unasked_s=_KEEP_S)

    def close(self) -> None:
        """Stop following."""
        self._closed = True
        self._background.shutdown(wait=False, cancel_futures=True)
        self._reader.close()

    def _find(self, pipeline: PipelineName, version: str) -> PipelineVersion:
        with self._reading:
            found = self._reader.catalog.version(pipeline, version)
            if found is None:
                self._reader.refresh()
                found = self._reader.catalog.version(pipeline, version)
        if found is None:
            raise Refused("ModelGone", f"the catalog has no version {version} of {pipeline}", "infer")
        return found

    def _request_load(self, version: str, deployed: Deployed) -> None:
        """Another offer of a version has its load tried at once, and what failed before does not count."""
        if self._asked.get(version) == deployed:
            return
        self._asked[version] = deployed
        self._failed.pop(version, None)
        if self._pending.get(version) != float("inf"):
            self._pending.pop(version, None)

    def _load_in_background(self, version: PipelineVersion, asked: Deployed) -> None:
        try:
            self._load(version, lambda: not self._closed and self._is_wanted(version))
            self._problems.pop(version.version, None)
            self._failed.pop(version.version, None)
        except Exception as error:  # noqa: BLE001  # whatever a model file or a step raises is said, not lost
            reason = f"{self._model} ({self._lane} lane) cannot load {version.pipeline}: {error}"
            log.error("%s; tried again in %.0f s", reason, _LOAD_AGAIN_S)  # noqa: TRY400  # the reason says it all
            self._problems[version.version] = reason
            if not isinstance(error, RetryLater | LoadTooSlow) and self._asked.get(version.version) == asked:
                pipeline, key = str(version.pipeline), str(self._model)
                self._failed[version.version] = Failed(pipeline, version.version, key, self._lane, reason)
        finally:
            self._pending[version.version] = time.monotonic() + _LOAD_AGAIN_S

    def _is_wanted(self, version: PipelineVersion) -> bool:
        seen_s = self._wanted_s.get(version.version, float("-inf"))
        return time.monotonic() - seen_s < _UNWANTED_S

    def _load(self, version: PipelineVersion, goes_on: Callable[[], bool]) -> LoadedVersion:
        """RetryLater where `goes_on` returns False before it is loaded."""
        while not self._loading.acquire(timeout=LOOK_S):
            if not goes_on():
                raise RetryLater(f"{version.pipeline} version {version.version} waits for another one to be loaded")
        try:
            if version.version not in self._versions:
                needed = needed_models(version, self._model, self._lane)
                models = {pinned.key: self._models.get(pinned, goes_on) for pinned in needed}
                self._versions[version.version] = LoadedVersion(version, models, self._rules(version))
                log.info("loaded %s version %s", version.pipeline, version.version)
            return self._versions[version.version]
        finally:
            self._loading.release()

    def _rules(self, version: PipelineVersion) -> "Rules | None":
        if not version.validations or self._lane != "official":
            return None
        # polars takes 40 MB and a third of a second: only where there are rules.
        from adapters.rules import Rules  # noqa: PLC0415  # as above

        return Rules(version.validations)

    def _drop_version(self, gone: str) -> None:
        if not self._loading.acquire(blocking=False):
            return  # a load may take long, and the main thread has a pulse to keep: the next turn does it
        try:
            del self._wanted_s[gone]
            self._pending.pop(gone, None)
            self._problems.pop(gone, None)
            self._asked.pop(gone, None)
            self._failed.pop(gone, None)
            self._versions.pop(gone, None)
            used = {named(model.pinned) for loaded in self._versions.values() for model in loaded.models.values()}
            self._models.keep(used | self._needed)
        finally:
            self._loading.release()


def needed_models(version: PipelineVersion, model: ModelKey, lane: Lane) -> tuple[PinnedModel, ...]:
    """Every model that a path through this process may run.

    Official: `model` first, then whatever any later step's split or champion may choose. Shadow:
    `model` as the challenger, and all that may run in the steps before it.
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
