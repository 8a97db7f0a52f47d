"""A pipeline file as the system would have it: model versions with their configurations, and a pipeline version.

Everything that `deploy()` refuses because of its steps is refused here, before anything is uploaded. A model file whose
bytes are not those of the model's newest version becomes a version `NEW`. Model files are read; nothing is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, assert_never

from adapters.storage.models import sha256_of
from schemas import models
from schemas.catalog import Catalog
from schemas.models import Configuration, PinnedModel
from schemas.pipelines import (
    ModelStep,
    PipelineVersion,
    RandomSplit,
    ShadowDeploy,
    Step,
    WeightedModel,
    checked_step,
    replace_models,
)
from sparring.deployment.configure import configuration
from sparring.deployment.model_file import model_version
from sparring.deployment.onnx_file import model_bytes
from sparring.deployment.version_checks import check_version
from sparring.deployment.version_prefix import VERSION_CHARS_MIN, resolve_version
from sparring.framework import Framework
from sparring.pipeline_file.spec import (
    ModelReference,
    ModelStepSpec,
    PipelineSpec,
    RandomSplitSpec,
    ShadowDeploySpec,
    StepSpec,
)
from sparring.pipeline_file.yaml import InvalidPipelineFile

NEW: Final = "new"
"""The version of a model or pipeline that does not exist yet."""


def versions_of(spec: PipelineSpec, catalog: Catalog) -> dict[str, models.ModelVersion]:
    """The model version of each model of the file, by name; WrongFile if a model file cannot be uploaded."""
    workspace = spec.pipeline.workspace
    found = {}
    for one in spec.models:
        try:
            found[one.name] = version_of(workspace, one.name, one.path, one.framework, catalog)
        except ValueError as error:
            raise InvalidPipelineFile(f"{one.node.path}.{error}") from error
    return found


def version_of(workspace: str, name: str, path: Path, framework: Framework, catalog: Catalog) -> models.ModelVersion:
    """The newest version if it has the file's bytes; else the version that an upload would make, a NEW one.

    Raises:
        ValueError: the file cannot be uploaded; the message begins with the argument.
        OSError: it cannot be read.
    """
    content = model_bytes(path)
    known = catalog.model_versions(workspace, name)
    if known and (known[-1].sha256, known[-1].framework) == (sha256_of(content), framework.value):
        return known[-1]
    return new_version(workspace, name, path, content, framework)


def new_version(workspace: str, name: str, path: Path, content: bytes, framework: Framework) -> models.ModelVersion:
    """The version that an upload of these bytes would make. Errors as of `version_of`."""
    return model_version(workspace, name, path, content, framework, version=NEW, created_at=0)


@dataclass(frozen=True, slots=True)
class PipelinePlan:
    """What is to be true after `apply`."""

    spec: PipelineSpec
    models: Mapping[str, PinnedModel]
    """The models of the file, by name, with their planned configurations."""
    version: PipelineVersion


def plan_of(spec: PipelineSpec, versions: Mapping[str, models.ModelVersion], catalog: Catalog) -> PipelinePlan:
    """The model and pipeline versions that the file states.

    Args:
        spec: the file.
        versions: of the models of the file, by name: an existing version, or a NEW one.
        catalog: the present state.

    Raises:
        WrongFile: a model is missing, a configuration does not fit, or the steps cannot run.
    """
    named = {name: PinnedModel(model, _configuration(spec, name, model, catalog)) for name, model in versions.items()}
    steps = tuple(_step(one, _KnownModels(spec.pipeline.workspace, named, catalog)) for one in spec.steps)
    workspace, name = spec.pipeline.workspace, spec.pipeline.name
    version = PipelineVersion(workspace, name, NEW, steps, 0, spec.validations, spec.frame_age_ms_max)
    try:
        check_version(version)
    except ValueError as error:
        raise InvalidPipelineFile(str(error)) from error
    return PipelinePlan(spec, named, version)


class _KnownModels:
    """The models that a step can name: those of the file, and those of the workspace."""

    def __init__(self, workspace: str, named: Mapping[str, PinnedModel], catalog: Catalog) -> None:
        self._workspace = workspace
        self._named = named
        self._catalog = catalog

    def find(self, name: ModelReference) -> PinnedModel:
        """The model version that a step names; WrongFile if none matches, or several do."""
        if name.version is None and name.name in self._named:
            return self._named[name.name]
        known = self._catalog.model_versions(self._workspace, name.name)
        if not known:
            there = sorted({one.name for one in self._catalog.models.values() if one.workspace == self._workspace})
            raise name.node.wrong(
                f"a model of the file or of workspace {self._workspace}, which has {', '.join(there) or 'none'}; "
                "`sparring model upload` uploads one"
            )
        if name.version is None:
            return self._with_configuration(known[-1])
        versions = {one.version: one for one in known}
        version = resolve_version(versions, name.version)
        if version is None:
            raise name.node.wrong(
                f"one of the versions {', '.join(versions)}, or the beginning of just one "
                f"({VERSION_CHARS_MIN} characters or more)"
            )
        return self._with_configuration(versions[version])

    def _with_configuration(self, model: models.ModelVersion) -> PinnedModel:
        named = self._named.get(model.name)
        if named is not None and named.model == model:
            return named
        return PinnedModel(model, as_configured(model, self._catalog))


def as_configured(model: models.ModelVersion, catalog: Catalog) -> Configuration:
    """The newest configuration of a model version."""
    return catalog.configurations.get(model.key, Configuration(runtime=model.framework))


def renewed(step: Step, uploaded: Mapping[str, PinnedModel]) -> Step:
    """The step with the uploaded versions in place of the NEW ones. uploaded: by model name."""

    def existing(pinned: PinnedModel) -> PinnedModel:
        return uploaded[pinned.model.name] if pinned.model.version == NEW else pinned

    return replace_models(step, existing)


def _configuration(spec: PipelineSpec, name: str, model: models.ModelVersion, catalog: Catalog) -> Configuration:
    (one,) = (one for one in spec.models if one.name == name)
    if one.arguments is None:
        return as_configured(model, catalog)
    try:
        return configuration(model, **one.arguments)
    except (TypeError, ValueError) as error:
        raise InvalidPipelineFile(f"{one.node.path}.configure.{error}") from error


def _step(spec: StepSpec, known: _KnownModels) -> Step:
    step: Step
    match spec:
        case ModelStepSpec(model=model):
            step = ModelStep(known.find(model))
        case RandomSplitSpec(weights=weights, hash_key=hash_key):
            step = RandomSplit(tuple(WeightedModel(weight, known.find(model)) for weight, model in weights), hash_key)
        case ShadowDeploySpec(champion=champion, challengers=challengers, share=share):
            step = ShadowDeploy(known.find(champion), tuple(known.find(one) for one in challengers), share)
        case _:
            assert_never(spec)
    try:
        return checked_step(step)
    except ValueError as error:
        raise spec.node.refused(error) from error
