"""Models as the command line shows them. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

import msgspec

from schemas.catalog import Catalog
from schemas.errors import EntityNotFoundError
from schemas.models import Configuration, PinnedModel, TensorSpec
from sparring.checks import moment
from sparring.cli.tables import short
from sparring.deployment.version_prefix import resolve_version
from sparring.pipeline_file.describe import configuration_in_words
from sparring.pipeline_file.plan import as_configured

_MIB: Final = 1024 * 1024


class ModelFacts(msgspec.Struct, frozen=True):
    """A model in a list, by its newest version."""

    name: str
    versions: int
    version: str
    sha: str
    framework: str
    size_bytes: int
    uploaded: datetime


class ModelVersionFacts(msgspec.Struct, frozen=True):
    """One version of a model."""

    workspace: str
    name: str
    version: str
    sha: str
    framework: str
    file_name: str
    size_bytes: int
    uploaded: datetime
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    configuration: Configuration
    versions: tuple[str, ...]
    """Newest first."""
    live_in: tuple[str, ...]
    """The pipelines whose live version uses this model version."""


def model_facts(workspace: str, name: str, catalog: Catalog) -> ModelFacts:
    """A row of the list."""
    versions = catalog.model_versions(workspace, name)
    newest = versions[-1]
    return ModelFacts(
        name,
        len(versions),
        newest.version,
        newest.sha256,
        newest.framework,
        newest.size_bytes,
        uploaded=moment(newest.created_at),
    )


def version_facts(workspace: str, requested: str, catalog: Catalog) -> ModelVersionFacts:
    """A page about `NAME` or `NAME@VERSION`; EntityNotFoundError where there is no such version."""
    name, at, beginning = requested.partition("@")
    versions = {one.version: one for one in catalog.model_versions(workspace, name)}
    if not versions:
        names = dict.fromkeys(one.name for one in catalog.models.values() if one.workspace == workspace)
        raise EntityNotFoundError(
            f"workspace {workspace} has no model {name!r}; there are: {', '.join(names) or 'none'}; "
            "`sparring model upload` uploads one"
        )
    version = resolve_version(versions, beginning) if at else list(versions)[-1]
    if version is None:
        raise EntityNotFoundError(
            f"model {name} has no single version {beginning!r}; there are: {', '.join(reversed(versions))}"
        )
    model = versions[version]
    pinned = PinnedModel(model, as_configured(model, catalog))
    return ModelVersionFacts(
        workspace=workspace,
        name=name,
        version=model.version,
        sha=model.sha256,
        framework=model.framework,
        file_name=model.file_name,
        size_bytes=model.size_bytes,
        uploaded=moment(model.created_at),
        inputs=pinned.inputs,
        outputs=pinned.outputs,
        configuration=pinned.configuration,
        versions=tuple(reversed(versions)),
        live_in=tuple(_users(pinned, catalog)),
    )


def page(facts: ModelVersionFacts) -> Iterator[str]:
    """Lines that a person reads from the top."""
    yield f"name           {facts.workspace}/{facts.name}"
    yield f"version        {facts.version}"
    yield f"sha            {facts.sha}"
    yield f"framework      {facts.framework}"
    uploaded = f"{facts.uploaded:%Y-%m-%d %H:%M:%S} UTC"
    yield f"file           {facts.file_name}, {bytes_in_words(facts.size_bytes)}, {uploaded}"
    yield from _tensors("inputs", facts.inputs, facts.framework)
    yield from _tensors("outputs", facts.outputs, facts.framework)
    yield f"configuration  {configuration_in_words(facts.configuration) or 'the defaults'}"
    yield f"live in        {', '.join(facts.live_in) or 'no pipeline'}"
    yield f"versions       {', '.join(short(version) for version in facts.versions)}"


def bytes_in_words(size_bytes: int) -> str:
    """Bytes as a person reads them; small ones are not rounded away."""
    if size_bytes < 1024:
        return f"{size_bytes} B"
    return f"{size_bytes / 1024:,.1f} KiB" if size_bytes < _MIB else f"{size_bytes / _MIB:,.1f} MiB"


def _tensors(title: str, specs: Sequence[TensorSpec], framework: str) -> Iterator[str]:
    if not specs:
        yield f"{title:15}not declared: configure() says them"
    for index, spec in enumerate(specs):
        shape = "" if framework == "python" else f" {spec.shown_shape}"
        yield f"{'' if index else title:15}{spec.name} {spec.dtype}{shape}"


def _users(pinned: PinnedModel, catalog: Catalog) -> list[str]:
    return [
        str(name)
        for name, pipeline in catalog.pipelines.items()
        if pipeline.live_version is not None and any(one.key == pinned.key for one in pipeline.live_version.models())
    ]
