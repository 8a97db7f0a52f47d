"""The system: one pipeline, deployed through the SDK as anyone would."""

from typing import Final

import psutil

from adapters.settings import Settings
from benchmarks.material import Material
from benchmarks.stream import Stream
from sparring import Client
from sparring.stack import LocalStack

PIPELINE: Final = "bench"


def settings_of(stack: LocalStack) -> Settings:
    """How a client meets this stack."""
    return Settings(kafka=stack.kafka, redis=stack.redis, store=stack.store, namespace=stack.namespace)


class WholeSystem:
    """The pipeline is live when this has been made."""

    def __init__(self, stack: LocalStack, material: Material) -> None:
        self._stack = stack
        with Client(settings_of(stack)) as client:
            models = material.upload(client)
            pipeline = client.build_pipeline(PIPELINE)
            for model in models:
                pipeline.add_model_step(model)
            pipeline.deploy()
            self.path = tuple(model.pinned() for model in models)

    def stream(self) -> Stream:
        """Where frames go in and answers come out; answers are waited for in the index too."""
        topics = settings_of(self._stack).topics
        index = (self._stack.redis, self._stack.namespace)
        return Stream(
            self._stack.kafka, topics.frames, topics.results, headers=[("pipeline", PIPELINE.encode())], index=index
        )

    def processes(self) -> dict[str, psutil.Process]:
        """By their names in the report."""
        pids = {name: self._stack.process(name) for name in ("kafka", "router", "host", "indexer", "valkey")}
        found = {name: psutil.Process(pid) for name, pid in pids.items()}
        found["model process"] = found["host"].children()[0]
        return found
