"""Answers become tables of `columns`, one for each folder of the dataset. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pyarrow as pa

from schemas.results import Answer
from sparring.dataset.columns import FIXED, PICTURED, RECORDED, SIZED
from sparring.dataset.outputs import AnswerTable, FrameFacts, answer_facts, read_outputs


class Size(NamedTuple):
    """Of a model's input, pixels, and how a picture lies in it, as its image settings have it."""

    width: int
    height: int
    aspect: str
    place: str = "upper-left"
    rounding: str = "nearest"
    resize_shorter: int | None = None


InputSize = Callable[[Answer], Size | None]
"""The size of the input of the model that made an answer; None where it takes no pictures, or of any size, or its
boxes are in pixels of the picture."""


class DatasetPartition(NamedTuple):
    """A folder of the dataset, and what its files have: each has outputs of one schema, so that none changes its type.

    Which versions made them says less: outputs are those of a path's last step, and a model is named by its first.
    """

    date: str
    model: str | None
    outputs: pa.Schema
    recorded: pa.Schema


class DatasetRows:
    """Rows that are not written yet. size_bytes: of the answers that they were made of."""

    def __init__(self, input_size: InputSize) -> None:
        self._input_size = input_size
        self._gathered: dict[DatasetPartition, AnswerTable] = defaultdict(lambda: AnswerTable(FIXED, ("", RECORDED)))
        self.count = 0
        self.size_bytes = 0

    def add(
        self,
        asked: FrameFacts,
        answer: Answer,
        recorded: Answer | None = None,
        picture_size: tuple[int, int] | None = None,
    ) -> None:
        """Add one answer's rows; recorded: the official answer that the frame had before; picture_size: width and
        height of the frame, where it is a picture."""
        outputs, failure = read_outputs(answer)
        facts: dict[str, Any] = asked.facts() | answer_facts(answer, failure) | self._sized(answer)
        facts |= {} if picture_size is None else dict(zip(PICTURED, picture_size, strict=True))
        then = _NOT_RECORDED
        if recorded is not None:
            then, failure = read_outputs(recorded)
            again = answer_facts(recorded, failure) | self._sized(recorded)
            facts |= {f"{RECORDED}{name}": value for name, value in again.items()}
        date = datetime.fromtimestamp(asked.at / 1000, UTC).date().isoformat()
        place = DatasetPartition(date, answer.model, outputs.schema.remove_metadata(), then.schema.remove_metadata())
        self.count += self._gathered[place].add(facts, outputs, then)
        self.size_bytes += len(answer.value) + len(b"" if recorded is None else recorded.value)

    def _sized(self, answer: Answer) -> dict[str, Any]:
        size = self._input_size(answer)
        return {} if size is None else dict(zip(SIZED, size, strict=True))

    def tables(self) -> Iterator[tuple[DatasetPartition, pa.Table]]:
        """One table for each place."""
        for place, gathered in self._gathered.items():
            yield place, gathered.table()


_NOT_RECORDED = pa.table({})
