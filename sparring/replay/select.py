"""Options of a replay become a source: times or offsets of `frames`, ids, answers, dead letters."""

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from kafka import TopicPartition
from kafka.errors import KafkaError

from schemas.errors import EntityNotFoundError, Refused, SparringError
from schemas.frames import Origin
from schemas.names import PipelineName
from schemas.results import Answer
from schemas.tables.read import read_arrow
from sparring.kafka.offsets import OffsetRange, Spans, checked_spans, places_of, spans_by_time
from sparring.kafka.records import RecordStream
from sparring.operations.deadletters import DeadLetter, once_each, read_dead_letters
from sparring.replay.source import PLACES_MAX, DeadLetters, ReplayRange, SelectedFrames, TopicRange
from sparring.system.connection import Connection


def by_time(connection: Connection, since: int, until: int | None, pipeline: str | None) -> TopicRange:
    """The frames from the first that is as young as `since` until before the first that is as young as `until`, in
    each partition. Unix milliseconds; until None: to the end as it is now.

    Raises:
        ConnectionError: the broker does not answer, or has no such topic.
    """
    topic = connection.topics.frames
    with contextlib.closing(connection.broker.consumer(())) as consumer, _asking(connection):
        spans = spans_by_time(consumer, places_of(consumer, topic), since, until, follow=False)
    return _range(topic, spans, pipeline)


def by_offsets(connection: Connection, wanted: Mapping[int, OffsetRange], pipeline: str | None) -> TopicRange:
    """The frames at these offsets. ValueError where they are not all there; ConnectionError as above."""
    topic = connection.topics.frames
    with contextlib.closing(connection.broker.consumer(())) as consumer, _asking(connection):
        known = {place.partition for place in places_of(consumer, topic)}
        if strange := sorted(set(wanted) - known):
            raise ValueError(f"{topic} has no partition {strange[0]}; it has {', '.join(map(str, sorted(known)))}")
        spans = checked_spans(consumer, {TopicPartition(topic, number): span for number, span in wanted.items()})
    return _range(topic, spans, pipeline)


def begins_at(connection: Connection, source: TopicRange) -> int | None:
    """When the first frame that is there was produced, Unix milliseconds; None where it is no longer there, or none is.
    ConnectionError as above."""
    spans = {TopicPartition(source.topic, one.partition): OffsetRange(one.begin, one.end) for one in source.reaches}
    with RecordStream(connection.broker, source.topic, spans=spans) as records:
        first = next(records, None)
        return None if first is None or records.drain_expired() else int(first.timestamp)


def _range(topic: str, spans: Spans, pipeline: str | None) -> TopicRange:
    return TopicRange(
        topic, tuple(ReplayRange(place.partition, span.begin, int(span.end)) for place, span in spans.items()), pipeline
    )


@contextlib.contextmanager
def _asking(connection: Connection) -> Iterator[None]:
    try:
        yield
    except KafkaError as error:
        raise ConnectionError(
            f"{connection.topics.frames} on {connection.broker.kafka}: no answer: {error!r}"
        ) from error


_MISSING_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class AnswerFilter:
    """Which requests are meant, by their official answers; every one that is given must hold.

    ids: of these requests. model: `name` or `name@version` that answered. anomalous: a validation rule said so.
    confidence_below: nothing was found with at least this confidence. status: as in docs/contract.md.
    """

    ids: frozenset[str] | None = None
    pipeline: PipelineName | None = None
    model: str | None = None
    anomalous: bool = False
    confidence_below: float | None = None
    confidences: str = "confidences"
    status: str | None = None

    def takes(self, answer: Answer) -> bool:
        """Whether this request is meant. Pure."""
        if self.ids is not None and answer.request_id not in self.ids:
            return False
        if self.pipeline is not None and answer.pipeline != str(self.pipeline):
            return False
        if self.model is not None and self.model not in {answer.model, f"{answer.model}@{answer.model_version}"}:
            return False
        if self.status not in {None, answer.status}:
            return False
        return not (self.anomalous or self.confidence_below is not None) or self._by_outputs(answer)

    def _by_outputs(self, answer: Answer) -> bool:
        if answer.status != "ok":
            return False
        try:
            table = read_arrow(answer.value)
        except Refused:
            return False
        if self.anomalous and not _is_anomalous(table):
            return False
        return self.confidence_below is None or self._is_unsure(table, self.confidence_below)

    def _is_unsure(self, table: Any, below: float) -> bool:
        if self.confidences not in table.column_names:
            return False
        found = table[self.confidences].combine_chunks()
        values = found.flatten() if pa.types.is_list(found.type) else found
        if not (pa.types.is_floating(values.type) or pa.types.is_integer(values.type)):
            return False  # another version's output of this name: it says nothing of how sure it is
        most = pc.max(values).as_py()
        return most is None or most < below


def selected_frames(
    connection: Connection, wanted: AnswerFilter, since: int | None, until: int | None
) -> SelectedFrames:
    """The frames of the requests that are meant, answered from `since` until before `until`, Unix milliseconds.

    Raises:
        EntityNotFoundError: an id has no answer in that time.
        SparringError: more than PLACES_MAX are meant.
        ConnectionError: the broker does not answer.
    """
    topic = connection.topics.frames
    found: dict[Origin, float] = {}
    seen: set[str] = set()
    with RecordStream(connection.broker, connection.topics.results, since, until) as records:
        for record in records:
            answer = _answer(record)
            if answer is None or not wanted.takes(answer):
                continue
            origin = Origin.parse(answer.frame)
            if origin.topic != topic:
                continue
            found.setdefault(origin, _produced_ms(answer))
            if len(found) > PLACES_MAX:
                raise _too_many()
            if wanted.ids is not None:
                seen.add(answer.request_id)
    if wanted.ids is not None and (missing := sorted(wanted.ids - seen)):
        more = f" and {len(missing) - _MISSING_SHOWN} more" if len(missing) > _MISSING_SHOWN else ""
        raise EntityNotFoundError(
            f"no answer of request {', '.join(missing[:_MISSING_SHOWN])}{more} in this time on "
            f"{connection.topics.results}; --from names an earlier time"
        )
    return SelectedFrames(topic, _sorted(found), _turns(found))


def dead_letters(
    connection: Connection,
    since: int | None,
    until: int | None = None,
    error: str | None = None,
    pipeline: PipelineName | None = None,
) -> DeadLetters:
    """The dead letters written from `since` until before `until` (Unix milliseconds), one for each frame; until None:
    to the end as it is now. Errors as of `chosen`."""
    wanted: list[DeadLetter] = []
    for letter in read_dead_letters(connection, since, until):
        if error in {None, letter.error} and pipeline in {None, letter.pipeline_name}:
            wanted.append(letter.without_bytes())
            if len(wanted) > PLACES_MAX:
                raise _too_many()
    once = once_each(wanted)
    found = {Origin.parse(letter.place): letter.at for letter in wanted if letter.place in once}
    return DeadLetters(connection.topics.deadletters, _sorted(found), _turns(found))


def _answer(record: Any) -> Answer | None:
    try:
        answer = Answer.from_record(record.key, record.value or b"", list(record.headers))
        Origin.parse(answer.frame)
    except ValueError:
        return None  # anyone may write to a topic that is not protected
    return answer


def _is_anomalous(table: Any) -> bool:
    if "anomaly.count" not in table.column_names:
        return False
    counts = table["anomaly.count"].combine_chunks()
    if not str(counts.type).startswith(("int", "uint")):
        counts = counts.flatten()
    return bool((pc.max(counts).as_py() or 0) > 0)


def _sorted(places: Iterable[Origin]) -> dict[int, tuple[int, ...]]:
    offsets: dict[int, list[int]] = defaultdict(list)
    for place in places:
        offsets[place.partition].append(place.offset)
    return {partition: tuple(sorted(offsets[partition])) for partition in sorted(offsets)}


def _turns(times: Mapping[Origin, float]) -> tuple[int, ...]:
    return tuple(place.partition for place in sorted(times, key=times.__getitem__))


def _produced_ms(answer: Answer) -> float:
    """When its frame was, but for the moment in which the answer was written: the frame itself is not at hand."""
    took = answer.timings
    return answer.published_at - (took.queued_ns + took.decode_ns + took.infer_ns) / 1e6


def _too_many() -> SparringError:
    return SparringError(f"more than {PLACES_MAX:,} frames are meant one by one; a range of time has no limit")
