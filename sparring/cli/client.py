"""The client of the model and pipeline commands, and how its errors and warnings are printed."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from schemas.catalog import Catalog, CatalogRecord
from schemas.errors import EntityNotFoundError, SparringError
from schemas.names import PipelineName
from sparring.cli import out
from sparring.pipeline_file.describe import steps_in_words

if TYPE_CHECKING:
    from sparring.client import Client
    from sparring.pipeline import Pipeline


@contextmanager
def connected(workspace: str | None) -> "Iterator[Client]":
    """A client in a workspace, which must exist; None: in the default one, and the caller sets another."""
    from sparring.client import Client  # noqa: PLC0415  # slow: see cli.command

    with _errors_as_lines(), Client() as client:
        if workspace is not None:
            client.set_current_workspace(client.get_workspace(workspace))
        yield client


def catalog_of(client: "Client") -> Catalog:
    """The catalog at one moment: it has what no public call returns, such as the steps of an older version."""
    return client._connection.catalog()  # noqa: SLF001  # as above


def append(client: "Client", record: CatalogRecord) -> None:
    """Append a record that no public call appends: a pipeline version without a deployment."""
    client._connection.append(record)  # noqa: SLF001  # as above


def pipeline_named(client: "Client", name: str) -> "Pipeline":
    """The pipeline of the current workspace; the EntityNotFoundError lists those that exist."""
    names = [pipeline.name() for pipeline in client.pipelines()]
    if name not in names:
        where = client.get_current_workspace().name()
        raise EntityNotFoundError(
            f"pipeline {where}/{name} does not exist; there are: {', '.join(names) or 'none'}; "
            "`sparring pipeline apply` makes one"
        )
    return client.get_pipeline(name)


def what_is_live(client: "Client", name: PipelineName) -> str:
    """One line: the version, and its steps in words."""
    live = catalog_of(client).live(name)
    return f"{name}: " + (
        "nothing is live" if live is None else f"{live.version} is live: {steps_in_words(live.steps)}"
    )


def complain(error: object) -> None:
    """One line on stderr."""
    out.complain(" ".join(str(error).split()))


@contextmanager
def _errors_as_lines() -> Iterator[None]:
    """Errors about an argument become a SparringError, which prints as one line; warnings are printed as lines too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = lambda message, *_: complain(message)
        try:
            yield
        except (TypeError, ValueError) as error:
            if isinstance(error, SparringError):
                raise
            raise SparringError(str(error)) from error
