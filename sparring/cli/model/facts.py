"""Models as the command line shows them. Pure."""

from datetime import datetime

import msgspec

from schemas.catalog import Catalog
from schemas.errors import EntityNotFoundError
from schemas.models import Configuration, PinnedModel, TensorSpec
from sparring.checks import moment
from sparring.deployment.version_prefix import resolve_version
from sparring.pipeline_file.plan import as_configured


class ModelFacts(msgspec.Struct, frozen=True):
    """A model in a list, by its newest version."""

    name: str
    versions: int
    version: str
    sha: str
    framework: str
    size_bytes: int
    uploaded: datetime


class VersionFacts(msgspec.Struct, frozen=True):
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


def version_facts(workspace: str, asked: str, catalog: Catalog) -> VersionFacts:
    """A page about `NAME` or `NAME@VERSION`; EntityNotFoundError where there is no such version."""
    name, at, beginning = asked.partition("@")
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
    return VersionFacts(
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


def _users(pinned: PinnedModel, catalog: Catalog) -> list[str]:
    return [
        str(name)
        for name, pipeline in catalog.pipelines.items()
        if pipeline.live_version is not None and any(one.key == pinned.key for one in pipeline.live_version.models())
    ]
