"""The front door: `sparring.Client()`."""

import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Literal, Self, overload
from uuid import uuid4

import pyarrow as pa

from adapters.clock import now_ms
from adapters.settings import Settings
from schemas.catalog import ModelConfigured, ModelUploaded, PipelineVersionAdded, WorkspaceCreated
from schemas.errors import EntityNotFoundError
from schemas.names import DEFAULT_WORKSPACE, PipelineName, checked_name
from schemas.pipelines import PipelineVersion
from sparring.checks import checked_bool, checked_file, checked_text
from sparring.deployment.configure import configuration
from sparring.deployment.model_file import model_version
from sparring.deployment.onnx_file import model_bytes
from sparring.display import Listing
from sparring.frames.labels import Labels
from sparring.framework import Framework
from sparring.model import ModelVersion
from sparring.other_names import CLIENT, OtherNames
from sparring.pipeline import Pipeline
from sparring.producer.frames import Frames
from sparring.producer.options import ProducerOptions
from sparring.producer.reports import OnReport
from sparring.results.query import ResultQuery
from sparring.results.result import JoinedResult, Result
from sparring.results.stream import ResultStream, read_results
from sparring.system.connection import Connection, found_settings, who
from sparring.workspace import (
    Workspace,
    exists,
    listed_models,
    listed_pipelines,
    listed_versions,
    listed_workspaces,
)

_FRAMEWORKS: Final = [str(one) for one in Framework]


class Client(OtherNames):
    """Workspaces, models and pipelines of one running system; a context manager, or call `close`.

    Args:
        settings: where the system is. None: `SPARRING_KAFKA`, `SPARRING_REDIS`, `SPARRING_STORE` where the
            first is set, else the local stack in `SPARRING_DATA` (`~/.sparring`).

    Raises:
        ConnectionError: nothing runs there; it says what to do.
    """

    _elsewhere = CLIENT

    def __init__(self, settings: Settings | None = None) -> None:
        if settings is not None and not isinstance(settings, Settings):
            raise TypeError(f"settings: {type(settings).__name__}; expected adapters.settings.Settings, or None")
        self._connection = Connection(found_settings() if settings is None else settings)
        self._current = Workspace(self._connection, DEFAULT_WORKSPACE)

    def list_workspaces(self) -> Listing[Workspace]:
        """All workspaces, the default one first; a notebook shows them as a table."""
        return listed_workspaces(self._connection)

    def create_workspace(self, name: str) -> Workspace:
        """A new workspace; ValueError where one of this `name` exists."""
        checked_name("name", name)
        if exists(self._connection, name):
            raise ValueError(f"name: workspace {name!r} exists; get_workspace returns it")
        self._connection.append(WorkspaceCreated(name, str(uuid4()), who(), now_ms()))
        return Workspace(self._connection, name)

    def get_workspace(self, name: str, create_if_not_exist: bool = False) -> Workspace:
        """The workspace of this name; EntityNotFoundError where there is none.

        Args:
            name: as in `create_workspace`.
            create_if_not_exist: make it where there is none.
        """
        checked_name("name", name)
        checked_bool("create_if_not_exist", create_if_not_exist)
        if exists(self._connection, name):
            return Workspace(self._connection, name)
        if create_if_not_exist:
            return self.create_workspace(name)
        known = ", ".join(workspace.name() for workspace in self.list_workspaces())
        raise EntityNotFoundError(f"workspace {name!r} does not exist; there are: {known}")

    def set_current_workspace(self, workspace: Workspace) -> Workspace:
        """New models and pipelines go to this `workspace` from now on. Returns it."""
        if not isinstance(workspace, Workspace):
            raise TypeError(f"workspace: {type(workspace).__name__}; expected a Workspace, as get_workspace returns it")
        # It may be another client's, which may be closed before this one.
        self._current = Workspace(self._connection, workspace.name())
        return self._current

    def get_current_workspace(self) -> Workspace:
        """Where new models and pipelines go."""
        return self._current

    def upload_model(
        self,
        name: str,
        path: str | os.PathLike[str],
        framework: Framework | str = Framework.ONNX,
        input_schema: pa.Schema | None = None,
        output_schema: pa.Schema | None = None,
    ) -> ModelVersion:
        """Upload a file; the same name again is a new version.

        Args:
            name: letters, digits, dashes, starting with a letter, under 64 characters.
            path: the file. An ONNX file is loaded once, in a process of its own, to read its inputs and
                outputs.
            framework: ONNX, or PYTHON for a file with one function `process(arrays) -> arrays`.
            input_schema: of a Python step, as in `ModelVersion.configure`, which can also follow.
            output_schema: of a Python step, likewise.

        Raises:
            FileNotFoundError: path is no file.
            TypeError, ValueError: an argument is wrong, or ONNX Runtime cannot load the file: nothing was
                stored.
            RetryLater: the model store did not take the file (full, or read-only): nothing of it is kept.
        """
        checked_name("name", name)
        if not isinstance(framework, str):
            raise TypeError(f"framework: {framework!r}; expected one of {_FRAMEWORKS}")
        if framework not in _FRAMEWORKS:
            raise ValueError(f"framework: {framework!r}; expected one of {_FRAMEWORKS}")
        where = checked_file("path", path)
        content = model_bytes(where)
        model = model_version(
            self._current.name(),
            name,
            where,
            content,
            Framework(framework),
            version=str(uuid4()),
            created_at=now_ms(),
        )
        with_schemas = input_schema is not None or output_schema is not None
        schemas = configuration(model, input_schema=input_schema, output_schema=output_schema) if with_schemas else None
        self._connection.store.put(content)
        self._connection.append(ModelUploaded(model))
        if schemas is not None:
            self._connection.append(ModelConfigured(model.key, schemas))
        return ModelVersion(self._connection, model)

    def get_model(self, name: str, version: str | None = None) -> ModelVersion:
        """A version of the model of this `name` in the current workspace; EntityNotFoundError where there is none.

        Args:
            name: as in `upload_model`.
            version: its uuid; None: the newest one.
        """
        checked_name("name", name)
        found = self._model_versions(self._current.name(), name)
        if version is None:
            return found[0]
        checked_text("version", version, "a version's uuid, or None")
        for model in found:
            if model.version() == version:
                return model
        known = ", ".join(model.version() for model in found)
        raise EntityNotFoundError(f"version: model {name!r} has no version {version!r}; there are: {known}")

    def list_models(self, workspace_name: str | None = None) -> Listing[ModelVersion]:
        """The newest version of each model; a notebook shows them as a table.

        Args:
            workspace_name: of this workspace; None: of the current one.
        """
        return listed_models(self._connection, self._workspace_name(workspace_name))

    def models_by_name(self, model_name: str, workspace_name: str | None = None) -> Listing[ModelVersion]:
        """All versions of one model, the newest first; EntityNotFoundError where there is none.

        Args:
            model_name: as in `upload_model`.
            workspace_name: as in `list_models`.
        """
        checked_name("model_name", model_name)
        return self._model_versions(self._workspace_name(workspace_name), model_name)

    def build_pipeline(self, name: str) -> Pipeline:
        """A pipeline without steps. A new `name` gets its first, empty version; an existing pipeline gets what
        is added here instead of its steps, once it is deployed."""
        checked_name("name", name)
        full = PipelineName(self._current.name(), name)
        if full in self._connection.catalog().pipelines:
            return Pipeline(self._connection, full, steps=())
        first = PipelineVersion(full.workspace, full.name, str(uuid4()), (), now_ms())
        self._connection.append(PipelineVersionAdded(first))
        return Pipeline(self._connection, full)

    def get_pipeline(self, name: str) -> Pipeline:
        """The pipeline of this `name` in the current workspace, with the steps of its latest version;
        EntityNotFoundError where there is none."""
        checked_name("name", name)
        full = PipelineName(self._current.name(), name)
        (pipeline,) = self._pipelines_of(full)
        return pipeline

    def pipelines(self) -> list[Pipeline]:
        """The pipelines of the current workspace, oldest first."""
        return self._current.pipelines()

    def list_pipelines(self, workspace_name: str | None = None) -> Listing[Pipeline]:
        """The pipelines, oldest first; a notebook shows them as a table.

        Args:
            workspace_name: of this workspace; None: of the current one.
        """
        return listed_pipelines(self._connection, self._workspace_name(workspace_name))

    def pipelines_by_name(self, pipeline_name: str, workspace_name: str | None = None) -> Listing[Pipeline]:
        """The pipelines of this name, which is one in a workspace; EntityNotFoundError where there is none.

        Args:
            pipeline_name: as in `build_pipeline`.
            workspace_name: as in `list_pipelines`.
        """
        checked_name("pipeline_name", pipeline_name)
        return self._pipelines_of(PipelineName(self._workspace_name(workspace_name), pipeline_name))

    @overload
    def results(
        self,
        pipeline: Pipeline | str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        follow: bool = False,
        role: str = "official",
        model: str | None = None,
        group: str | None = None,
        *,
        joined: Literal[True],
        late_s: float = 5.0,
        ordered: bool = False,
        distinct: bool = False,
        window: int = 10_000,
    ) -> ResultStream[JoinedResult]: ...

    @overload
    def results(
        self,
        pipeline: Pipeline | str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        follow: bool = False,
        role: str = "official",
        model: str | None = None,
        group: str | None = None,
        joined: Literal[False] = False,
        late_s: float = 5.0,
        ordered: bool = False,
        distinct: bool = False,
        window: int = 10_000,
    ) -> ResultStream[Result]: ...

    def results(
        self,
        pipeline: Pipeline | str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        follow: bool = False,
        role: str = "official",
        model: str | None = None,
        group: str | None = None,
        joined: bool = False,
        late_s: float = 5.0,
        ordered: bool = False,
        distinct: bool = False,
        window: int = 10_000,
    ) -> ResultStream[Any]:
        """Results as a stream, from the topics `results` and `shadows`: an iterator and a context manager.

        It gives each `Result` as often as it stands on its topic: at least once. What is recorded comes in the order
        of time; what is followed, as it comes.

        Args:
            pipeline: its results only: a pipeline, its name in the current workspace, or `workspace/name`. None: all.
            since: the first result's time, inclusive; without a time zone UTC. None: as far as the topics go back
                (7 days), with `follow` from now on, in a new `group` as far as they go back.
            until: where to end, exclusive. None: at what is there now. Not with `follow` or `group`.
            follow: go on and on, until `stop` or `close`.
            role: official, shadow (the challengers') or all.
            model: results of this model only: its name, or `name@version`; joined: where it answered officially.
            group: a Kafka consumer group: Kafka shares the topics' partitions among all who read in it, and each goes
                on where the group last committed (`commit` of what is returned: nothing is committed by itself). It
                follows. Who takes more than five minutes for one result leaves the group.
            joined: give a `JoinedResult` for each request instead, once, in the order of the official results.
            late_s: seconds. joined: challengers that are published so much later than their champion are not waited
                for, by their own time and, where Kafka says that nothing came, by this machine's clock. ordered: a
                hole is given up.
            ordered: give the results in the order of their frames in each partition of `frames`, and so of each key:
                models of a split may overtake each other. A frame without a result, and the first one that is read,
                cost late_s of waiting. Official ones only.
            distinct: give each request, and each challenger's answer, once: the newest 100,000 are remembered by this
                process.
            window: results that wait at most for what is late; then the oldest waits no longer.

        Raises:
            TypeError, ValueError: an argument is wrong, or two do not go together.
            EntityNotFoundError: there is no such pipeline.
            ConnectionError: the broker does not answer in time.
        """
        topics = self._connection.topics
        question = ResultQuery.checked(
            topics,
            None if pipeline is None else self._pipeline_name(pipeline, "a Pipeline, its name, or None"),
            since=since,
            until=until,
            follow=follow,
            role=role,
            model=model,
            group=group,
            joined=joined,
            late_s=late_s,
            ordered=ordered,
            distinct=distinct,
            window=window,
        )
        return read_results(self._connection.broker, topics, question)

    def frames(
        self,
        pipeline: Pipeline | str,
        key: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        deadline_ms: int | None = None,
        on_report: OnReport | None = None,
    ) -> Frames:
        """Send many frames: `with client.frames("labels") as frames`, `async with` in an event loop.

        The frames' answers are not waited for: `results`, Redis and the topic `results` have them by request id.

        Args:
            pipeline: that answers: a pipeline, its name in the current workspace, or `workspace/name`.
            key: of all frames, such as a camera's name: those of one key stay in order. None: spread evenly.
            headers: your own Kafka headers of all frames; a hash key may name one.
            deadline_ms: milliseconds from sending after which nobody wants the answer. None: for ever.
            on_report: called with a `Report` for each frame: where it lies, or its error. In a `with` block it is
                called in the threads that send, by `send`, `flush`, `counts` and on leaving; in an `async with` block
                in the event loop, as soon as Kafka answers. None: leaving raises a ProduceError if frames were not
                confirmed.

        Raises:
            TypeError, ValueError: an argument is wrong.
            EntityNotFoundError: there is no such pipeline.
            RuntimeError: the pipeline is not deployed.
            ConnectionError: the broker does not answer in time.
        """
        labels = Labels.checked(key, headers, deadline_ms)
        name = self._pipeline_name(pipeline, "a Pipeline, or its name")
        return Frames(ProducerOptions(self._connection, name, labels, on_report))

    def _workspace_name(self, given: object) -> str:
        """The current workspace's where none is given; EntityNotFoundError where there is none of that name."""
        if given is None:
            return self._current.name()
        name = checked_name("workspace_name", given)
        if not exists(self._connection, name):
            known = _listed(workspace.name() for workspace in self.list_workspaces())
            raise EntityNotFoundError(f"workspace_name: workspace {name!r} does not exist; there are: {known}")
        return name

    def _model_versions(self, workspace: str, name: str) -> Listing[ModelVersion]:
        """Newest first; EntityNotFoundError where there is none."""
        found = listed_versions(self._connection, workspace, name)
        if not found:
            known = _listed(model.name() for model in listed_models(self._connection, workspace))
            catalog = self._connection.catalog()
            raise EntityNotFoundError(
                f"workspace {workspace!r} has no model {name!r}; there are: {known}; upload_model makes it"
                f"{_elsewhere(key.workspace for key in catalog.models if key.name == name)}"
            )
        return found

    def _pipelines_of(self, full: PipelineName) -> Listing[Pipeline]:
        """EntityNotFoundError where there is none."""
        found = listed_pipelines(self._connection, full.workspace, full.name)
        if not found:
            known = _listed(pipeline.name() for pipeline in listed_pipelines(self._connection, full.workspace))
            catalog = self._connection.catalog()
            raise EntityNotFoundError(
                f"pipeline {full} does not exist: build_pipeline makes it; there are: {known}"
                f"{_elsewhere(one.workspace for one in catalog.pipelines if one.name == full.name)}"
            )
        return found

    def _pipeline_name(self, given: object, accepted: str) -> PipelineName:
        """EntityNotFoundError where there is none of that name."""
        if isinstance(given, Pipeline):
            return given._name  # noqa: SLF001  # no call for users: its name and workspace
        if not isinstance(given, str):
            raise TypeError(f"pipeline: {type(given).__name__}; expected {accepted}")
        workspace, slash, name = given.partition("/")
        if not slash:
            workspace, name = self._current.name(), given
        full = PipelineName(checked_name("pipeline", workspace), checked_name("pipeline", name))
        # Request the broker only if the known catalog lacks the pipeline: an event loop must not wait for it.
        if full not in self._connection.follower.catalog.pipelines and full not in self._connection.catalog().pipelines:
            known = _listed(str(one) for one in self._connection.catalog().pipelines)
            raise EntityNotFoundError(f"pipeline: {full} does not exist; there are: {known}")
        return full

    def close(self) -> None:
        """Close the connections. Handles of this client cannot be used afterwards."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def _elsewhere(workspaces: Iterable[str]) -> str:
    """A hint if other workspaces have one of the same name."""
    others = ", ".join(dict.fromkeys(workspaces))
    return f"; there is one in the workspace {others}: set_current_workspace(get_workspace(...))" if others else ""
