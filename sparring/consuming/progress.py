"""How far the iteration has come in each partition: what a commit may say. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sparring.consuming.result import Result


@dataclass(slots=True)
class _Read:
    """following: the offset after the last that was read. held: read and not yet done with, in order."""

    following: int
    held: dict[int, Result] = field(default_factory=dict)


@dataclass(slots=True)
class Progress:
    """Which results were read and not yet handed out, whatever holds them back: a window, a batch."""

    partitions: dict[tuple[str, int], _Read] = field(default_factory=dict)
    held_bytes: int = 0

    def read(self, result: Result) -> None:
        """It came."""
        self.passed(result.topic, result.partition, result.offset)
        self.partitions[result.topic, result.partition].held[result.offset] = result
        self.held_bytes += len(result.answer.value)

    def passed(self, topic: str, partition: int, offset: int) -> None:
        """A record came that is no result."""
        one = self.partitions.setdefault((topic, partition), _Read(offset + 1))
        one.following = max(one.following, offset + 1)

    def done(self, result: Result) -> None:
        """It was handed out, or nobody wants it."""
        one = self.partitions.get((result.topic, result.partition))
        if one is not None and one.held.pop(result.offset, None) is not None:
            self.held_bytes -= len(result.answer.value)

    def holds(self, result: Result) -> bool:
        """Whether it was read and not handed out."""
        one = self.partitions.get((result.topic, result.partition))
        return one is not None and result.offset in one.held

    def held(self) -> Iterator[Result]:
        """Those that were read and not handed out."""
        for one in self.partitions.values():
            yield from one.held.values()

    def offsets(self) -> dict[tuple[str, int], int]:
        """By topic and partition, the offset of the first that is not done with: reading goes on there."""
        return {place: next(iter(one.held), one.following) for place, one in self.partitions.items()}
