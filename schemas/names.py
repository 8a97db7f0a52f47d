"""Names of workspaces, models and pipelines, and how they are written on the wire.

`workspace/name` names a model or a pipeline; in the default workspace a pipeline may be just `name`.
`workspace/name@version` names one version of a model.
"""

import re
from typing import Final, Literal, Self

import msgspec

from schemas.errors import shortened
from schemas.limits import QUOTED_HEADER_CHARS_MAX

DEFAULT_WORKSPACE: Final = "default"
TAG_CHARS_MAX: Final = 63
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,62}")


def checked_name(what: str, name: object) -> str:
    """`name` unchanged, or a ValueError that states the form of a name. `what` names the argument."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        came = shortened(repr(name), QUOTED_HEADER_CHARS_MAX)
        raise ValueError(
            f"{what}: {came} is not a name; expected letters, digits and dashes, "
            "starting with a letter, under 64 characters"
        )
    return name


def checked_tag(tag: object) -> str:
    """`tag` unchanged, or a ValueError that states the form of a tag."""
    if (
        isinstance(tag, str)
        and tag.isprintable()
        and "," not in tag
        and tag == tag.strip()
        and 0 < len(tag) <= TAG_CHARS_MAX
    ):
        return tag
    raise ValueError(
        f"tag: {tag!r}; expected 1 to {TAG_CHARS_MAX} printable characters, no comma, no space at its ends"
    )


class PipelineName(msgspec.Struct, frozen=True, order=True):
    """A pipeline in its workspace."""

    workspace: str
    name: str

    def __str__(self) -> str:
        return f"{self.workspace}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """`workspace/name`, or `name` in the default workspace; ValueError for anything else."""
        workspace, slash, name = text.partition("/")
        if not slash:
            workspace, name = DEFAULT_WORKSPACE, text
        return cls(checked_name("workspace", workspace), checked_name("pipeline", name))


class ModelKey(msgspec.Struct, frozen=True, order=True):
    """One immutable version of a model: the address of its topics, its processes and its answers."""

    workspace: str
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.workspace}/{self.name}@{self.version}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """`workspace/name@version`; ValueError for anything else."""
        path, at, version = text.partition("@")
        workspace, slash, name = path.partition("/")
        if not at or not slash or not re.fullmatch(r"[A-Za-z0-9-]{1,64}", version):
            raise ValueError(f"{text!r} is not a model version; expected WORKSPACE/NAME@VERSION")
        return cls(checked_name("workspace", workspace), checked_name("model", name), version)


Lane = Literal["official", "shadow"]
ModelLane = tuple[ModelKey, Lane]
"""A model version in one lane: it has a work topic, a consumer group and a process of its own."""
