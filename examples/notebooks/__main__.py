"""Execute every notebook on a stack of its own, and save it with its outputs."""

import sys
import tempfile
from pathlib import Path

from examples.notebooks.execute import NOTEBOOKS, execute, save
from sparring.stack import LocalStack


def main() -> int:
    """Exit code 0 where every cell ran."""
    with (
        tempfile.TemporaryDirectory(prefix="sparring-notebooks-") as folder,
        LocalStack(Path(folder), allow_python=True) as stack,
    ):
        for path in NOTEBOOKS:
            sys.stdout.write(f"{path.name}\n")
            save(execute(path, stack.environment()), path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
