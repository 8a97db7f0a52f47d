"""The columns of a result: which of them, and in which order. Pure."""

from collections.abc import Iterable, Sequence
from typing import Final

from sparring.checks import checked_texts

METADATA: Final = "metadata"
EVERYTHING: Final = "*"
"""Every column but `metadata.*`: what a result has when `dataset` is not given."""

ANOMALIES: Final = "anomaly.count"
"""How many validations are true for a row, int64; 0 where the pipeline has none."""

_GROUPS: Final = ("time", "in", "out")


def in_order(names: Iterable[str]) -> list[str]:
    """Sorted by [time, in, out, everything else], then by the remaining parts of the name; stable."""

    def place(name: str) -> tuple[int, list[str]]:
        group, *rest = name.split(".")
        if group in _GROUPS:
            return _GROUPS.index(group), rest
        return len(_GROUPS), [group, *rest]

    return sorted(names, key=place)


def selected(names: Iterable[str], dataset: Sequence[str] | None, dataset_exclude: Sequence[str] | None) -> list[str]:
    """The columns that were asked for, in the order of `names`.

    An entry is a column, a group (`in`, `out` with the challengers' columns, `anomaly`, `metadata`,
    `out_<model>`), or `*` for everything but metadata. A column that `dataset` names itself stays where
    `dataset_exclude` names its group.
    """
    wanted = [EVERYTHING] if dataset is None else list(dataset)
    unwanted = [] if dataset_exclude is None else list(dataset_exclude)

    def excluded(name: str) -> bool:
        return name in unwanted or (name not in wanted and any(_names(entry, name) for entry in unwanted))

    return [name for name in names if any(_names(entry, name) for entry in wanted) and not excluded(name)]


def checked_dataset(argument: str, entries: object) -> list[str] | None:
    """`entries` as it came, or a TypeError or ValueError that names the argument."""
    if entries is None:
        return None
    accepted = "a list of columns or groups, as ['time', 'out']"
    names = list(checked_texts(argument, entries, accepted))
    if "" in names:
        raise ValueError(f"{argument}: an empty name; expected {accepted}")
    return names


def _names(entry: str, column: str) -> bool:
    group = column.split(".", 1)[0]
    if entry == EVERYTHING:
        return group != METADATA
    return entry in {column, group} or (entry == "out" and group.startswith("out_"))
