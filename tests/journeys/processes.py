"""The model processes of a stack, as the operating system has them."""

import psutil

from sparring import ModelVersion
from sparring.stack import LocalStack


def model_processes(stack: LocalStack, model: ModelVersion, lane: str = "official") -> list[psutil.Process]:
    """The processes that run this model version's lane below this stack's host."""
    wanted = ["--model", f"default/{model.name()}@{model.version()}", "--lane", lane]
    host = psutil.Process(stack.process("host"))
    return [child for child in host.children(recursive=True) if _command(child)[-4:] == wanted]


def _command(process: psutil.Process) -> list[str]:
    """Empty for a process that has ended since it was listed."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []
