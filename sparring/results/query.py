"""The arguments of `client.results`, checked. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Self

from schemas.names import PipelineName
from schemas.results import Answer
from schemas.topics import TopicNames
from sparring.checks import checked_bool, checked_count, checked_seconds, checked_text, checked_unix_ms

Roles = Literal["official", "shadow", "all"]


WINDOW_MAX: Final = 1_000_000
GROUP_CHARS_MAX: Final = 255
_ROLES: Final = ("official", "shadow", "all")
_MODEL: Final = "a model's name, NAME@VERSION, or None"
_GROUP: Final = "the name of a consumer group, or None"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which answers pass. model: its name, or `name@version`. None: all."""

    pipeline: PipelineName | None = None
    model: str | None = None

    def takes(self, answer: Answer, *, any_model: bool = False) -> bool:
        """Whether this answer passes."""
        if self.pipeline is not None and answer.pipeline != str(self.pipeline):
            return False
        return any_model or self.model is None or self.model in {answer.model, f"{answer.model}@{answer.model_version}"}


@dataclass(frozen=True, slots=True)
class ResultQuery:
    """The arguments of `client.results`. since, until: Unix milliseconds. late_ms: milliseconds."""

    wanted: Filter
    since: int | None = None
    until: int | None = None
    follow: bool = False
    role: Roles = "official"
    group: str | None = None
    joined: bool = False
    late_ms: int = 5_000
    ordered: bool = False
    distinct: bool = False
    window: int = 10_000

    @classmethod
    def checked(
        cls,
        topics: TopicNames,
        pipeline: PipelineName | None,
        *,
        since: datetime | None,
        until: datetime | None,
        follow: bool,
        role: str,
        model: str | None,
        group: str | None,
        joined: bool,
        late_s: float,
        ordered: bool,
        distinct: bool,
        window: int,
    ) -> Self:
        """TypeError or ValueError that names the argument."""
        question = cls(
            wanted=Filter(pipeline, _model(model)),
            since=checked_unix_ms("since", since),
            until=checked_unix_ms("until", until),
            follow=checked_bool("follow", follow) or group is not None,
            role=_role(role),
            group=_group(group, topics.namespace),
            joined=checked_bool("joined", joined),
            late_ms=round(checked_seconds("late_s", late_s) * 1000),
            ordered=checked_bool("ordered", ordered),
            distinct=checked_bool("distinct", distinct),
            window=checked_count("window", window, 1, WINDOW_MAX),
        )
        question._check_together()
        return question

    def topics(self, names: TopicNames) -> list[str]:
        """The topics that are read."""
        if self.joined:
            return [names.results, names.shadows]
        return {"official": [names.results], "shadow": [names.shadows], "all": [names.results, names.shadows]}[
            self.role
        ]

    def times(self, names: TopicNames) -> list[tuple[str, int | None, int | None]]:
        """Of each topic, from when to when it is read. Challengers may be earlier or later than their champion."""
        slack = self.late_ms if self.joined else 0
        since = None if self.since is None else self.since - slack
        until = None if self.until is None else self.until + slack
        return [
            (topic, since, until) if topic == names.shadows else (topic, self.since, self.until)
            for topic in self.topics(names)
        ]

    def _check_together(self) -> None:
        if self.until is not None and self.follow:
            raise ValueError("until: given with follow or group, which read on and on; expected one of them")
        if self.since is not None and self.until is not None and self.since > self.until:
            raise ValueError("until: before since; expected it after")
        if self.joined and self.role != "official":
            raise ValueError(f"role: {self.role!r} with joined=True, which has all roles; expected 'official'")
        if self.ordered and self.role != "official":
            raise ValueError(
                f"role: {self.role!r} with ordered=True; expected 'official': challengers may see only some frames, so "
                "that nobody knows what is missing between two"
            )


def _role(given: object) -> Roles:
    for role in _ROLES:
        if given == role:
            return role
    error = ValueError if isinstance(given, str) else TypeError
    raise error(f"role: {given!r}; expected 'official', 'shadow' or 'all'")


def _model(given: object) -> str | None:
    if given is None:
        return None
    model = checked_text("model", given, _MODEL)
    name, at, version = model.partition("@")
    if not name or (at and not version) or "/" in name:
        raise ValueError(f"model: {model!r}; expected {_MODEL}")
    return model


def _group(given: object, namespace: str) -> str | None:
    if given is None:
        return None
    group = checked_text("group", given, _GROUP)
    if not 0 < len(group) <= GROUP_CHARS_MAX or not group.isprintable() or group != group.strip():
        raise ValueError(f"group: {group!r}; expected {_GROUP}: 1 to {GROUP_CHARS_MAX} printable characters")
    if group.startswith(f"{namespace}."):
        raise ValueError(
            f"group: {group!r}; expected a name that does not begin with {namespace!r} and a dot: those are the "
            "services' own, and a member of them would take results away from the index"
        )
    return group
