"""Facts of the ledger, made up: a frame, what was said of it, what Redis holds. Pure."""

from typing import Any

from schemas.catalog import Switch
from sparring.ledger.account import LedgerReport
from sparring.ledger.facts import DeadLetterFact, Decision, IndexedAnswer, ObservedAnswer, ObservedFrame, Routed

PIPELINE = "default/shop"
CHAMPION_1 = Decision(Routed("champion@1", "sha", 1), {"rival@1": Routed("rival@1", "sha", 1)}, first="champion@1")
CHAMPION_2 = Decision(Routed("champion@2", "sha"), first="champion@2")
DECIDED = {"v1": CHAMPION_1, "v2": CHAMPION_2}
HOUR_MS = 3_600_000
SENT_MS = 10 * HOUR_MS
SWAPPED = (Switch(HOUR_MS, "v1", ""), Switch(SENT_MS, "v2", ""))
"""One version until just now, another from then on."""


def sent(offset: int, **more: Any) -> ObservedFrame:
    fields: dict[str, Any] = {
        "origin": f"frames/0/{offset}",
        "partition": 0,
        "offset": offset,
        "key": b"camera",
        "request_id": f"r{offset}",
        "pipeline": PIPELINE,
        "digest": f"bytes-{offset}",
        "decisions": DECIDED,
        "produced_at": SENT_MS,
        "history": SWAPPED,
    }
    return ObservedFrame(**{**fields, **more})


def answer(offset: int, at: int | None = None, **more: Any) -> ObservedAnswer:
    """By the champion of v1, with its one challenger; of another version there is none."""
    parts = more.pop("parts", int(more.get("pipeline_version", "v1") == "v1"))
    more["routed"] = Routed(more.pop("model", "champion@1"), more.pop("sha256", "sha"), parts, more.pop("split", ()))
    fields: dict[str, Any] = {
        "origin": f"frames/0/{offset}",
        "partition": 3,
        "offset": offset if at is None else at,
        "request_id": f"r{offset}",
        "pipeline": PIPELINE,
        "status": "ok",
        "published_at": SENT_MS + 10,
        "pipeline_version": "v1",
        "digest": f"bytes-{offset}",
        "value_digest": f"answer-{offset}",
        "error": None,
    }
    return ObservedAnswer(**{**fields, **more})


def shadow(offset: int, **more: Any) -> ObservedAnswer:
    return answer(offset, **{"model": "rival@1", **more})


def refused(error: str, **more: Any) -> ObservedAnswer:
    """Before any version took it."""
    return answer(0, **{"status": "error", "error": error, "pipeline_version": None, "model": None, **more})


def expired(**more: Any) -> ObservedAnswer:
    return answer(0, **{"status": "expired", "error": "Expired", **more})


def letter(error: str) -> DeadLetterFact:
    return DeadLetterFact("frames/0/0", error, "bytes-0")


def held(asked: ObservedAnswer) -> IndexedAnswer | None:
    if asked.pipeline != PIPELINE:
        return None
    number = asked.request_id[1:]
    return IndexedAnswer(f"frames/0/{number}", asked.request_id, asked.pipeline, f"answer-{number}")


def kinds(report: LedgerReport) -> list[str]:
    return [finding.kind for finding in report.findings]
