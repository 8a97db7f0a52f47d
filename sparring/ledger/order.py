"""Order: frames of one key that one process took are answered in their order. Pure.

Such frames lie on one partition, and so do their answers. A path's process is that of its first model; a challenger's
is the challenger's own. What is shed, or answered by the router because its model cannot be reached, is written when
somebody gives up, not in a turn.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from sparring.ledger.facts import Sent, Told

Process = Callable[[Sent, Told], str | None]
"""The model, `name@version`, whose process gave an answer; None: no model's."""


def official_process(frame: Sent, told: Told) -> str | None:
    """That of the first model of the frame's path."""
    decision = frame.decisions.get(told.pipeline_version or "")
    return None if decision is None else decision.first


def challengers_process(_frame: Sent, told: Told) -> str | None:
    """Each challenger has its own."""
    return told.routed.model


def out_of_order(sent: Sequence[Sent], told: Mapping[str, Sequence[Told]], process: Process) -> list[tuple[Sent, str]]:
    """Frames whose first answer by a process came after that of a later frame of the same key; with what to say."""
    found: list[tuple[Sent, str]] = []
    lines: dict[tuple[bytes, int, str, int], list[tuple[int, Sent]]] = defaultdict(list)
    for frame in sent:
        if frame.key is None:
            continue
        firsts: dict[str, Told] = {}
        for one in told.get(frame.origin, ()):
            if one.status != "shed" and not one.by_router and (by := process(frame, one)) is not None:
                firsts.setdefault(by, one)
        for by, first in firsts.items():
            lines[frame.key, frame.partition, by, first.partition].append((first.offset, frame))
    for line in lines.values():
        latest = -1
        for _, frame in sorted(line, key=lambda answered: answered[0]):
            if frame.offset < latest:
                found.append((frame, f"answered after the frame at offset {latest} of the same key"))
            latest = max(latest, frame.offset)
    return found
