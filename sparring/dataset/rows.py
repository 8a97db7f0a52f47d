"""Answers become tables of `columns`, one for each folder of the dataset. Pure.

The columns of a results dataset, in their order, with their types. Pure.

Beside them: `date` and `model`, by which the folder is partitioned; `out.<name>`, the model's outputs of this row as a
flat list with the model's dtype; `anomaly.<rule>`; and all that is said of an answer a second time as `recorded.*`:
the official answer that the frame got when it was recorded, beside official rows, null where there is none.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import pyarrow as pa

from schemas.results import Answer
from sparring.dataset.outputs import ANSWER_COLUMNS, FRAME_COLUMNS, AnswerTable, FrameFacts, answer_facts, read_outputs

RECORDED: Final = "recorded."

PICTURED: Final[dict[str, Any]] = {"picture_width": pa.int32(), "picture_height": pa.int32()}
"""Pixels of the frame, upright. Null where it is no picture."""

SIZED: Final[dict[str, Any]] = {
    "input_width": pa.int32(),
    "input_height": pa.int32(),
    "input_aspect": pa.string(),
    "input_place": pa.string(),
    "input_rounding": pa.string(),
    "input_shorter": pa.int32(),
}
"""Pixels of the model's input, in which its boxes are, and how a picture lies in it: `aspect`, `place`, `rounding` and
`resize_shorter` of its image settings. Null where it takes no pictures, or its boxes are in pixels of the picture."""

PARTITIONED: Final = pa.schema({"date": pa.string(), "model": pa.string()})
"""Not in the files: in the names of their folders. A row that no model answered has no model there."""

_OWN: Final = {
    name: kind
    for name, kind in (FRAME_COLUMNS | PICTURED | ANSWER_COLUMNS | SIZED).items()
    if name not in PARTITIONED.names
}
_AGAIN: Final = {f"{RECORDED}{name}": kind for name, kind in (ANSWER_COLUMNS | SIZED).items()}
FIXED: Final = pa.schema(_OWN | _AGAIN)


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
