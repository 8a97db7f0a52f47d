"""Loads models. Each load has a thread of its own, so that a load that hangs blocks nobody for ever."""

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

POLL_S: Final = 0.1
"""The longest wait for a load, or for the lock of the loads, before the caller decides again whether to wait."""

LoadKey: TypeAlias = tuple[ModelKey, Configuration]
"""A model is loaded once per configuration."""


def load_key(pinned: PinnedModel) -> LoadKey:
    """The key under which a pinned model is loaded."""
    return pinned.key, pinned.configuration


class LoadTooSlow(SparringError):
    """The load takes longer than `load_ms_max`. It continues, and may still succeed."""


class ModelLoader:
    """The loaded models and the loads in progress.

    Not thread-safe: the version cache calls it under its lock. Only `unneeded_hanging_loads` may be called at any time.
    """

    def __init__(self, settings: InferenceSettings) -> None:
        self._store = ModelStore(settings.model_store)
        self._settings = settings
        self._loaded: dict[LoadKey, LoadedModel] = {}
        self._loads: dict[LoadKey, Load] = {}
        """Loads in progress, hanging ones included."""

    def get(self, pinned: PinnedModel, keep_waiting: Callable[[], bool]) -> LoadedModel:
        """The model, loaded. A load that a caller no longer waits for continues, and the next caller gets its result.

        Raises:
            RetryLater: the store does not return the file, or `keep_waiting` returns False before the load ends.
            LoadTooSlow: the load takes longer than `load_ms_max`.
            SparringError: the model cannot be loaded.
        """
        key = load_key(pinned)
        if key not in self._loaded:
            if key not in self._loads:
                self._loads[key] = Load(pinned, self._store, self._settings)
            load = self._loads[key]
            try:
                while (model := load.result()) is None:
                    if not keep_waiting():
                        raise RetryLater(f"{pinned.key} has been loading for {load.age_s:.0f} s")
            finally:
                if load.done:
                    del self._loads[key]
            self._loaded[key] = model
            log.info("loaded %s in %.2f s", pinned.key, load.age_s)
        return self._loaded[key]

    def retain(self, keys: AbstractSet[LoadKey]) -> None:
        """Unload all other models. Loads in progress cannot be cancelled and stay."""
        self._loaded = {key: model for key, model in self._loaded.items() if key in keys}
        self._loads = {key: load for key, load in self._loads.items() if key in keys or not load.done}

    def unneeded_hanging_loads(self, needed: AbstractSet[LoadKey], unrequested_s: float) -> tuple[str, ...]:
        """Models whose load hangs, which no version needs, and which no late task requested for `unrequested_s`.

        Only the end of this process ends such a load.
        """
        hanging = [(key, load) for key, load in list(self._loads.items()) if load.overdue and key not in needed]
        now_s = time.monotonic()
        return tuple(str(key[0]) for key, load in hanging if now_s - load.requested_at_s > unrequested_s)


class Load:
    """One load, from its start. A hang in a model's library, or in a step's code, cannot be interrupted."""

    def __init__(self, pinned: PinnedModel, store: ModelStore, settings: InferenceSettings) -> None:
        self._pinned = pinned
        self._store = store
        self._settings = settings
        self._started_at_s = self.requested_at_s = time.monotonic()
        self._has_file = False
        self._loaded: Future[LoadedModel] = Future()
        threading.Thread(target=self._run, name=f"load {pinned.key}", daemon=True).start()

    @property
    def age_s(self) -> float:
        """Seconds since its start."""
        return time.monotonic() - self._started_at_s

    @property
    def overdue(self) -> bool:
        """Whether it has been in progress for longer than `load_ms_max`."""
        return not self._loaded.done() and self.age_s * 1000 > self._settings.load_ms_max

    @property
    def done(self) -> bool:
        """Whether it has ended, with a model or with an error."""
        return self._loaded.done()

    def result(self) -> LoadedModel | None:
        """The loaded model; None: still loading. Waits at most POLL_S.

        Raises:
            RetryLater: it is overdue because the store does not return the file.
            LoadTooSlow: it is overdue.
            SparringError: the file is no model.
        """
        self.requested_at_s = time.monotonic()
        if self.overdue:
            message = f"{self._pinned.key} has been loading for {self.age_s:.0f} s"
            if not self._has_file:
                raise RetryLater(f"{message}: the model store {self._store} does not return the file")
            raise LoadTooSlow(f"{message}; expected at most {self._settings.load_ms_max} ms, see SPARRING_LOAD_MS_MAX")
        wait((self._loaded,), POLL_S)
        return self._loaded.result() if self._loaded.done() else None

    def _run(self) -> None:
        try:
            content = self._store.get(self._pinned.model.sha256)
            self._has_file = True
            self._loaded.set_result(load_model(self._pinned, content, self._settings))
        except BaseException as error:  # noqa: BLE001  # `result` raises it in the thread that waits
            self._loaded.set_exception(error)
