"""The command line, as typed: `sparring ...` in a process of its own."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil

import sparring
from sparring.stack.folder import Folder
from tests.waiting import eventually

SERVICES = {"router", "host", "indexer", "valkey", "kafka"}


def typed(*arguments: object) -> "subprocess.CompletedProcess[str]":
    """One command, to its end."""
    return subprocess.run(
        (sys.executable, "-m", "sparring", *map(str, arguments)), capture_output=True, text=True, check=False
    )


def lives(pid: int) -> bool:
    """Whether it runs; in a container nobody may reap an orphan that has ended."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_help_names_every_command_and_every_exit_code() -> None:
    done = typed("--help")
    assert done.returncode == 0
    for word in ("up", "down", "status", "version", "exit codes", "wrong usage"):
        assert word in done.stdout


def test_version_is_the_packages() -> None:
    assert typed("version").stdout.strip() == typed("--version").stdout.strip() == sparring.__version__


def test_status_of_a_folder_without_a_stack_says_so_with_its_own_exit_code(tmp_path: Path) -> None:
    done = typed("status", "--data", tmp_path)
    assert done.returncode == 3
    assert "`sparring up` starts one" in done.stdout
    assert json.loads(typed("status", "--data", tmp_path, "--json").stdout)["state"] == "down"


def test_down_without_a_stack_is_done_at_once(tmp_path: Path) -> None:
    done = typed("down", "--data", tmp_path)
    assert done.returncode == 0
    assert done.stdout == f"no stack runs in {tmp_path}\n"


def test_a_port_that_is_none_is_wrong_usage() -> None:
    done = typed("up", "--kafka-port", "70000")
    assert done.returncode == 2
    assert "expected a number from 1 to 65535" in done.stderr


def test_up_in_the_background_fails_with_the_reason_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = typed("up", "-d", "--data", tmp_path, "--redis-port", taken.getsockname()[1])
    assert done.returncode == 1
    assert done.stderr.startswith("sparring: --redis-port")
    assert done.stderr.count("\n") == 1


def test_up_in_the_background_returns_when_all_is_ready_and_down_ends_all_of_it(tmp_path: Path) -> None:
    up = typed("up", "-d", "--data", tmp_path)
    try:
        assert up.returncode == 0, up.stderr
        status = json.loads(typed("status", "--data", tmp_path, "--json").stdout)
        assert status["state"] == "ready"
        assert status["broker_up"]
        assert status["kafka"].startswith("127.0.0.1:")
        assert status["redis"].startswith("redis://127.0.0.1:")
        assert {one["name"] for one in status["processes"]} == SERVICES | {"stack"}
        assert {one["state"] for one in status["processes"]} == {"running"}
        assert "sparring.frames" in {topic["name"] for topic in status["topics"]}
        shown = typed("status", "--data", tmp_path).stdout
        assert status["kafka"] in shown
        assert "indexer" in shown
    finally:
        down = typed("down", "--data", tmp_path)
    assert down.stdout == f"stopped the stack in {tmp_path}\n"
    assert [one["name"] for one in status["processes"] if lives(one["pid"])] == []


def test_ctrl_c_stops_a_stack_in_the_foreground_cleanly(tmp_path: Path) -> None:
    arguments = (sys.executable, "-m", "sparring", "up", "--data", str(tmp_path))
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as up:
        eventually(lambda: Folder(tmp_path).addresses() or up.poll() is not None, 240, "stack.json")
        addresses = Folder(tmp_path).addresses()
        assert addresses is not None, f"it ended with {up.poll()}"
        up.send_signal(signal.SIGINT)
        said, error = up.communicate(timeout=120)
    assert (up.returncode, error) == (0, "")
    stopped = [line.removeprefix("stopping ") for line in said.splitlines() if line.startswith("stopping ")]
    assert stopped == ["router", "host", "indexer", "valkey", "kafka"]
    assert said.splitlines()[-1] == f"stopped; the data stays in {tmp_path}"
    assert [child.name for child in addresses.processes if child.process()] == []
