"""Pipelines as the command line shows them. Pure."""

from datetime import datetime
from typing import Any

import msgspec

from schemas.catalog import Pipeline
from schemas.errors import EntityNotFoundError
from schemas.names import PipelineName
from schemas.pipelines import PipelineVersion
from sparring.checks import moment
from sparring.deployment.version_prefix import resolve_version
from sparring.pipeline_file.describe import step_in_words, steps_in_words
from sparring.steps import as_dictionary


class PipelineFacts(msgspec.Struct, frozen=True):
    """A pipeline in a list."""

    name: str
    deployed: bool
    live: str | None
    """The live version."""
    versions: int
    """Number of versions."""
    tags: tuple[str, ...]
    steps: str
    """Of the live version, else of the latest; as text."""
    last_updated: datetime


class PipelineVersionFacts(msgspec.Struct, frozen=True):
    """A pipeline, and one of its versions."""

    workspace: str
    name: str
    created: datetime
    last_updated: datetime
    live: str | None
    tags: tuple[str, ...]
    versions: tuple[str, ...]
    """Newest first."""
    version: str
    """The one that is shown."""
    version_created: datetime
    steps: tuple[dict[str, Any], ...]
    """As `Pipeline.steps()` has them, without its Checks."""
    words: tuple[str, ...]
    """The steps, for people."""
    validations: dict[str, str]
    """The Checks, as polars prints them."""
    status: dict[str, Any]
    """As `Pipeline.status()` has it."""


def pipeline_facts(name: PipelineName, known: Pipeline) -> PipelineFacts:
    """A row of the list."""
    return PipelineFacts(
        name.name,
        deployed=known.live is not None,
        live=known.live,
        versions=len(known.versions),
        tags=known.tags,
        steps=steps_in_words(_version_to_show(name, known, None).steps),
        last_updated=moment(known.updated_at_ms),
    )


def version_facts(
    name: PipelineName, known: Pipeline, requested: str | None, status: dict[str, Any]
) -> PipelineVersionFacts:
    """A page about one version; EntityNotFoundError where there is no such version."""
    from adapters.rules import read  # noqa: PLC0415  # polars, only where there are rules

    version = _version_to_show(name, known, requested)
    created = [one.created_at for one in known.versions.values()]
    return PipelineVersionFacts(
        workspace=name.workspace,
        name=name.name,
        created=moment(created[0]),
        last_updated=moment(known.updated_at_ms),
        live=known.live,
        tags=known.tags,
        versions=tuple(reversed(known.versions)),
        version=version.version,
        version_created=moment(version.created_at),
        steps=tuple(as_dictionary(step) for step in version.steps),
        words=tuple(step_in_words(step, versions=True) for step in version.steps),
        validations={rule.name: str(read(rule)) for rule in version.validations},
        status=status,
    )


def _version_to_show(name: PipelineName, known: Pipeline, requested: str | None) -> PipelineVersion:
    """The version with this uuid or prefix of a uuid; None: the live version, else the latest."""
    if requested is None:
        return known.live_version or known.versions[known.latest]
    version = resolve_version(known.versions, requested)
    if version is None:
        raise EntityNotFoundError(
            f"pipeline {name} has no single version {requested!r}; there are: {', '.join(reversed(known.versions))}"
        )
    return known.versions[version]
