"""What is loaded: every model of every pipeline version that this process may have to answer for.

A version that is wanted is loaded in the background, so that live traffic goes on; a task whose
version is not loaded yet loads it first, in its own thread. Models are shared between versions.
"""

import logging
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adapters.catalog import CatalogReader
from adapters.kafka import now_ms
from adapters.settings import InferenceSettings
from adapters.store import ModelStore
from schemas.errors import Refused, RetryLater, SparringError
from schemas.models import Configuration, PinnedModel
from schemas.names import ModelKey, PipelineName
from schemas.pipelines import ModelStep, PipelineVersion, RandomSplit, ShadowDeploy
from schemas.presence import Warm
from schemas.tasks import Slip
from schemas.topics import Lane
from workers.inference.steps import LoadedModel, load_model

if TYPE_CHECKING:
    from adapters.rules import Rules

log = logging.getLogger(__name__)

_LOAD_AGAIN_S: Final = 5.0
_KEEP_S: Final = 10.0
"""A version that is no longer wanted stays this long: tasks of it may still be on their way."""


@dataclass(frozen=True, slots=True)
class LoadedVersion:
    """A pipeline version and the loaded models of the paths that this process may run."""

    version: PipelineVersion
    models: Mapping[ModelKey, LoadedModel]
    rules: "Rules | None" = None
    """Of an official lane whose pipeline has validations."""


class Shelf:
    """Thread-safe. `follow` belongs to the main thread, `loaded` to the inference threads."""

    def __init__(self, settings: InferenceSettings, model: ModelKey, lane: Lane) -> None:
        self._settings = settings
        self._model = model
        self._lane: Lane = lane
        self._store = ModelStore(settings.model_store)
        self._reader = CatalogReader(settings.brokers, settings.topics.catalog)
        self._reading = threading.Lock()
        self._loading = threading.Lock()
        self._background = ThreadPoolExecutor(1, thread_name_prefix="loader")
        self._versions: dict[str, LoadedVersion] = {}
        self._models: dict[tuple[ModelKey, Configuration], LoadedModel] = {}
        self._wanted_s: dict[str, float] = {}
        self._pending: dict[str, float] = {}
        """Version -> when its load may be tried (again)."""
        self._problems: dict[str, str] = {}
        self._cold: tuple[str, ...] = ("the catalog",)
        self._reader.refresh()

    def follow(self) -> None:
        """Read the catalog on, start loading what is wanted, let go of what is not."""
        with self._reading:
            self._reader.follow()
            wanted = [
                version
                for version in self._reader.catalog.wanted(now_ms())
                if (self._model, self._lane) in version.lanes()
            ]
        now_s = time.monotonic()
        for loaded in list(self._versions):
            # A late task may have loaded a version that nobody wants any more: it goes as well.
            self._wanted_s.setdefault(loaded, now_s)
        for version in wanted:
            self._wanted_s[version.version] = now_s
            if version.version not in self._versions and self._pending.get(version.version, 0.0) <= now_s:
                self._pending[version.version] = float("inf")
                self._background.submit(self._load_in_background, version)
        cold = [version for version in wanted if version.version not in self._versions]
        self._cold = tuple(f"its models to be warm for {v.pipeline} version {v.version}" for v in cold)
        for gone in [v for v, seen_s in self._wanted_s.items() if now_s - seen_s > _KEEP_S]:
            self._let_go(gone)

    def loaded(self, slip: Slip) -> LoadedVersion:
        """The version that a slip names, loaded. Refused where it cannot be; RetryLater where the model
        store does not answer."""
        found = self._versions.get(slip.version)
        if found is not None:
            return found
        version = self._find(slip.pipeline, slip.version)
        try:
            return self._load(version)
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
        """What is wanted and not loaded yet, one line each."""
        return self._cold

    def problems(self) -> tuple[str, ...]:
        """What could not be loaded, and why."""
        return tuple(self._problems.values())

    def close(self) -> None:
        """Stop following."""
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

    def _load_in_background(self, version: PipelineVersion) -> None:
        try:
            self._load(version)
            self._problems.pop(version.version, None)
        except Exception as error:  # noqa: BLE001  # whatever a model file or a step raises is said, not lost
            reason = f"{self._model} ({self._lane} lane) cannot load {version.pipeline}: {error}"
            log.error("%s; tried again in %.0f s", reason, _LOAD_AGAIN_S)  # noqa: TRY400  # the reason says it all
            self._problems[version.version] = reason
        finally:
            self._pending[version.version] = time.monotonic() + _LOAD_AGAIN_S

    def _load(self, version: PipelineVersion) -> LoadedVersion:
        with self._loading:
            if version.version not in self._versions:
                needed = needed_models(version, self._model, self._lane)
                models = {pinned.key: self._load_model(pinned) for pinned in needed}
                self._versions[version.version] = LoadedVersion(version, models, self._rules(version))
                log.info("loaded %s version %s", version.pipeline, version.version)
            return self._versions[version.version]

    def _rules(self, version: PipelineVersion) -> "Rules | None":
        if not version.validations or self._lane != "official":
            return None
        # polars takes 40 MB and a third of a second: only where there are rules.
        from adapters.rules import Rules  # noqa: PLC0415  # as above

        return Rules(version.validations)

    def _load_model(self, pinned: PinnedModel) -> LoadedModel:
        name = (pinned.key, pinned.configuration)
        if name not in self._models:
            started_s = time.monotonic()
            content = self._store.get(pinned.model.sha256)
            self._models[name] = load_model(pinned, content, self._settings)
            log.info("loaded %s in %.2f s", pinned.key, time.monotonic() - started_s)
        return self._models[name]

    def _let_go(self, gone: str) -> None:
        if not self._loading.acquire(blocking=False):
            return  # a load may take long, and the main thread has a pulse to keep: the next turn does it
        try:
            del self._wanted_s[gone]
            self._pending.pop(gone, None)
            self._problems.pop(gone, None)
            self._versions.pop(gone, None)
            used = {id(model) for loaded in self._versions.values() for model in loaded.models.values()}
            self._models = {name: model for name, model in self._models.items() if id(model) in used}
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
