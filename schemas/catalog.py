"""The catalog: what exists and what is live, as a pure fold over the records of one topic.

Records are appended, never changed, and the topic is never compacted: the same records give the
same catalog to every reader. Times that are compared are the broker's (LogAppendTime).

A deployment is three records: the version (once), an *offer* that hosts answer by warming it up
until its deadline, and a *live pointer*. A pointer names the catalog offset of the pointer that it
replaces and is void if that is not the current one, or if it comes after its offer's deadline:
of two deployers one wins, and nothing goes live that hosts have already dropped. The same records
make an earlier version live again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from schemas.json_text import decode_json
from schemas.models import Configuration, ModelVersion
from schemas.names import DEFAULT_WORKSPACE, ModelKey, PipelineName
from schemas.pipelines import PipelineVersion

NO_POINTER: Final = -1
"""What the first live pointer of a pipeline replaces."""


class WorkspaceCreated(msgspec.Struct, frozen=True, tag="WorkspaceCreated", tag_field="record"):
    """created_at in Unix milliseconds. A second record of the same name is void."""

    name: str
    id: str
    created_by: str
    created_at: int


class ModelUploaded(msgspec.Struct, frozen=True, tag="ModelUploaded", tag_field="record"):
    """The file lies in the model store before this record is written."""

    model: ModelVersion


class ModelConfigured(msgspec.Struct, frozen=True, tag="ModelConfigured", tag_field="record"):
    """The newest one of a model version is what the next pipeline version pins."""

    model: ModelKey
    configuration: Configuration


class PipelineVersionAdded(msgspec.Struct, frozen=True, tag="PipelineVersionAdded", tag_field="record"):
    """`build_pipeline` adds the first, empty one."""

    version: PipelineVersion


class VersionOffered(msgspec.Struct, frozen=True, tag="VersionOffered", tag_field="record"):
    """A deployer offers a version, which hosts warm up; its pointer must follow within `within_ms`."""

    pipeline: PipelineName
    version: str
    within_ms: int


class LivePointer(msgspec.Struct, frozen=True, tag="LivePointer", tag_field="record"):
    """Makes a version live, or none. replaces: catalog offset of the pointer before, or NO_POINTER. by: who did it,
    for people."""

    pipeline: PipelineName
    version: str | None
    replaces: int
    by: str = ""


class PipelineTagged(msgspec.Struct, frozen=True, tag="PipelineTagged", tag_field="record"):
    """Gives a pipeline a tag, or takes it away. Tags are for people: no version holds them."""

    pipeline: PipelineName
    tag: str
    tagged: bool


CatalogRecord = (
    WorkspaceCreated
    | ModelUploaded
    | ModelConfigured
    | PipelineVersionAdded
    | VersionOffered
    | LivePointer
    | PipelineTagged
)


_RECORD: Final[msgspec.json.Decoder[CatalogRecord]] = msgspec.json.Decoder(CatalogRecord)


def encode_record(record: CatalogRecord) -> bytes:
    """One catalog record as JSON."""
    return msgspec.json.encode(record)


def decode_record(value: bytes) -> CatalogRecord:
    """One catalog record; ValueError where it is none."""
    return decode_json(_RECORD, value)


Deployed = tuple[PipelineName, str, int]
"""Why a version is needed, different each time: a live pointer's offset, or its offer's deadline (Unix ms)."""


class Switch(msgspec.Struct, frozen=True):
    """What went live when: a version, or none. at: Unix milliseconds of the broker."""

    at: int
    version: str | None
    by: str


@dataclass(slots=True)
class Pipeline:
    """One pipeline of the catalog. A snapshot takes `copy`."""

    versions: dict[str, PipelineVersion] = field(default_factory=dict)
    """Oldest first."""
    latest: str = ""
    """The version that was added or made live last: what an edit begins with."""
    offers: dict[str, int] = field(default_factory=dict)
    """Version -> its offer's deadline, Unix milliseconds of the broker."""
    pointer: int = NO_POINTER
    """Offset of the current live pointer."""
    live: str | None = None
    history: tuple[Switch, ...] = ()
    """Oldest first."""
    tags: tuple[str, ...] = ()
    """In the order in which they were given."""

    def copy(self) -> "Pipeline":
        """One that can be changed without changing this one."""
        return replace(self, versions=dict(self.versions), offers=dict(self.offers))

    @property
    def live_version(self) -> PipelineVersion | None:
        """What answers now; None when not deployed."""
        return None if self.live is None else self.versions[self.live]

    @property
    def updated_at_ms(self) -> int:
        """When the newest version was added, or the pipeline was last switched on or off; Unix milliseconds."""
        newest = list(self.versions.values())[-1].created_at
        return max([newest, *(switch.at for switch in self.history[-1:])])


@dataclass(slots=True)
class Catalog:
    """The state after `offset` records. Only `apply` changes it."""

    offset: int = 0
    """The next offset to read: everything before it is in here."""
    workspaces: dict[str, WorkspaceCreated] = field(default_factory=dict)
    models: dict[ModelKey, ModelVersion] = field(default_factory=dict)
    """Oldest first."""
    configurations: dict[ModelKey, Configuration] = field(default_factory=dict)
    pipelines: dict[PipelineName, Pipeline] = field(default_factory=dict)

    def apply(self, offset: int, timestamp_ms: int, record: CatalogRecord) -> None:
        """Fold in the record at `offset`. A record that contradicts the state is void, for every reader."""
        self.offset = offset + 1
        match record:
            case WorkspaceCreated(name=name):
                self.workspaces.setdefault(name, record)
            case ModelUploaded(model=model):
                self.models.setdefault(model.key, model)
            case ModelConfigured(model=key, configuration=configuration):
                if key in self.models:
                    self.configurations[key] = configuration
            case PipelineVersionAdded(version=version):
                pipeline = self.pipelines.setdefault(version.pipeline, Pipeline())
                if version.version not in pipeline.versions:
                    pipeline.versions[version.version] = version
                    pipeline.latest = version.version
            case VersionOffered(pipeline=name_, version=version_id, within_ms=within_ms):
                offered = self.pipelines.get(name_)
                if offered is not None and version_id in offered.versions:
                    offered.offers[version_id] = timestamp_ms + within_ms
            case LivePointer():
                self._point(offset, timestamp_ms, record)
            case PipelineTagged(pipeline=name_, tag=tag, tagged=tagged):
                if (known := self.pipelines.get(name_)) is not None:
                    given = dict.fromkeys((*known.tags, tag))
                    known.tags = tuple(one for one in given if tagged or one != tag)

    def _point(self, offset: int, timestamp_ms: int, pointer: LivePointer) -> None:
        pipeline = self.pipelines.get(pointer.pipeline)
        if pipeline is None or pointer.replaces != pipeline.pointer:
            return
        if pointer.version is not None and timestamp_ms > pipeline.offers.get(pointer.version, -1):
            return
        pipeline.pointer = offset
        pipeline.live = pointer.version
        pipeline.history += (Switch(timestamp_ms, pointer.version, pointer.by),)
        if pointer.version is not None:
            pipeline.latest = pointer.version
            del pipeline.offers[pointer.version]

    def live(self, name: PipelineName) -> PipelineVersion | None:
        """The version that answers now, or None."""
        pipeline = self.pipelines.get(name)
        return None if pipeline is None else pipeline.live_version

    def wanted(self, now_ms: int) -> Iterator[PipelineVersion]:
        """Versions that must be warm: the live ones, and those offered whose deadline has not passed."""
        return (version for _, version in self.wanted_by(now_ms))

    def wanted_by(self, now_ms: int) -> Iterator[tuple[Deployed, PipelineVersion]]:
        """The same, each with what made it so."""
        for name, pipeline in self.pipelines.items():
            if pipeline.live_version is not None:
                yield (name, "pointer", pipeline.pointer), pipeline.live_version
            for version, deadline_ms in pipeline.offers.items():
                if version != pipeline.live and now_ms <= deadline_ms:
                    yield (name, version, deadline_ms), pipeline.versions[version]

    def version(self, name: PipelineName, version: str) -> PipelineVersion | None:
        """One version of a pipeline, live or not."""
        pipeline = self.pipelines.get(name)
        return None if pipeline is None else pipeline.versions.get(version)

    def model_versions(self, workspace: str, name: str) -> list[ModelVersion]:
        """All versions of one model, oldest first."""
        return [m for m in self.models.values() if (m.workspace, m.name) == (workspace, name)]

    def has_workspace(self, name: str) -> bool:
        """The default workspace always exists."""
        return name == DEFAULT_WORKSPACE or name in self.workspaces
