"""Loaded models. Each loads in a thread of its own: a hanging load is abandoned and blocks nothing."""

import logging
import threading
import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, wait
from typing import Final, TypeAlias

from adapters.settings import InferenceSettings
from adapters.storage.models import ModelStore
from schemas.errors import RetryLater, SparringError
from schemas.models import Configuration, PinnedModel
from schemas.names import ModelKey
from workers.inference.steps import LoadedModel, load_model

log = logging.getLogger(__name__)

LOOK_S: Final = 0.1

Named: TypeAlias = tuple[ModelKey, Configuration]
"""A model is loaded once for each configuration."""


def named(pinned: PinnedModel) -> Named:
    """What a pinned model is loaded as."""
    return pinned.key, pinned.configuration


class LoadTooSlow(SparringError):
    """The load exceeds its time limit. It continues, and may still finish."""


class ModelLoader:
    """For one thread at a time, but for `unneeded_hanging_loads`."""

    def __init__(self, settings: InferenceSettings) -> None:
        self._store = ModelStore(settings.model_store)
        self._settings = settings
        self._loaded: dict[Named, LoadedModel] = {}
        self._loads: dict[Named, Load] = {}
        """Under way, or left behind."""

    def get(self, pinned: PinnedModel, goes_on: Callable[[], bool]) -> LoadedModel:
        """The model, loaded. RetryLater: the store does not give its file, or `goes_on` says no before it is loaded.
        LoadTooSlow: it takes too long. SparringError: it cannot be loaded."""
        name = named(pinned)
        if name not in self._loaded:
            if name not in self._loads:
                self._loads[name] = Load(pinned, self._store, self._settings)
            load = self._loads[name]
            try:
                while (model := load.result()) is None:
                    if not goes_on():
                        raise RetryLater(f"{pinned.key} has been loading for {load.age_s:.0f} s")
            finally:
                if load.done:
                    del self._loads[name]
            self._loaded[name] = model
            log.info("loaded %s in %.2f s", pinned.key, load.age_s)
        return self._loaded[name]

    def keep(self, names: AbstractSet[Named]) -> None:
        """Let go of all others."""
        self._loaded = {name: model for name, model in self._loaded.items() if name in names}
        self._loads = {name: load for name, load in self._loads.items() if name in names or not load.done}

    def unneeded_hanging_loads(self, needed: AbstractSet[Named], unasked_s: float) -> tuple[str, ...]:
        """Those whose load hangs, that nobody needs, and that no late task asked for within `unasked_s`: only the end
        of this process ends such a load."""
        hanging = [(name, load) for name, load in list(self._loads.items()) if load.late and name not in needed]
        return tuple(str(name[0]) for name, load in hanging if time.monotonic() - load.asked_s > unasked_s)


class Load:
    """Begins at once. What hangs in a model's library, or in a step's own code, cannot be stopped from outside."""

    def __init__(self, pinned: PinnedModel, store: ModelStore, settings: InferenceSettings) -> None:
        self._pinned = pinned
        self._store = store
        self._settings = settings
        self._begun_s = self.asked_s = time.monotonic()
        self._read = False
        self._loaded: Future[LoadedModel] = Future()
        threading.Thread(target=self._run, name=f"load {pinned.key}", daemon=True).start()

    @property
    def age_s(self) -> float:
        """Since it began."""
        return time.monotonic() - self._begun_s

    @property
    def late(self) -> bool:
        """Whether it is under way for longer than it may take."""
        return not self._loaded.done() and self.age_s * 1000 > self._settings.load_ms_max

    @property
    def done(self) -> bool:
        """Whether the load has ended, with a model or an error."""
        return self._loaded.done()

    def result(self) -> LoadedModel | None:
        """What was loaded; None: not yet, after LOOK_S at most. RetryLater: the store does not give the file.
        LoadTooSlow: it is late. SparringError: it is no model."""
        self.asked_s = time.monotonic()
        if self.late:
            took = f"{self._pinned.key} has been loading for {self.age_s:.0f} s"
            if not self._read:
                raise RetryLater(f"{took}: the model store {self._store} does not give the file")
            raise LoadTooSlow(f"{took}; expected at most {self._settings.load_ms_max} ms, see SPARRING_LOAD_MS_MAX")
        wait((self._loaded,), LOOK_S)
        return self._loaded.result() if self._loaded.done() else None

    def _run(self) -> None:
        try:
            content = self._store.get(self._pinned.model.sha256)
            self._read = True
            self._loaded.set_result(load_model(self._pinned, content, self._settings))
        except BaseException as error:  # noqa: BLE001  # of whoever waits
            self._loaded.set_exception(error)
