"""THE FRONT DOOR: SDK, command line, local stack.

`Client` is where Python starts. The other names here are what users import, with the modules `framework`, `object` and
`vision`. All are loaded on first use: `sparring up` needs no pandas.

Modules of the SDK:

    client             workspaces, models and pipelines of one running system
    workspace          a workspace; the lists that `Client.list_*` returns
    pipeline, steps    a pipeline handle; its steps as arguments and as `steps()` prints them
    model, framework   a model version handle; what an uploaded file is
    deployment_config  the tutorial's deployment configuration
    object             the errors, under the tutorial's name
    display            how these objects show themselves: text in a terminal, tables in a notebook
    other_names        calls of the tutorial's SDK that are not here, and what to call instead
    checks             arguments, checked before anything is sent

Rooms, each above those that it uses (import-linter holds the order):

    cli            the command line
    comparison     two models on the same frames; the report
    replay         recorded frames through another pipeline version
    operations     dead letters, pruning, rebuilding and looking up the index
    ledger         checks that every frame was answered as decided
    producer       sends many frames
    pipeline_file  a YAML file of a pipeline, compared with the catalog
    requests       `infer`: one request, its answers
    results        answers as streams, tables and logs
    deployment     from model files and steps to a live version
    frames         what a frame is made of
    sources        files, folders, videos and object stores, as frames
    system         a client's connection to a running system
    kafka          the only room that uses kafka-python
    local          the local stack: Kafka, Valkey and the services as processes
    dataset        answers as Arrow data sets
    vision         drawing of boxes, classes, pictures
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sparring._import_guard import refuse_shadowed_packages

__version__ = "0.1.0"

refuse_shadowed_packages()

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
