"""The version that answers a replay: a deployed one, or a candidate's that is deployed nowhere. With its models'
files."""

from pathlib import Path
from uuid import uuid4

import msgspec

from adapters.clock import now_ms
from adapters.storage.models import ModelStore
from schemas.catalog import Catalog
from schemas.errors import EntityNotFoundError, SparringError
from schemas.models import PinnedModel
from schemas.names import PipelineName
from schemas.pipelines import PipelineVersion
from sparring.deployment.onnx_file import model_bytes
from sparring.deployment.version_prefix import resolve_version
from sparring.pipeline_file.parse import read_pipeline_file
from sparring.pipeline_file.plan import NEW, PipelinePlan, plan_of, renewed, versions_of
from sparring.pipeline_file.yaml import InvalidPipelineFile


def deployed_version(catalog: Catalog, name: PipelineName, version: str | None) -> PipelineVersion:
    """A version of a pipeline: the one whose uuid begins so; None: the live one, else the latest with steps.

    Raises:
        EntityNotFoundError: there is none; it says which there are.
    """
    pipeline = catalog.pipelines.get(name)
    if pipeline is None:
        known = ", ".join(map(str, catalog.pipelines)) or "none"
        raise EntityNotFoundError(f"pipeline {name} does not exist; there are: {known}")
    with_steps = {key: one for key, one in pipeline.versions.items() if one.steps}
    latest = pipeline.live or next(reversed(with_steps), None)
    found = latest if version is None else resolve_version(with_steps, version)
    if found is None:
        asked = "version with steps" if version is None else f"version {version!r}"
        listed = ", ".join(with_steps) or "none with steps"
        raise EntityNotFoundError(f"pipeline {name} has no {asked}; there are: {listed}")
    return pipeline.versions[found]


def candidate(catalog: Catalog, path: Path, store: ModelStore) -> PipelineVersion:
    """The version that a pipeline file wants, with its new models' files in `store`. Nothing is written to the catalog.

    Raises:
        WrongFile: the file cannot be made so; it names the place in it.
        OSError: it, or a model's file, cannot be read.
    """
    try:
        spec = read_pipeline_file(path.read_bytes(), path.parent, "default")
        plan = plan_of(spec, versions_of(spec, catalog), catalog)
    except InvalidPipelineFile as error:
        raise InvalidPipelineFile(f"{path}: {error}") from error
    if not plan.version.steps:
        raise InvalidPipelineFile(f"{path}: no steps; a candidate needs some to answer with")
    new = {name: _stored(plan, name, pinned, store) for name, pinned in plan.models.items() if _is_new(pinned)}
    steps = tuple(renewed(step, new) for step in plan.version.steps)
    return msgspec.structs.replace(plan.version, version=str(uuid4()), steps=steps, created_at=now_ms())


def copy_models(version: PipelineVersion, origin: ModelStore, to: ModelStore) -> None:
    """The files of the version's models into another store, where they are not there yet; RetryLater, SparringError
    where one cannot be had."""
    for pinned in version.models():
        sha256 = pinned.model.sha256
        if not to.has(sha256):
            to.put(origin.get(sha256))


def _stored(plan: PipelinePlan, name: str, pinned: PinnedModel, store: ModelStore) -> PinnedModel:
    (one,) = (one for one in plan.spec.models if one.name == name)
    sha256 = store.put(model_bytes(one.path))
    if sha256 != pinned.model.sha256:
        raise SparringError(f"{one.path} was changed while it was read; once more, when nobody writes to it")
    model = msgspec.structs.replace(pinned.model, version=str(uuid4()), created_at=now_ms())
    return PinnedModel(model, pinned.configuration)


def _is_new(pinned: PinnedModel) -> bool:
    return pinned.model.version == NEW
