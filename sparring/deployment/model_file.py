"""A model file as the model version that an upload makes of it. Nothing is stored here."""

from pathlib import Path

from adapters.storage.models import sha256_of
from schemas import models
from schemas.names import checked_name
from sparring.deployment.onnx_file import Signature, inspect
from sparring.framework import Framework


def model_version(
    workspace: str, name: str, path: Path, content: bytes, framework: Framework, *, version: str, created_at: int
) -> models.ModelVersion:
    """The model version of these bytes.

    Args:
        workspace: name of the workspace.
        name: the model's name.
        path: the file, for its name and for messages.
        content: the file's bytes.
        framework: ONNX: inputs and outputs are read from the file, in a process of its own. PYTHON: the file must
            compile; none of it runs, and its schemas are set by `configure()`.
        version: uuid of the version.
        created_at: Unix milliseconds.

    Raises:
        ValueError: the name or the file is wrong; the message begins with the argument.
    """
    checked_name("name", name)
    signature = inspect(path, content) if framework is Framework.ONNX else _python_signature(path, content)
    return models.ModelVersion(
        workspace=workspace,
        name=name,
        version=version,
        sha256=sha256_of(content),
        framework=framework.value,
        file_name=path.name,
        size_bytes=len(content),
        created_at=created_at,
        inputs=signature.inputs,
        outputs=signature.outputs,
    )


def _python_signature(path: Path, content: bytes) -> Signature:
    try:
        compile(content, str(path), "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"path: {path} is not Python: {error}") from None
    return Signature((), ())
