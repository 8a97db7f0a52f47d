"""A pipeline handle. Edits are local until `deploy()`, which makes a version of them."""

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from schemas.catalog import NO_POINTER, PipelineTagged
from schemas.catalog import Pipeline as KnownPipeline
from schemas.errors import EntityNotFoundError
from schemas.limits import DEPLOY_WAIT_S, FRAME_AGE_MS_LIMIT
from schemas.names import PipelineName, checked_tag
from schemas.pipelines import PipelineVersion, Step
from sparring.checks import checked_bool, checked_count, moment, printed
from sparring.deployment.deploy import Deployment, DeploymentStatus, status, undeploy
from sparring.deployment.draft import Draft
from sparring.deployment.version_prefix import checked_version
from sparring.deployment_config import DeploymentConfig, warn_of
from sparring.display import Row, fields_as_html, fields_as_text
from sparring.frames.inputs import read_image, read_request
from sparring.model import ModelVersion
from sparring.other_names import PIPELINE, OtherNames
from sparring.requests.infer import INFER_S, Call
from sparring.requests.infer import check as _check
from sparring.requests.infer import infer as _infer
from sparring.requests.parallel import BATCH_ROWS, NUM_PARALLEL, NUM_PARALLEL_MAX, Table
from sparring.requests.parallel import parallel_infer as _parallel_infer
from sparring.results.logs import FILE_BYTES_MAX, LIMIT, LogQuery
from sparring.results.logs import export as _export
from sparring.results.logs import logs as _logs
from sparring.steps import (
    as_dictionary,
    check_as_dictionary,
    first_model,
    model_step,
    random_split,
    shadow_deploy,
)
from sparring.system.connection import Connection

if TYPE_CHECKING:
    import polars as pl


class Pipeline(OtherNames):
    """Made by `Client.build_pipeline`; listed by `Client.pipelines`.

    It shows the steps of the pipeline's latest version, the one added or made live last, until it is
    edited. All edits return the pipeline, so calls chain; `deploy()` is the first that anyone else sees.
    """

    _elsewhere = PIPELINE

    def __init__(self, connection: Connection, name: PipelineName, steps: Sequence[Step] | None = None) -> None:
        self._connection = connection
        self._name = name
        self._draft = Draft(self._latest, steps)

    def name(self) -> str:
        """The pipeline's name."""
        return self._name.name

    def create_time(self) -> datetime:
        """When its first version was made, UTC."""
        return moment(next(iter(self._known().versions.values())).created_at)

    def versions(self) -> list[str]:
        """The versions' uuids, newest first."""
        return list(reversed(self._known().versions))

    def history(self) -> list[dict[str, Any]]:
        """The switches, newest first: `time` (UTC), `version` (None: undeployed), `by` (the user)."""
        return [
            {"time": moment(switch.at), "version": switch.version, "by": switch.by}
            for switch in reversed(self._known().history)
        ]

    @property
    def tags(self) -> list[str]:
        """Words that people find it by. They belong to the pipeline, not to a version."""
        return list(self._known().tags)

    def add_tag(self, tag: str) -> "Pipeline":
        """Give it a tag, at once and for everybody; one that it has is no error.

        Args:
            tag: 1 to 63 printable characters, no comma, no space at its ends.
        """
        return self._tag(tag, tagged=True)

    def remove_tag(self, tag: str) -> "Pipeline":
        """Take a `tag` away, at once and for everybody; ValueError where it has none of this name."""
        if checked_tag(tag) not in self.tags:
            raise ValueError(f"tag: {tag!r}; expected one of {self.tags}")
        return self._tag(tag, tagged=False)

    def steps(self) -> list[dict[str, Any]]:
        """The steps that this handle holds, deployed or not; behind them a `Check` for each validation."""
        checks = [check_as_dictionary(rule) for rule in self._draft.rules.values()]
        return [*(as_dictionary(step) for step in self._draft.steps), *checks]

    def add_model_step(self, model: ModelVersion) -> "Pipeline":
        """Append a step: one `model` answers every request."""
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
        """Replace the step at `index`, counted from 0: `model` as in `add_model_step`."""
        return self._replace(index, model_step(model))

    def replace_with_random_split(
        self, index: int, weighted: Sequence[tuple[float, ModelVersion]], hash_key: str | None = None
    ) -> "Pipeline":
        """Replace the step at `index`, counted from 0: `weighted` and `hash_key` as in `add_random_split`."""
        return self._replace(index, random_split(weighted, hash_key))

    def replace_with_shadow_deploy(
        self, index: int, champion: ModelVersion, challengers: Sequence[ModelVersion], share: float = 1.0
    ) -> "Pipeline":
        """Replace the step at `index`, counted from 0: `champion`, `challengers`, `share` as in `add_shadow_deploy`."""
        return self._replace(index, shadow_deploy(champion, challengers, share))

    def remove_step(self, index: int) -> "Pipeline":
        """Remove the step at `index`, counted from 0."""
        self._draft.remove(index)
        return self

    def clear(self) -> "Pipeline":
        """Remove all steps, and the validations that look at their outputs."""
        self._draft.clear()
        return self

    def add_validations(self, **rules: "pl.Expr") -> "Pipeline":
        """Say what is an anomaly: `add_validations(too_high=pl.col("out.variable").list.get(0) > 1000000.0)`.

        Results get the columns `anomaly.<name>`, true for an anomaly, which `anomaly.count` counts. A rule never
        blocks a result; where it cannot be evaluated it is null. A name that is there already is replaced.

        Args:
            rules: polars expressions over `in.*` and `out.*`, one boolean per row. No Python functions: a rule
                travels as data.

        Raises:
            TypeError, ValueError: a rule is no such expression, or its name is none.
        """
        from adapters.rules import written  # noqa: PLC0415  # polars, only where there are rules

        if not rules:
            raise ValueError("rules: none came; expected name=expression")
        try:
            self._draft.add_rules({name: written(name, rule) for name, rule in rules.items()})
        except (TypeError, ValueError) as error:
            raise (TypeError if isinstance(error, TypeError) else ValueError)(f"rules: {error}") from None
        return self

    def remove_validation(self, name: str) -> "Pipeline":
        """Drop one rule; ValueError where there is none of this `name`."""
        self._draft.remove_rule(name)
        return self

    def validations(self) -> dict[str, str]:
        """The rules that this handle holds, deployed or not, by name, as polars prints them."""
        from adapters.rules import read  # noqa: PLC0415  # polars, only where there are rules

        return {name: str(read(rule)) for name, rule in self._draft.rules.items()}

    @property
    def frame_age_ms_max(self) -> int | None:
        """How old a frame may be when its turn comes, milliseconds; None: however old. As this handle holds it."""
        return self._draft.frame_age_ms_max

    def set_frame_age_ms_max(self, frame_age_ms_max: int | None) -> "Pipeline":
        """Say how old a frame may be when its turn comes: an older one is answered as expired, so that after an
        outage cameras are not minutes behind. An edit, as a step is.

        Args:
            frame_age_ms_max: milliseconds since the producer's timestamp, 1 to a day; None: however old.
        """
        if frame_age_ms_max is not None:
            frame_age_ms_max = checked_count("frame_age_ms_max", frame_age_ms_max, 1, FRAME_AGE_MS_LIMIT)
        self._draft.allow_frame_age(frame_age_ms_max)
        return self

    def deploy(
        self,
        deployment_config: DeploymentConfig | None = None,
        wait_for_status: bool = True,
        deploy_wait_s: float = DEPLOY_WAIT_S,
    ) -> "Pipeline":
        """Make the steps a new version, if they were edited or one of their models was configured again, and switch
        to it live.

        No undeploy is needed and no request fails during the switch. A challenger that is not ready
        in time is a warning.

        Args:
            deployment_config: replicas and resources, for notebooks that have them. Nothing of it is applied, and
                a warning says so: hosts decide, see docs/deploy.md.
            wait_for_status: return when the version answers. False: switch at once, so that requests wait
                for its models.
            deploy_wait_s: seconds that the models may take to be ready.

        Raises:
            TypeError, ValueError: the steps cannot run, or there are none; an argument is wrong.
            DeployError: the version did not go live; what was live before goes on.
        """
        warn_of(deployment_config)
        version = self._draft.version(self._name, self._connection.catalog())
        latest = self._latest()
        new = self._draft.edited or version.steps != latest.steps
        version = version if new else latest
        return self._deploy(version, new=new, wait_for_status=wait_for_status, deploy_wait_s=deploy_wait_s)

    def rollback(self, version: str, wait_for_status: bool = True, deploy_wait_s: float = DEPLOY_WAIT_S) -> "Pipeline":
        """Switch back to an earlier version, live, with the models and configurations that it was deployed with.

        No new version is made. It is then the latest one: edits begin with its steps. Edits of this handle that
        were not deployed are dropped. A later `deploy()` takes the newest configurations again.

        Args:
            version: its uuid, as `versions()` and `history()` have it, or at least the first 4 characters of it.
            wait_for_status: as in `deploy`.
            deploy_wait_s: as in `deploy`.

        Raises:
            EntityNotFoundError: the pipeline has no such version.
            ValueError: several versions begin so, or it has no steps.
            DeployError: as in `deploy`.
        """
        versions = self._known().versions
        earlier = versions[checked_version(versions, self._name, version)]
        return self._deploy(earlier, new=False, wait_for_status=wait_for_status, deploy_wait_s=deploy_wait_s)

    def undeploy(self) -> "Pipeline":
        """Take the pipeline out of service and free its models' memory; a no-op when it is not deployed."""
        undeploy(self._connection, self._name)
        return self

    def status(self) -> DeploymentStatus:
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
            dataset: columns or groups (`in`, `out`, `anomaly`, `metadata`) to return; None: all but `metadata`.
            dataset_exclude: columns or groups to leave out, but for columns that `dataset` names themselves.
            shadow_wait: seconds to wait for challengers after the official answer, at most; None: `timeout`.
            headers: more Kafka headers of the request; a hash key may name one.
            key: requests of one key are answered in their order.

        Returns:
            `time` (ms), `in.*` (the input as it came), `out.*`, `anomaly.count` (int64; 0 where there are no
            validations), `anomaly.<name>`, `out_<challenger>.*`; after a random split `out._model_split`: a list of
            one JSON string with name, version and sha of the chosen model.

        Raises:
            RuntimeError: the pipeline is not deployed.
            TypeError, ValueError: the input is none, or does not fit the first model: nothing was sent.
            FrameTooLarge: nothing was sent.
            InferenceError: the official answer is an error.
            InferenceTimeoutError: there was no official answer in time; nor, it may be, Kafka's word that it has the
                request.
            ConnectionError: Kafka does not take the request, or says nothing of it for 30 s.
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
            lambda rows: _check(self._connection, self._name, rows, call),
            batch_rows=checked_count("batch_rows", batch_rows, 1, 1_000_000),
            num_parallel=checked_count("num_parallel", num_parallel, 1, NUM_PARALLEL_MAX),
            retries=checked_count("retries", retries, 0, 100),
            progress=checked_bool("progress", progress),
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
        """`infer` on the file at `path`: `.arrow` (Arrow IPC) gives a Table, `.json` (a list of records) a DataFrame.

        `timeout`, `dataset`, `dataset_exclude`, `shadow_wait`, `headers` and `key` are as in `infer`.
        """
        call = Call(timeout, shadow_wait, dataset, dataset_exclude, headers, key, argument="path")
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
        call = Call(timeout, shadow_wait, dataset, dataset_exclude, headers, key, argument="image")
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
        question = LogQuery.checked(limit, start_datetime, end_datetime, dataset, dataset_exclude)
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
        question = LogQuery.checked(limit, start_datetime, end_datetime, dataset, dataset_exclude)
        return _export(
            self._connection, self._name, question, directory, file_prefix, arrow=arrow, data_size_limit=data_size_limit
        )

    def __repr__(self) -> str:
        return fields_as_text(self._row())

    def _repr_html_(self) -> str:
        return fields_as_html(self._row())

    def _row(self) -> Row:
        return row_of(self._name.name, self._known(), self._draft.steps)

    def _known(self) -> KnownPipeline:
        known = self._connection.catalog().pipelines.get(self._name)
        if known is None:
            raise EntityNotFoundError(f"pipeline {self._name} does not exist: build_pipeline makes it")
        return known

    def _latest(self) -> PipelineVersion:
        known = self._known()
        return known.versions[known.latest]

    def _deploy(
        self, version: PipelineVersion, *, new: bool, wait_for_status: bool, deploy_wait_s: float
    ) -> "Pipeline":
        wait = checked_bool("wait_for_status", wait_for_status)
        deployment = Deployment(self._connection, version, deploy_wait_s)
        deployment.prepare(new=new)
        self._draft.forget()
        deployment.go_live(wait=wait)
        return self

    def _tag(self, tag: str, *, tagged: bool) -> "Pipeline":
        self._connection.append(PipelineTagged(self._name, checked_tag(tag), tagged))
        return self

    def _append(self, step: Step) -> "Pipeline":
        self._draft.append(step)
        return self

    def _replace(self, index: int, step: Step) -> "Pipeline":
        self._draft.replace(index, step)
        return self


def row_of(name: str, known: KnownPipeline, steps: Sequence[Step]) -> Row:
    """A pipeline's row in a list, with the tutorial's headings.

    Args:
        name: the pipeline's name, without its workspace.
        known: the pipeline in the catalog.
        steps: the steps that the handle holds.
    """
    versions = list(known.versions.values())
    return [
        ("name", name),
        ("created", printed(versions[0].created_at)),
        ("last_updated", printed(known.updated_at_ms)),
        ("deployed", "(none)" if known.pointer == NO_POINTER else str(known.live is not None)),
        ("tags", ", ".join(known.tags)),
        ("versions", ", ".join(version.version for version in reversed(versions))),
        ("steps", first_model(steps)),
    ]
