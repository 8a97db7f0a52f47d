"""A model's file beside the versions that are there: the newest one is it, or uploading it would make another."""

from pathlib import Path
from typing import Final

from adapters.store import sha256_of
from schemas import models
from schemas.catalog import Catalog
from schemas.names import checked_name
from sparring.framework import Framework
from sparring.inspect import Signature, inspect, model_bytes
from sparring.wanted.nouns import Wanted
from sparring.wanted.place import WrongFile

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
    """What uploading these bytes would make. Errors as of `version_of`."""
    checked_name("name", name)
    signature = _signature(path, content, framework)
    return models.ModelVersion(
        workspace=workspace,
        name=name,
        version=NEW,
        sha256=sha256_of(content),
        framework=framework.value,
        file_name=path.name,
        size_bytes=len(content),
        created_at=0,
        inputs=signature.inputs,
        outputs=signature.outputs,
    )


def _signature(path: Path, content: bytes, framework: Framework) -> Signature:
    if framework is Framework.ONNX:
        return inspect(path, content)
    try:
        compile(content, str(path), "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"path: {path} is not Python: {error}") from None
    return Signature((), ())
