"""The README's program runs as it is printed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from sparring.stack import LocalStack

README = (Path(__file__).parents[2] / "README.md").read_text()


def test_twenty_lines_of_python_run_as_they_are_printed(stack: LocalStack, shared: Path, tmp_path: Path) -> None:
    for name in ("yolox-nano.onnx", "nanodet-m.onnx"):
        shutil.copy(shared / "models" / name, tmp_path / name)
    shutil.copy(shared / "frames" / "coco_0.jpg", tmp_path / "frame.jpg")
    (program,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len([line for line in program.splitlines() if line.strip()]) <= 20
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **stack.environment()},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    split, shadow = ran.stdout.splitlines()
    assert re.search(r'\{"name":"(yolox-nano|nanodet-m)"', split)
    assert shadow.count("[") == 2
