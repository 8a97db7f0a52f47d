"""Records that are read and not written yet: those that arrive during one write are the next batch."""

import asyncio
from typing import Final

from schemas.limits import PREFETCH_KIB_MAX
from workers.indexer.stream import Event

RECORDS_MAX: Final = 200
BYTES_MAX: Final = PREFETCH_KIB_MAX * 1024


class Pending:
    """A bounded queue that is taken as a whole. For one reader and one writer on one event loop."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._bytes = 0
        self._closed = False
        self._changed = asyncio.Condition()

    async def put(self, event: Event) -> None:
        """Add one; waits while there is no room. After `close` it waits for ever: the tap is closed."""
        async with self._changed:
            await self._changed.wait_for(self._has_room)
            self._events.append(event)
            self._bytes += len(event.message.value or b"")
            self._changed.notify_all()

    async def take(self) -> list[Event]:
        """All there are, as soon as there is one. Empty: closed, and nothing is left."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._events or self._closed)
            taken, self._events, self._bytes = self._events, [], 0
            self._changed.notify_all()
            return taken

    async def close(self) -> None:
        """Nothing is added any more."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _has_room(self) -> bool:
        return not self._closed and len(self._events) < RECORDS_MAX and self._bytes < BYTES_MAX
