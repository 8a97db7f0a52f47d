"""What a file wants as the system would have it: model versions with their configurations, a pipeline version.

Everything that `deploy()` would refuse for its steps is refused here, before anything is uploaded. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

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
)
from sparring.configuration import configuration
from sparring.version_checks import check_version
from sparring.wanted.nouns import ModelName, Wanted, WantedModelStep, WantedShadow, WantedSplit, WantedStep
from sparring.wanted.place import WrongFile
from sparring.wanted.upload import NEW
from sparring.wanted.versions import VERSION_CHARS_MIN, meant


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
        version = meant(versions, name.version)
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

    match step:
        case ModelStep(model=model):
            return ModelStep(there(model))
        case RandomSplit(arms=arms, hash_key=hash_key):
            return RandomSplit(tuple(WeightedModel(arm.weight, there(arm.model)) for arm in arms), hash_key)
        case ShadowDeploy(champion=champion, challengers=challengers, share=share):
            return ShadowDeploy(there(champion), tuple(there(one) for one in challengers), share)
        case _:
            assert_never(step)


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
