"""One example record as a file: the bytes that somebody may have on a topic, and what they mean.

A file is never changed: what was written once must be understood for ever. A new kind of message, or a new
way to write an old one, is a new file.
"""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import msgspec
import pyarrow as pa

from schemas.catalog import decode_record
from schemas.frames import Frame, Origin, RawHeaders, is_table
from schemas.presence import decode_beat
from schemas.results import Answer
from schemas.tables.read import read_arrow, read_table
from schemas.tasks import split_slip

FOLDER: Final = Path(__file__).parent / "examples"


@dataclass(frozen=True)
class Example:
    """topic: its name without the namespace and the model. value: None is a record without one.

    message: its name in docs/asyncapi.yaml; "" where a record without a value needs none. means: a part, at
    least, of what the code reads in it.
    """

    topic: str
    message: str
    key: bytes | None
    headers: RawHeaders
    value: bytes | None
    means: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Bytes stand as text, or as `{"base64": "..."}` where they are none."""
        written = json.loads(path.read_text())
        return cls(
            topic=written["topic"],
            message=written["message"],
            key=_bytes(written["key"]),
            headers=[(name, _bytes(value)) for name, value in written["headers"]],
            value=_bytes(written["value"]),
            means=written["means"],
        )

    @property
    def text_headers(self) -> dict[str, str]:
        """As a reader sees them: the last one counts."""
        return {name: value.decode() for name, value in self.headers if value is not None}

    def meaning(self) -> dict[str, Any]:
        """What the code reads in it, as plain dicts, lists and numbers."""
        value = self.value or b""
        match self.topic:
            case "frames":
                return _of_frame(self._frame(self.headers))
            case "work" | "shadow":
                slip, headers = split_slip(self.headers)
                return {"frame": _of_frame(self._frame(headers)), "slip": _plain(slip)}
            case "results" | "shadows":
                return _of_answer(Answer.from_record(self.key, value, self.headers))
            case "deadletters":
                return {"headers": self.text_headers, "bytes": len(value)}
            case "catalog":
                return _plain(decode_record(value))
            case "presence":
                return {"gone": True} if self.value is None else _plain(decode_beat(value))
            case _:
                raise AssertionError(f"no topic: {self.topic}")

    def _frame(self, headers: RawHeaders) -> Frame:
        origin = Origin("sparring.frames", 2, 1017)
        return Frame(self.key, self.value or b"", tuple(headers), origin, produced_at=0, topic_id="TOPIC")


def read_examples() -> dict[str, Example]:
    """All of them, by their files' names."""
    return {path.stem: Example.read(path) for path in sorted(FOLDER.glob("*.json"))}


def _bytes(written: str | dict[str, str] | None) -> bytes | None:
    match written:
        case None:
            return None
        case str():
            return written.encode()
        case _:
            return base64.b64decode(written["base64"], validate=True)


def _of_frame(frame: Frame) -> dict[str, Any]:
    kind = frame.content_type
    reference = frame.reference
    rows = _rows(read_table(kind, frame.value)) if is_table(kind) and reference is None else None
    return {
        "request_id": frame.request_id,
        "pipeline": str(frame.pipeline),
        "content_type": kind,
        "deadline": frame.deadline,
        "traceparent": frame.traceparent,
        "reference": None if reference is None else {"uri": reference.uri, "sha256": reference.sha256},
        "rows": rows,
    }


def _of_answer(answer: Answer) -> dict[str, Any]:
    ok = answer.status == "ok"
    read = {"rows": _rows(read_arrow(answer.value))} if ok else {"failure": _plain(answer.failure())}
    plain = _plain(answer)
    return {name: plain[name] for name in plain if name not in ("key", "value")} | read


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    return table.to_pylist()


def _plain(noun: object) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(noun))
    return plain
