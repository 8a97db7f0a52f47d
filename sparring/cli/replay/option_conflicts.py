"""Which arguments of `sparring replay` go together: none may stand there that would mean nothing. Pure."""

import argparse
from collections.abc import Iterator, Sequence
from typing import Final

_NAMES: Final = {"paths": "PATH", "since": "--from", "until": "--to"}
"""Of the arguments that are typed otherwise than they are kept."""

_SAID_ANYHOW: Final = {"run", "show", "json"}
_ANSWERED: Final = ("--of-model", "--anomalous", "--confidence-below", "--status")
_PACES: Final = ("--fps", "--realtime", "--speed")
_LOOKS: Final = ("--dry-run", "--verify", "--what-if")
_SENDING: Final = ("--out", "--live", "--allow-python", *_PACES)

_ROUTED: Final = "it needs frames that were routed: --from, --offsets, --ids, or a filter"

_NEEDS: Final = (
    ("--column", "PATH"),
    ("--key-column", "--column"),
    ("--error", "--dead-letters"),
)

_NOT_BESIDE: Final[tuple[tuple[str, tuple[str, ...], str], ...]] = (
    ("PATH", ("--from", "--to", "--of-pipeline"), "files were not recorded"),
    ("--offsets", ("--from", "--to"), "offsets are exact"),
    ("--candidate", ("--version",), "a candidate has none"),
    ("--live", ("--version", "--candidate"), "frames go to what is live"),
    ("--live", ("--allow-python",), "it starts no host of its own"),
    ("--verify", ("PATH", "--dead-letters"), _ROUTED),
    ("--verify", ("--version", "--candidate"), "what answered then has decided"),
    ("--verify", _SENDING, "nothing is sent"),
    ("--what-if", ("PATH", "--dead-letters"), _ROUTED),
    ("--what-if", ("--candidate",), "a candidate is deployed nowhere, and has split nothing"),
    ("--what-if", _SENDING, "nothing is sent"),
)


def wrong(parsed: argparse.Namespace) -> str | None:
    """What of the arguments does not go together: the first that is; None: all do."""
    given = _given(parsed)
    if "--resume" in given:
        others = ", ".join(name for name in given if name != "--resume")
        return f"--resume goes on as its journal says: without {others}" if others else None
    return next(_broken(given, len(parsed.paths)), None)


def _given(parsed: argparse.Namespace) -> list[str]:
    """As they are typed. A time may be 0, which equals False."""
    return [
        _NAMES.get(name, f"--{name.replace('_', '-')}")
        for name, value in vars(parsed).items()
        if name not in _SAID_ANYHOW and value is not None and value is not False and value != []
    ]


def _broken(given: Sequence[str], paths: int) -> Iterator[str]:
    yield from _which_frames(given)
    for name, needed in _NEEDS:
        if name in given and needed not in given:
            yield f"{name} needs {needed}"
    if "--column" in given and paths != 1:
        yield "--column needs one PATH: the dataset"
    both = [name for name in ("--pipeline", "--candidate") if name in given]
    if len(both) != 1:
        yield f"what answers? expected one of --pipeline, --candidate; came {'both' if both else 'none'}"
    for group in (_PACES, _LOOKS):
        if sum(name in given for name in group) > 1:
            yield f"one of {', '.join(group)}"
    for name, others, why in _NOT_BESIDE:
        if name in given and (here := [other for other in others if other in given]):
            yield f"{name} cannot stand beside {', '.join(here)}: {why}"
    if "--out" not in given and not set(_LOOKS) & set(given):
        yield "--out is missing: the folder of the dataset"


def _which_frames(given: Sequence[str]) -> Iterator[str]:
    """A filter's options are one kind together; --from is one where there is no other."""
    kinds = [name for name in ("PATH", "--offsets", "--ids", "--dead-letters") if name in given]
    if set(_ANSWERED) & set(given):
        kinds.append(", ".join(_ANSWERED))
    if not kinds and "--from" in given:
        return
    if len(kinds) != 1:
        kind = ("--from", "PATH", "--offsets", "--ids", ", ".join(_ANSWERED), "--dead-letters")
        yield f"which frames? expected one of {', '.join(kind)}; came {' and '.join(kinds) or 'none'}"
