"""THE FRONT DOOR: SDK, command line, local stack.

`Client` is where Python starts; the other names here are what its users import, `framework`, `object` and
`vision` with them. They are loaded when they are first used: `sparring up` needs no pandas.

    calls       client, workspace, model, pipeline; `other_names`: calls of the tutorial's SDK that are not here
    lists       `listed`: workspaces, pipelines and models as `list_*` gives them; `listing`: such a list as a table
    arguments   checks, configuration (`fields`: a struct of a user's fields), framework, steps, inputs (a request as
                the bytes of a frame), inspect (an ONNX file)
    deploying   deploy, `draft` (edits), `version_checks` (what could never answer)
    answers     infer, parallel, result, rows, columns, logs, log_files; `unifying`: tables of several versions as one
    connection  connection, catalog, `owner` (the process that may use a client)
    Kafka       broker, records, stream, spans, `unreadable` (headers)
    rooms       cli, comparison, consuming, dataset, ledger, producing, replay, sources, stack, vision, wanted
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sparring._import_guard import refuse_foreign_rooms

__version__ = "0.1.0"

refuse_foreign_rooms()

if TYPE_CHECKING:
    from sparring import framework, object, vision  # noqa: A004  # the tutorial's name of the module
    from sparring.client import Client
    from sparring.comparison.compare import compare
    from sparring.comparison.comparison import Comparison
    from sparring.deployment_config import DeploymentConfig, DeploymentConfigBuilder
    from sparring.framework import Framework
    from sparring.model import ModelVersion
    from sparring.pipeline import Pipeline
    from sparring.producer.async_frames import AsyncFrames
    from sparring.producer.frames import Frames
    from sparring.producer.reports import Report
    from sparring.results.result import JoinedResult, Result
    from sparring.results.stream import ResultStream
    from sparring.workspace import Workspace
else:

    def __getattr__(name: str) -> Any:
        if name in _PUBLIC:
            return getattr(import_module(_PUBLIC[name]), name)
        if name in _MODULES:
            return import_module(f"sparring.{name}")
        raise AttributeError(f"module 'sparring' has no attribute {name!r}")


_PUBLIC = {
    "AsyncFrames": "sparring.producer.async_frames",
    "Client": "sparring.client",
    "Comparison": "sparring.comparison.comparison",
    "DeploymentConfig": "sparring.deployment_config",
    "DeploymentConfigBuilder": "sparring.deployment_config",
    "Frames": "sparring.producer.frames",
    "Framework": "sparring.framework",
    "JoinedResult": "sparring.results.result",
    "ModelVersion": "sparring.model",
    "Pipeline": "sparring.pipeline",
    "Result": "sparring.results.result",
    "ResultStream": "sparring.results.stream",
    "Report": "sparring.producer.reports",
    "Workspace": "sparring.workspace",
    "compare": "sparring.comparison.compare",
}

_MODULES = ("deployment_config", "framework", "object", "vision")

__all__ = [
    "AsyncFrames",
    "Client",
    "Comparison",
    "DeploymentConfig",
    "DeploymentConfigBuilder",
    "Frames",
    "Framework",
    "JoinedResult",
    "ModelVersion",
    "Pipeline",
    "Report",
    "Result",
    "ResultStream",
    "Workspace",
    "compare",
    "framework",
    "object",
    "vision",
]
