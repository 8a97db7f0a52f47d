"""One name, one thing: no two modules have a public class of the same name, but for the reasons in `SHARED`."""

import ast
from collections import defaultdict
from typing import Final

from tests.contracts.imports import modules

SHARED: Final = {
    "ModelVersion": "the SDK's handle has the tutorial's name; the record of the catalog has the same, on the wire",
    "Pipeline": "the SDK's handle has the tutorial's name; the catalog's fold keeps the state of the same pipeline",
}
"""Names that two modules may share, each with the reason."""

PRESENT: Final = {
    "Asked": "dataset.outputs: a requested output; producer.options: a sender's options",
    "Batch": "router.loop: frames of one poll; results.batches: rows of one Arrow batch",
    "Counts": "producer.sender: frames sent; replay.plan: frames replayed",
    "Difference": "comparison.outputs: two answers; replay.decisions: two routes",
    "Found": "operations.lookup: an answer; sources.paths: files",
    "Frames": "cli.replay.options: an option; producer.frames: the SDK's public sender",
    "Inputs": "workers.inference.tensors: tensors; comparison.coordinates: sizes of inputs",
    "Joined": "comparison.joined and results.logs: two joins",
    "Progress": "cli.progress: a line on stderr; results.window: how far a stream is read",
    "Question": "results.logs and results.query: two queries",
    "Recorded": "kafka.source, local.reaper, replay.recorded: records, a process, a file",
    "Report": "ledger.account: findings; producer.reports: the SDK's public delivery report",
    "Rows": "dataset.rows: a writer; replay.source: rows of a data set",
    "Sent": "ledger.facts, producer.sender, replay.in_flight: three records of sending",
    "Span": "adapters.traces: OpenTelemetry's; kafka.offsets: a range of offsets",
    "Watch": "adapters.presence: heartbeats; replay.replay: a monitor",
}
"""Present exceptions, to be renamed. No entry may be added."""


def test_no_two_modules_have_a_public_class_of_one_name() -> None:
    modules_by_class: dict[str, list[str]] = defaultdict(list)
    for module, path in modules().items():
        for statement in ast.parse(path.read_text()).body:
            if isinstance(statement, ast.ClassDef) and not statement.name.startswith("_"):
                modules_by_class[statement.name].append(module)
    shared = {name: where for name, where in modules_by_class.items() if len(where) > 1}

    assert {name: where for name, where in shared.items() if name not in {**SHARED, **PRESENT}} == {}
    assert {**SHARED, **PRESENT}.keys() - shared.keys() == set(), "no longer shared: delete the entries"
