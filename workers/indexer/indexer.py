"""The indexer: read answers, write them into Redis, commit.

It reads `results` and `shadows` with Faust (`stream`). Faust commits only what is acknowledged here.
"""

import asyncio
import contextlib
import logging
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

import faust

from adapters.clock import now_ms
from adapters.monitor import Monitor
from adapters.presence import Heartbeat
from adapters.redis import AnswerIndex, field_of
from adapters.settings import Settings
from adapters.topics import check_topics
from schemas.errors import RetryLater
from schemas.limits import BEAT_S
from schemas.metrics import INDEX_DELAY_SECONDS, INDEX_RETRIES, INDEX_SECONDS, INDEXED
from schemas.results import Answer
from schemas.topics import fixed_topics
from workers.indexer.pending import Pending
from workers.indexer.stream import Event, Seldom, answer_in, receipt_of, stream_app
from workers.indexer.unflushed import Receipt, UnflushedWrites

log = logging.getLogger(__name__)

_POLL_S: Final = 0.1
_BACK_OFF_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0)


class Indexer:
    """One indexer process. `stopping` ends it after the present batch."""

    def __init__(self, settings: Settings, stopping: threading.Event, monitor: Monitor) -> None:
        self._settings = settings
        self._stopping = stopping
        self._monitor = monitor
        self._meter = monitor.meter
        self._index = AnswerIndex(settings.redis, settings.namespace, settings.result_ttl_s)
        self._unflushed = UnflushedWrites(self._index)
        self._heart = Heartbeat(settings.brokers, settings.topics.presence, "indexer", monitor.port)
        self._problems: tuple[str, ...] = ()
        """Why answers wait while a write is retried."""
        self._redis_away: tuple[str, ...] = ("Redis to answer",)
        self._redis_lock = asyncio.Lock()
        """Held by the task that verifies or writes: a thread that waits for a lock cannot be cancelled."""
        self._ending = asyncio.Event()

    async def _read_write_commit(self, pending: Pending) -> None:
        """Read answers, write them into Redis, commit. Ends when `pending` is closed."""
        while events := await pending.take():
            answers = [answer for event in events if (answer := _answer(event)) is not None]
            if not await self._write_and_commit(answers, [receipt_of(event) for event in events]):
                return

    async def _write_and_commit(self, answers: list[Answer], receipts: list[Receipt]) -> bool:
        """Write until Redis confirms, however long it is away. False: `stopping` is set; nothing may be committed."""
        attempt = 0
        while not (self._stopping.is_set() and attempt):
            async with self._redis_lock:
                if self._stopping.is_set() and self._redis_away:
                    return False  # it has just failed: a write would take as long again
                started_at_s = time.monotonic()
                try:
                    safe = await asyncio.to_thread(self._unflushed.write, answers, receipts)
                except RetryLater as error:
                    log.warning("%d answers wait: %s", len(answers), error)
                    self._problems = self._redis_away = (str(error),)
                    self._meter.add(INDEX_RETRIES)
                else:
                    self._problems = self._redis_away = ()
                    _acknowledge(safe)
                    self._meter.observe(INDEX_SECONDS, time.monotonic() - started_at_s)
                    self._count(answers)
                    return True
            await asyncio.sleep(_BACK_OFF_S[min(attempt, len(_BACK_OFF_S) - 1)])
            attempt += 1
        return False

    def run(self) -> None:
        """Read answers, write them into Redis, commit."""
        # Faust waits silently for a missing topic; this names it.
        check_topics(self._settings.brokers, fixed_topics(self._settings.namespace))
        for name in ("faust", "mode"):
            logging.getLogger(name).setLevel(logging.WARNING)
        for handler in logging.getLogger().handlers:
            handler.addFilter(Seldom())
        with tempfile.TemporaryDirectory(prefix="sparring-indexer-") as scratch:
            asyncio.run(self._serve(Path(scratch)))

    async def _serve(self, scratch: Path) -> None:
        pending = Pending()
        app = stream_app(self._settings, scratch, pending.put)
        writing = asyncio.create_task(self._read_write_commit(pending))
        watching = asyncio.create_task(self._watch_redis())
        await app.start()
        try:
            while not (self._stopping.is_set() or writing.done() or watching.done() or app.crashed):
                self._heart.beat(problems=self._problems)
                self._monitor.turned([*self._heart.silence(), *_not_joined(app), *self._redis_away])
                await asyncio.wait((writing,), timeout=_POLL_S)
        finally:
            self._ending.set()
            # An end without a signal has a deadline too: Faust's thread waits 30 s for a silent broker.
            self._stopping.set()
            await self._close(app, pending, writing, watching)
        if app.crash_reason is not None:
            raise app.crash_reason

    async def _watch_redis(self) -> None:
        """Check Redis between writes: for readiness, and for confirmed answers that Redis lost."""
        while not self._ending.is_set():
            async with self._redis_lock:
                if not self._ending.is_set():
                    await self._verify()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), BEAT_S)

    async def _verify(self) -> None:
        try:
            _acknowledge(await asyncio.to_thread(self._unflushed.verify))
            self._redis_away = ()
        except RetryLater as error:
            self._redis_away = (str(error),)

    def _count(self, answers: list[Answer]) -> None:
        now = now_ms()
        for answer in answers:
            self._meter.add(INDEXED, lane="official" if answer.official else "shadow")
            self._meter.observe(INDEX_DELAY_SECONDS, max(0, now - answer.published_at) / 1000)

    async def _close(
        self, app: faust.App, pending: Pending, writing: asyncio.Task[None], watching: asyncio.Task[None]
    ) -> None:
        """Stop in the order in which data flows: stop reading, write what was read, commit, leave."""
        await pending.close()
        try:
            await asyncio.gather(watching, writing)
        finally:
            await app.stop()
            self._index.close()
            self._heart.stop()


def _not_joined(app: faust.App) -> list[str]:
    return ["its share of the answers"] if app.rebalancing or not app.rebalancing_count else []


def _acknowledge(receipts: list[Receipt]) -> None:
    """Acknowledge events. Faust commits them every COMMIT_EVERY_S and when it stops."""
    for receipt in receipts:
        receipt()


def _answer(event: Event) -> Answer | None:
    """The record's answer. A record without one is logged and skipped: no client waits for it."""
    try:
        answer = answer_in(event)
        field_of(answer)
    except ValueError as error:
        place = event.message
        log.error("skipped %s/%d/%d: %s", place.topic, place.partition, place.offset, error)  # noqa: TRY400
        return None
    return answer
