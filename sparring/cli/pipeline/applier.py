"""Executes the changes of a plan, one by one, with the calls of the SDK."""

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
from sparring.pipeline_file.plan import NEW, PipelinePlan, renewed

if TYPE_CHECKING:
    from sparring.client import Client
    from sparring.model import ModelVersion
    from sparring.pipeline import Pipeline


class Applier:
    """Executes the changes of one plan, in their order.

    Args:
        client: the system.
        plan: what the changes were computed from.
        wait_s: seconds that a deployment may wait for its models.
    """

    def __init__(self, client: "Client", plan: PipelinePlan, wait_s: float) -> None:
        self._client = client
        self._plan = plan
        self._wait_s = wait_s
        self._specs = {spec.name: spec for spec in plan.spec.models}
        self._uploaded: dict[str, ModelVersion] = {}

    def apply(self, change: Change) -> None:
        """Execute one change. Changes inside a version are executed by the later change that adds or deploys it."""
        workspace = self._client.get_workspace(self._plan.spec.pipeline.workspace, create_if_not_exist=True)
        self._client.set_current_workspace(workspace)
        match change.kind:
            case "workspace" | "step" | "validation" | "frame age":
                pass
            case "upload":
                spec = self._specs[change.name]
                self._uploaded[spec.name] = self._client.upload_model(spec.name, spec.path, spec.framework)
            case "configure":
                model = self._model(self._plan.models[change.name])
                model.configure(**self._specs[change.name].arguments or {})
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
        """The pipeline with the planned steps and rules, not deployed yet."""
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
                pipeline.add_shadow_deploy(
                    self._model(champion), [self._model(challenger) for challenger in challengers], share
                )

    def _add_version(self) -> None:
        """Add a version without deploying it: the SDK's `deploy()` adds a version only to switch to it."""
        uploaded = {name: model.pinned() for name, model in self._uploaded.items()}
        planned = self._plan.version
        steps = tuple(renewed(step, uploaded) for step in planned.steps)
        version = structs.replace(planned, version=str(uuid4()), steps=steps, created_at=now_ms())
        append(self._client, PipelineVersionAdded(version))

    def _model(self, pinned: PinnedModel) -> "ModelVersion":
        if pinned.model.version == NEW:
            return self._uploaded[pinned.model.name]
        versions = self._client.get_model(pinned.model.name).versions()
        return next(version for version in versions if version.key() == pinned.key)
