"""What a file wants as the system would have it: model versions with their configurations, a pipeline version.

Everything that `deploy()` would refuse for its steps is refused here, before anything is uploaded. Pure.

A model's file beside the versions that are there: the newest one is it, or uploading it would make another.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, assert_never

from adapters.store import sha256_of
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
from sparring.pipeline_file.spec import ModelName, Wanted, WantedModelStep, WantedShadow, WantedSplit, WantedStep
from sparring.pipeline_file.yaml import WrongFile

NEW: Final = "new"
"""The version of what is not uploaded yet."""


def versions_of(wanted: Wanted, catalog: Catalog) -> dict[str, models.ModelVersion]:
    """Of each model that the file names, by name; WrongFile where its file cannot be uploaded."""
    workspace = wanted.pipeline.workspace
    found = {}
    for one in wanted.models:
        try:
            found[one.name] = version_of(workspace, one.name, one.path, one.framework, catalog)
        except ValueError as error:
            raise WrongFile(f"{one.place.path}.{error}") from error
    return found


def version_of(workspace: str, name: str, path: Path, framework: Framework, catalog: Catalog) -> models.ModelVersion:
    """The newest version where the file's bytes are its; else the version that an upload would make: it is NEW.

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
class Planned:
    """models: those that the file names, by name, with the configuration that it wants. version: the pipeline's."""

    wanted: Wanted
    models: Mapping[str, PinnedModel]
    version: PipelineVersion


def planned(wanted: Wanted, versions: Mapping[str, models.ModelVersion], catalog: Catalog) -> Planned:
    """The model and pipeline versions that the file wants.

    Args:
        wanted: the file.
        versions: of the models that the file names: the one that is there, or a NEW one.
        catalog: what is there.

    Raises:
        WrongFile: a model is missing, a configuration does not fit, or the steps cannot run.
    """
    named = {name: PinnedModel(model, _configuration(wanted, name, model, catalog)) for name, model in versions.items()}
    steps = tuple(_step(one, Models(wanted.pipeline.workspace, named, catalog)) for one in wanted.steps)
    workspace, name = wanted.pipeline.workspace, wanted.pipeline.name
    version = PipelineVersion(workspace, name, NEW, steps, 0, wanted.validations, wanted.frame_age_ms_max)
    try:
        check_version(version)
    except ValueError as error:
        raise WrongFile(str(error)) from error
    return Planned(wanted, named, version)


class Models:
    """The models that a step may name: those of the file, and those that are there."""

    def __init__(self, workspace: str, named: Mapping[str, PinnedModel], catalog: Catalog) -> None:
        self._workspace = workspace
        self._named = named
        self._catalog = catalog

    def find(self, name: ModelName) -> PinnedModel:
        """The version that is meant; WrongFile where there is none, or several."""
        if name.version is None and name.name in self._named:
            return self._named[name.name]
        known = self._catalog.model_versions(self._workspace, name.name)
        if not known:
            there = sorted({one.name for one in self._catalog.models.values() if one.workspace == self._workspace})
            raise name.place.wrong(
                f"a model of the file or of workspace {self._workspace}, which has {', '.join(there) or 'none'}; "
                "`sparring model upload` uploads one"
            )
        if name.version is None:
            return self._with_configuration(known[-1])
        versions = {one.version: one for one in known}
        version = resolve_version(versions, name.version)
        if version is None:
            raise name.place.wrong(
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
    """The step with the versions that now are there in place of the NEW ones. uploaded: by name."""

    def there(pinned: PinnedModel) -> PinnedModel:
        return uploaded[pinned.model.name] if pinned.model.version == NEW else pinned

    return replace_models(step, there)


def _configuration(wanted: Wanted, name: str, model: models.ModelVersion, catalog: Catalog) -> Configuration:
    (one,) = (one for one in wanted.models if one.name == name)
    if one.arguments is None:
        return as_configured(model, catalog)
    try:
        return configuration(model, **one.arguments)
    except (TypeError, ValueError) as error:
        raise WrongFile(f"{one.place.path}.configure.{error}") from error


def _step(wanted: WantedStep, known: Models) -> Step:
    step: Step
    match wanted:
        case WantedModelStep(model=model):
            step = ModelStep(known.find(model))
        case WantedSplit(weights=weights, hash_key=hash_key):
            step = RandomSplit(tuple(WeightedModel(weight, known.find(model)) for weight, model in weights), hash_key)
        case WantedShadow(champion=champion, challengers=challengers, share=share):
            step = ShadowDeploy(known.find(champion), tuple(known.find(one) for one in challengers), share)
        case _:
            assert_never(wanted)
    try:
        return checked_step(step)
    except ValueError as error:
        raise wanted.place.refused(error) from error
