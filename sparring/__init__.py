"""THE FRONT DOOR: SDK, command line, local stack. The only public API.

`Client` is where Python starts. The other names here are what its users import, `framework`, `object` and `vision`
with them. They are loaded at their first use: `sparring up` needs no pandas.

What users import, and what it needs beside it:

    client, workspace, model, pipeline, framework, object, deployment_config
    steps          a pipeline's steps, from the arguments of `add_*` and `replace_with_*`
    display        how pipelines, models and lists look: text in a terminal, HTML in a notebook
    other_names    calls of the tutorial's SDK that sparring does not have
    checks         arguments, checked
    _import_guard  refuses a user's file that hides a package of ours

Rooms, from what users call to what touches the outside:

    cli            the command line: one room or module per command, named as it is typed
    stack          the local stack: Kafka, Valkey and the services on this machine
    replay         recorded frames through another version
    comparison     two results datasets, answer by answer
    ledger         `verify`: every frame accounted for
    operations     dead letters, pruning, index rebuild, looking up one request
    pipeline_file  the YAML file of `pipeline apply`
    deployment     configure, check, deploy
    requests       `infer` and `parallel_infer`
    producer       `client.frames`: many frames, with reports
    results        the result stream, logs, tables of answers
    dataset        results datasets: one schema of an answer
    frames         a frame's bytes and headers
    sources        files, folders, videos and object stores, as frames
    vision         load pictures, draw boxes
    pages          HTML pages from templates
    system         a running system, as a client sees it
    kafka          the only room that uses kafka-python
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
