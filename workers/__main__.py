"""`python -m workers host | inference --model WORKSPACE/NAME@VERSION --lane LANE | indexer`: run one worker."""

import argparse
import sys
from collections.abc import Sequence

from adapters.service import run_service
from adapters.settings import HostSettings, InferenceSettings, Settings
from schemas.names import ModelKey


def main(arguments: Sequence[str] | None = None) -> int:
    """Start one worker. Each imports only its own modules: a host does not load ONNX Runtime."""
    parser = argparse.ArgumentParser(prog="python -m workers", description="Run one worker until SIGTERM.")
    workers = parser.add_subparsers(dest="worker", required=True)
    workers.add_parser("host", help="keep one model process per live model version and lane")
    workers.add_parser("indexer", help="write answers into Redis, by request")
    inference = workers.add_parser("inference", help="run one model version's tasks of one lane")
    inference.add_argument("--model", type=ModelKey.parse, required=True, metavar="WORKSPACE/NAME@VERSION")
    inference.add_argument("--lane", choices=("official", "shadow"), required=True)
    parsed = parser.parse_args(arguments)

    if parsed.worker == "host":
        from workers.host.host import Host  # noqa: PLC0415  # only this worker needs it

        return run_service("host", HostSettings, lambda *service: Host(*service).run())
    if parsed.worker == "indexer":
        from workers.indexer.indexer import Indexer  # noqa: PLC0415  # only this worker needs it

        return run_service("indexer", Settings, lambda *service: Indexer(*service).run())
    from workers.inference.loop import ModelProcess  # noqa: PLC0415  # only this worker needs it

    return run_service(
        "inference",
        InferenceSettings,
        lambda settings, stop, monitor: ModelProcess(settings, parsed.model, parsed.lane, stop, monitor).run(),
        name=f"inference {parsed.model} {parsed.lane}",
    )


if __name__ == "__main__":
    sys.exit(main())
