"""The client that the commands of models and pipelines work with, and how its errors and warnings are said."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from schemas.catalog import Catalog, Record
from schemas.errors import EntityNotFoundError, SparringError
from schemas.names import PipelineName
from sparring.cli import out
from sparring.client import Client
from sparring.pipeline import Pipeline
from sparring.pipeline_file.describe import steps_in_words


@contextmanager
def connected(workspace: str | None) -> Iterator[Client]:
    """A client in a workspace that must exist; None: in the default one, and who asks goes on from there."""
    with _plainly(), Client() as client:
        if workspace is not None:
            client.set_current_workspace(client.get_workspace(workspace))
        yield client


def catalog_of(client: Client) -> Catalog:
    """Everything that is known, at one moment: what no public call tells, such as the steps of an older version."""
    return client._connection.catalog()  # noqa: SLF001  # as above


def append(client: Client, record: Record) -> None:
    """What no public call does: a version of a pipeline that is not deployed."""
    client._connection.append(record)  # noqa: SLF001  # as above


def found(client: Client, name: str) -> Pipeline:
    """The pipeline of the current workspace; EntityNotFoundError says which there are."""
    names = [pipeline.name() for pipeline in client.pipelines()]
    if name not in names:
        where = client.get_current_workspace().name()
        raise EntityNotFoundError(
            f"pipeline {where}/{name} does not exist; there are: {', '.join(names) or 'none'}; "
            "`sparring pipeline apply` makes one"
        )
    return client.get_pipeline(name)


def what_is_live(client: Client, name: PipelineName) -> str:
    """One line: the version, and its steps in words."""
    live = catalog_of(client).live(name)
    return f"{name}: " + (
        "nothing is live" if live is None else f"{live.version} is live: {steps_in_words(live.steps)}"
    )


def complain(error: object) -> None:
    """One line on stderr."""
    out.complain(" ".join(str(error).split()))


@contextmanager
def _plainly() -> Iterator[None]:
    """The SDK's errors about an argument become one line, as others do; so do its warnings, which end nothing."""
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
