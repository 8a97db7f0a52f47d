"""A file of the user that hides one of our packages is named."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("room", ["schemas", "router", "workers", "adapters"])
def test_a_users_file_with_the_name_of_one_of_our_packages_is_named_with_what_to_do(tmp_path: Path, room: str) -> None:
    hiding = tmp_path / f"{room}.py"
    hiding.write_text("MINE = 1\n")
    done = subprocess.run(
        (sys.executable, "-c", "import sparring"), cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"ImportError: sparring needs its own package '{room}'")
    assert str(hiding.resolve()) in last
    assert "Rename that file" in last


def test_a_users_folder_without_python_files_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    subprocess.run((sys.executable, "-c", "import sparring"), cwd=tmp_path, check=True)
