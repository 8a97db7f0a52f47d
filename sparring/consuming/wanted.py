"""Which results are wanted, and each of them once. Pure."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final, Literal

from sparring.consuming.result import Result
from sparring.stream import Filter

Roles = Literal["official", "shadow", "all"]

SEEN_MAX: Final = 100_000


@dataclass(slots=True)
class Seen:
    """The results that were given already, by request and model: each is new once.

    The newest `most` are remembered: one that stands on its topic again after as many others is new again.
    """

    most: int = SEEN_MAX
    ids: OrderedDict[tuple[str, ...], None] = field(default_factory=OrderedDict)

    def is_new(self, result: Result) -> bool:
        """Whether it was not here yet; from now on it was."""
        named = _id(result)
        if named in self.ids:
            return False
        self.ids[named] = None
        if len(self.ids) > self.most:
            self.ids.popitem(last=False)
        return True

    def forget(self, result: Result) -> None:
        """It was not given after all, and comes again."""
        self.ids.pop(_id(result), None)


def is_wanted(result: Result, wanted: Filter, *, joined: bool) -> bool:
    """Whether a result is asked for. Joined, a model is the official one's: challengers come along."""
    return wanted.takes(result.answer, any_model=joined and not result.official)


def _id(result: Result) -> tuple[str, ...]:
    """A request has one official answer, whoever gave it, and one of each challenger of a version."""
    if result.official:
        return (result.pipeline, result.request_id)
    return (result.pipeline, result.request_id, str(result.pipeline_version), result.arm)
