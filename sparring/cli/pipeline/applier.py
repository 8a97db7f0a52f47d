"""Does what a pipeline file wants, change by change, with the calls of the SDK."""

from typing import TYPE_CHECKING
from uuid import uuid4

from msgspec import structs

from adapters.clock import now_ms
from adapters.rules import read
from schemas.catalog import PipelineVersionAdded
from schemas.models import PinnedModel
from schemas.pipelines import ModelStep, RandomSplit, ShadowDeploy, Step
from sparring.cli.client import append
from sparring.pipeline_file.diff import Change
from sparring.pipeline_file.plan import NEW, PlannedVersion, renewed

if TYPE_CHECKING:
    from sparring.client import Client
    from sparring.model import ModelVersion
    from sparring.pipeline import Pipeline


class Applier:
    """The changes of one plan, each done by `do`, in their order. wait_s: for a deployment, seconds."""

    def __init__(self, client: "Client", plan: PlannedVersion, wait_s: float) -> None:
        self._client = client
        self._plan = plan
        self._wait_s = wait_s
        self._named = {one.name: one for one in plan.wanted.models}
        self._uploaded: dict[str, ModelVersion] = {}

    def do(self, change: Change) -> None:
        """One change. What belongs to a version is done by the change that deploys them or adds their version."""
        workspace = self._client.get_workspace(self._plan.wanted.pipeline.workspace, create_if_not_exist=True)
        self._client.set_current_workspace(workspace)
        match change.kind:
            case "workspace" | "step" | "validation" | "frame age":
                pass
            case "upload":
                one = self._named[change.name]
                self._uploaded[one.name] = self._client.upload_model(one.name, one.path, one.framework)
            case "configure":
                model = self._model(self._plan.models[change.name])
                model.configure(**self._named[change.name].arguments or {})
            case "pipeline":
                self._client.build_pipeline(change.name)
            case "version":
                self._add_version()
            case "deploy":
                self._switch(change)
            case "tag":
                pipeline = self._client.get_pipeline(self._plan.version.name)
                _ = pipeline.add_tag(change.name) if change.sign == "+" else pipeline.remove_tag(change.name)

    def _switch(self, change: Change) -> None:
        pipeline = self._client.get_pipeline(self._plan.version.name)
        if change.sign == "-":
            pipeline.undeploy()
        elif change.new_version:
            self._with_steps().deploy(deploy_wait_s=self._wait_s)
        else:
            pipeline.deploy(deploy_wait_s=self._wait_s)

    def _with_steps(self) -> "Pipeline":
        """The pipeline with the wanted steps and rules in place of its own, not yet deployed."""
        pipeline = self._client.build_pipeline(self._plan.version.name)
        for step in self._plan.version.steps:
            self._add(pipeline, step)
        if rules := self._plan.version.validations:
            pipeline.add_validations(**{rule.name: read(rule) for rule in rules})
        return pipeline.set_frame_age_ms_max(self._plan.version.frame_age_ms_max)

    def _add(self, pipeline: "Pipeline", step: Step) -> None:
        match step:
            case ModelStep(model=model):
                pipeline.add_model_step(self._model(model))
            case RandomSplit(arms=arms, hash_key=hash_key):
                pipeline.add_random_split([(arm.weight, self._model(arm.model)) for arm in arms], hash_key)
            case ShadowDeploy(champion=champion, challengers=challengers, share=share):
                pipeline.add_shadow_deploy(self._model(champion), [self._model(one) for one in challengers], share)

    def _add_version(self) -> None:
        """A version that nobody deploys yet: the SDK's `deploy()` makes one only to switch to it."""
        uploaded = {name: model.pinned() for name, model in self._uploaded.items()}
        wanted = self._plan.version
        steps = tuple(renewed(step, uploaded) for step in wanted.steps)
        version = structs.replace(wanted, version=str(uuid4()), steps=steps, created_at=now_ms())
        append(self._client, PipelineVersionAdded(version))

    def _model(self, pinned: PinnedModel) -> "ModelVersion":
        if pinned.model.version == NEW:
            return self._uploaded[pinned.model.name]
        versions = self._client.get_model(pinned.model.name).versions()
        return next(one for one in versions if one.key() == pinned.key)
