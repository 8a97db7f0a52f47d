"""`python -m tests.fuzz.alone FILE...`: what router and model process say of tables, without a system around them.

A line of JSON for each, and at last the most memory that this process had, in MiB.
"""

import json
import sys
from pathlib import Path

from router.route import route
from schemas.errors import Refused
from schemas.frames import Frame, Origin
from tests.fuzz.nouns import TABLE, VERSION
from workers.inference.request_inputs import request_inputs


def main() -> None:
    """Read the files in turn."""
    for path in map(Path, sys.argv[1:]):
        frame = Frame(None, path.read_bytes(), (), Origin("frames", 0, 0), 0, "TOPIC")
        said = []
        for read in (lambda: route(frame, VERSION), lambda: request_inputs(frame, TABLE)):  # noqa: B023  # read at once
            try:
                read()
                said.append("ok")
            except Refused as refusal:
                said.append(refusal.error)
        sys.stdout.write(json.dumps([path.name, *said]) + "\n")
    # What `resource` says would begin with what this process's parent had.
    lines = Path("/proc/self/status").read_text().splitlines()
    (peak,) = (line.split() for line in lines if line.startswith("VmHWM:"))
    sys.stdout.write(f"{int(peak[1]) // 1024}\n")


if __name__ == "__main__":
    main()
