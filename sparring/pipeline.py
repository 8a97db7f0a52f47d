"""A pipeline as its user holds it. Edits are local until `deploy()`, which makes a version of them."""

import html
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload
from uuid import uuid4

import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from schemas.catalog import NO_POINTER
from schemas.catalog import Pipeline as KnownPipeline
from schemas.errors import EntityNotFoundError
from schemas.limits import DEPLOY_WAIT_S
from schemas.names import PipelineName
from schemas.pipelines import PipelineVersion, Step, Validation
from sparring.connection import Connection
from sparring.deploy import Deployment, Status, status, undeploy
from sparring.infer import INFER_S, Call
from sparring.infer import infer as _infer
from sparring.inputs import read_image, read_request
from sparring.logs import FILE_BYTES_MAX, LIMIT, Question
from sparring.logs import export as _export
from sparring.logs import logs as _logs
from sparring.model import ModelVersion
from sparring.parallel import BATCH_ROWS, NUM_PARALLEL, NUM_PARALLEL_MAX, Table, checked_count
from sparring.parallel import parallel_infer as _parallel_infer
from sparring.steps import (
    as_dictionary,
    checked_index,
    first_model,
    model_step,
    random_split,
    repinned,
    shadow_deploy,
)
from sparring.when import moment, now_ms, printed

if TYPE_CHECKING:
    import polars as pl


class Pipeline:
    """Made by `Client.build_pipeline`; listed by `Client.pipelines`.

    It shows the steps of the pipeline's latest version until it is edited. All edits return the
    pipeline, so calls chain; `deploy()` is the first that anyone else sees.
    """

    def __init__(self, connection: Connection, name: PipelineName, steps: Sequence[Step] | None = None) -> None:
        self._connection = connection
        self._name = name
        self._edited: list[Step] | None = None if steps is None else list(steps)
        self._rules: dict[str, Validation] | None = None if steps is None else {}

    def name(self) -> str:
        """The pipeline's name."""
        return self._name.name

    def create_time(self) -> datetime:
        """When its first version was made, UTC."""
        return moment(next(iter(self._known().versions.values())).created_at)

    def versions(self) -> list[str]:
        """The versions' uuids, newest first."""
        return list(reversed(self._known().versions))

    @property
    def tags(self) -> list[str]:
        """Tags; none yet."""
        return []

    def steps(self) -> list[dict[str, Any]]:
        """The steps that this handle holds, deployed or not."""
        return [as_dictionary(step) for step in self._steps()]

    def add_model_step(self, model: ModelVersion) -> "Pipeline":
        """Append a step: one model answers every request."""
        return self._append(model_step(model))

    def add_random_split(
        self, weighted: Sequence[tuple[float, ModelVersion]], hash_key: str | None = None
    ) -> "Pipeline":
        """Append a step: one of several models answers, `[(weight, model), ...]`.

        Args:
            weighted: weights are kept as given and normalised only to choose: 2, 1, 1 is 1/2, 1/4, 1/4.
            hash_key: the column or Kafka header whose value decides. A number from 0.0 to 1.0 is the position
                itself; text always gives the same model. None: the request id decides.
        """
        return self._append(random_split(weighted, hash_key))

    def add_shadow_deploy(
        self, champion: ModelVersion, challengers: Sequence[ModelVersion], share: float = 1.0
    ) -> "Pipeline":
        """Append a step: the champion answers, every challenger sees the same input and is recorded.

        Args:
            champion: its outputs are the official ones.
            challengers: they never delay, fail or change the official result.
            share: the fraction of requests that the challengers see, by request hash.
        """
        return self._append(shadow_deploy(champion, challengers, share))

    def replace_with_model_step(self, index: int, model: ModelVersion) -> "Pipeline":
        """Replace the step at `index`, counted from 0."""
        return self._replace(index, model_step(model))

    def replace_with_random_split(
        self, index: int, weighted: Sequence[tuple[float, ModelVersion]], hash_key: str | None = None
    ) -> "Pipeline":
        """Replace the step at `index`, counted from 0."""
        return self._replace(index, random_split(weighted, hash_key))

    def replace_with_shadow_deploy(
        self, index: int, champion: ModelVersion, challengers: Sequence[ModelVersion], share: float = 1.0
    ) -> "Pipeline":
        """Replace the step at `index`, counted from 0."""
        return self._replace(index, shadow_deploy(champion, challengers, share))

    def remove_step(self, index: int) -> "Pipeline":
        """Remove the step at `index`, counted from 0."""
        steps = self._steps()
        del steps[checked_index(index, steps)]
        self._edit(steps)
        return self

    def clear(self) -> "Pipeline":
        """Remove all steps, and the validations that look at their outputs."""
        self._edited, self._rules = [], {}
        return self

    def add_validations(self, **rules: "pl.Expr") -> "Pipeline":
        """Say what is an anomaly: `add_validations(too_high=pl.col("out.variable").list.get(0) > 1000000.0)`.

        Results get the columns `anomaly.<name>`, true for an anomaly, and `anomaly.count`. A rule never blocks a
        result; where it cannot be evaluated it is null. A name that is there already is replaced.

        Args:
            rules: polars expressions over `in.*` and `out.*`, one boolean per row. No Python functions: a rule
                travels as data.

        Raises:
            TypeError, ValueError: a rule is no such expression, or its name is none.
        """
        from adapters.rules import written  # noqa: PLC0415  # polars, only where there are rules

        given = {name: written(name, rule) for name, rule in rules.items()}
        if not given:
            raise ValueError("rules: none came; expected name=expression")
        self._edit(self._steps(), {**self._validations(), **given})
        return self

    def remove_validation(self, name: str) -> "Pipeline":
        """Drop one rule; ValueError where there is none of this name."""
        rules = self._validations()
        if name not in rules:
            raise ValueError(f"name: {name!r}; expected one of {sorted(rules)}")
        del rules[name]
        self._edit(self._steps(), rules)
        return self

    def validations(self) -> dict[str, str]:
        """The rules that this handle holds, deployed or not, by name, as polars prints them."""
        from adapters.rules import read  # noqa: PLC0415  # polars, only where there are rules

        return {name: str(read(rule)) for name, rule in self._validations().items()}

    def deploy(self, wait_for_status: bool = True, deploy_wait_s: float = DEPLOY_WAIT_S) -> "Pipeline":
        """Make the steps a new version, where they were edited, and switch to it live.

        No undeploy is needed and no request fails during the switch. A challenger that is not ready
        in time is a warning.

        Args:
            wait_for_status: return when the version answers. False: switch at once, so that requests wait
                for its models.
            deploy_wait_s: how long the models may take to be ready.

        Raises:
            ValueError: the steps cannot run, or there are none.
            DeployError: the version did not go live; what was live before goes on.
        """
        edited = self._edited is not None
        version = self._new_version() if edited else self._latest()
        deployment = Deployment(self._connection, version, deploy_wait_s)
        deployment.prepare(new=edited)
        self._edited = self._rules = None
        deployment.go_live(wait=wait_for_status)
        return self

    def undeploy(self) -> "Pipeline":
        """Take the pipeline out of service and free its models' memory; a no-op when it is not deployed."""
        undeploy(self._connection, self._name)
        return self

    def status(self) -> Status:
        """What runs now: `status` is Running, Starting or Stopped."""
        return status(self._connection, self._name)

    def infer(
        self,
        tensor: Table,
        timeout: float = INFER_S,
        dataset: Sequence[str] | None = None,
        dataset_exclude: Sequence[str] | None = None,
        shadow_wait: float | None = None,
        headers: Mapping[str, str] | None = None,
        key: str | bytes | None = None,
    ) -> Table:
        """Send one request and wait for its answer: a DataFrame gives a DataFrame, a Table a Table.

        Args:
            tensor: one row per input; the columns feed the first model's inputs.
            timeout: seconds to wait for the official answer, and for the challengers that are alive.
            dataset: columns or groups (`in`, `out`, `metadata`) to return; None: all but `metadata`.
            dataset_exclude: columns or groups to leave out.
            shadow_wait: seconds to wait for challengers after the official answer, at most; None: `timeout`.
            headers: more Kafka headers of the request; a hash key may name one.
            key: requests of one key are answered in their order.

        Returns:
            `time` (ms), `in.*` (the input as it came), `out.*`, `out_<challenger>.*`; after a random split
            `out._model_split`: a list of one JSON string with name, version and sha of the chosen model.

        Raises:
            RuntimeError: the pipeline is not deployed.
            TypeError, ValueError: the input is none, or does not fit the first model: nothing was sent.
            FrameTooLarge: nothing was sent.
            InferenceError: the official answer is an error.
            InferenceTimeoutError: there was no official answer in time.
        """
        call = Call(timeout, shadow_wait, dataset, dataset_exclude, headers, key)
        return _infer(self._connection, self._name, tensor, call)

    def parallel_infer(
        self,
        tensor: Table,
        timeout: float = INFER_S,
        num_parallel: int = NUM_PARALLEL,
        retries: int = 0,
        batch_rows: int = BATCH_ROWS,
        dataset: Sequence[str] | None = None,
        dataset_exclude: Sequence[str] | None = None,
        shadow_wait: float | None = None,
        headers: Mapping[str, str] | None = None,
        progress: bool = True,
    ) -> Table:
        """`infer` on a big table: sub-batches of `batch_rows`, several on their way at once, results in its order.

        After a random split each sub-batch meets one model, as every batch does: `batch_rows=1` splits row by row.

        Args:
            tensor: as in `infer`.
            timeout: seconds for each sub-batch.
            num_parallel: sub-batches on their way at once, 1 to 64.
            retries: how often a sub-batch without an answer in time is sent again, as a new request.
            batch_rows: rows in one request.
            dataset: as in `infer`.
            dataset_exclude: as in `infer`.
            shadow_wait: as in `infer`.
            headers: as in `infer`.
            progress: show a bar in a terminal or a notebook.

        Raises:
            InferenceError, InferenceTimeoutError: the message names the rows; nothing more was sent.
            Others: as `infer`, before anything was sent.
        """
        call = Call(timeout, shadow_wait, dataset, dataset_exclude, headers)
        if not isinstance(tensor, pd.DataFrame | pa.Table):
            raise TypeError(f"tensor: {type(tensor).__name__}; expected a pandas.DataFrame or a pyarrow.Table")
        return _parallel_infer(
            tensor,
            lambda rows: _infer(self._connection, self._name, rows, call),
            batch_rows=checked_count("batch_rows", batch_rows, 1, 1_000_000),
            num_parallel=checked_count("num_parallel", num_parallel, 1, NUM_PARALLEL_MAX),
            retries=checked_count("retries", retries, 0, 100),
            progress=progress,
        )

    def infer_from_file(
        self,
        path: str | os.PathLike[str],
        timeout: float = INFER_S,
        dataset: Sequence[str] | None = None,
        dataset_exclude: Sequence[str] | None = None,
        shadow_wait: float | None = None,
        headers: Mapping[str, str] | None = None,
        key: str | bytes | None = None,
    ) -> pd.DataFrame | pa.Table:
        """`infer` on a file: `.arrow` (Arrow IPC) gives a Table, `.json` (a list of records) a DataFrame."""
        call = Call(timeout, shadow_wait, dataset, dataset_exclude, headers, key)
        return _infer(self._connection, self._name, read_request(path), call)

    def infer_image(
        self,
        image: str | os.PathLike[str] | bytes | npt.NDArray[Any],
        timeout: float = INFER_S,
        dataset: Sequence[str] | None = None,
        dataset_exclude: Sequence[str] | None = None,
        shadow_wait: float | None = None,
        headers: Mapping[str, str] | None = None,
        key: str | bytes | None = None,
    ) -> pd.DataFrame:
        """`infer` on an encoded image, sent as a camera would send it; the model's process decodes it.

        Args:
            image: a path, the bytes of a JPEG, PNG or WebP, or a uint8 array [H, W], [H, W, 3] (RGB) or
                [H, W, 4], which is sent as PNG.
            timeout: as in `infer`, like everything that follows.
            dataset: as in `infer`; there are no `in.*` columns.
            dataset_exclude: as in `infer`.
            shadow_wait: as in `infer`.
            headers: as in `infer`.
            key: as in `infer`.
        """
        call = Call(timeout, shadow_wait, dataset, dataset_exclude, headers, key)
        return _infer(self._connection, self._name, read_image(image), call)

    @overload
    def logs(
        self,
        limit: int = ...,
        start_datetime: datetime | None = ...,
        end_datetime: datetime | None = ...,
        dataset: Sequence[str] | None = ...,
        dataset_exclude: Sequence[str] | None = ...,
        arrow: Literal[False] = ...,
    ) -> pd.DataFrame: ...

    @overload
    def logs(
        self,
        limit: int = ...,
        start_datetime: datetime | None = ...,
        end_datetime: datetime | None = ...,
        dataset: Sequence[str] | None = ...,
        dataset_exclude: Sequence[str] | None = ...,
        *,
        arrow: Literal[True],
    ) -> pa.Table: ...

    def logs(
        self,
        limit: int = LIMIT,
        start_datetime: datetime | None = None,
        end_datetime: datetime | None = None,
        dataset: Sequence[str] | None = None,
        dataset_exclude: Sequence[str] | None = None,
        arrow: bool = False,
    ) -> pd.DataFrame | pa.Table:
        """Every inference that was answered, one row per input row, newest first; with dates oldest first.

        What `infer` has returned is in it. Kept: without dates the newest 10,000 requests of a day (Redis); with
        dates 7 days (the topics). `in.*` is null once a frame has left its topic (24 hours), and above 64 KiB a
        row unless `dataset` names it.

        Args:
            limit: rows at most.
            start_datetime: answered then or later; needs `end_datetime`. Without a time zone it is UTC.
            end_datetime: answered then or earlier.
            dataset: as in `infer`.
            dataset_exclude: as in `infer`.
            arrow: a Table instead of a DataFrame.

        Raises:
            TypeError, ValueError: an argument is none of these.
        """
        question = Question.checked(limit, start_datetime, end_datetime, dataset, dataset_exclude)
        return _logs(self._connection, self._name, question, arrow=arrow)

    def export_logs(
        self,
        directory: str | os.PathLike[str] = "logs",
        file_prefix: str | None = None,
        data_size_limit: int = FILE_BYTES_MAX,
        limit: int | None = None,
        start_datetime: datetime | None = None,
        end_datetime: datetime | None = None,
        dataset: Sequence[str] | None = None,
        dataset_exclude: Sequence[str] | None = None,
        arrow: bool = False,
    ) -> list[Path]:
        """Write the log, oldest first, to files `<file_prefix>-1.json` (JSON lines) or `.arrow`, -2 and so on.

        It is read from the topics by time, in bounded memory.

        Args:
            directory: made where it is not there.
            file_prefix: None: the pipeline's name. Files of the same names are replaced.
            data_size_limit: bytes of Arrow data in one file, about.
            limit: rows at most; None: all.
            start_datetime: as in `logs`; without dates everything that the topics hold.
            end_datetime: as in `logs`.
            dataset: as in `infer`.
            dataset_exclude: as in `infer`.
            arrow: Arrow IPC files instead of JSON lines.

        Returns:
            The files that were written; none where nothing was answered.
        """
        question = Question.checked(limit, start_datetime, end_datetime, dataset, dataset_exclude)
        where, prefix = Path(directory), self.name() if file_prefix is None else file_prefix
        if data_size_limit < 1:
            raise ValueError(f"data_size_limit: {data_size_limit}; expected bytes above 0")
        return _export(
            self._connection, self._name, question, where, prefix, arrow=arrow, data_size_limit=data_size_limit
        )

    def __repr__(self) -> str:
        rows = self._rows()
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name.ljust(width)}  {text}" for name, text in rows)

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><th>{name}</th><td>{html.escape(text)}</td></tr>" for name, text in self._rows())
        return f"<table>{rows}</table>"

    def _rows(self) -> list[tuple[str, str]]:
        known = self._known()
        versions = list(known.versions.values())
        deployed = "(none)" if known.pointer == NO_POINTER else str(known.live is not None)
        return [
            ("name", self._name.name),
            ("created", printed(versions[0].created_at)),
            ("last_updated", printed(versions[-1].created_at)),
            ("deployed", deployed),
            ("tags", ", ".join(self.tags)),
            ("versions", ", ".join(version.version for version in reversed(versions))),
            ("steps", first_model(self._steps())),
        ]

    def _known(self) -> KnownPipeline:
        known = self._connection.catalog().pipelines.get(self._name)
        if known is None:
            raise EntityNotFoundError(f"pipeline {self._name} does not exist: build_pipeline makes it")
        return known

    def _steps(self) -> list[Step]:
        if self._edited is not None:
            return list(self._edited)
        return list(self._latest().steps)

    def _validations(self) -> dict[str, Validation]:
        if self._rules is not None:
            return dict(self._rules)
        return {rule.name: rule for rule in self._latest().validations}

    def _edit(self, steps: list[Step], rules: dict[str, Validation] | None = None) -> None:
        self._edited = steps
        self._rules = self._validations() if rules is None else rules

    def _latest(self) -> PipelineVersion:
        return list(self._known().versions.values())[-1]

    def _append(self, step: Step) -> "Pipeline":
        self._edit([*self._steps(), step])
        return self

    def _replace(self, index: int, step: Step) -> "Pipeline":
        steps = self._steps()
        steps[checked_index(index, steps)] = step
        self._edit(steps)
        return self

    def _new_version(self) -> PipelineVersion:
        catalog = self._connection.catalog()
        steps = tuple(repinned(step, catalog.configurations) for step in self._steps())
        rules = tuple(self._validations().values())
        return PipelineVersion(self._name.workspace, self._name.name, str(uuid4()), steps, now_ms(), rules)
