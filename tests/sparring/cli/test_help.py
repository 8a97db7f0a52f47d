"""What the command line says of itself: help, docs/cli.md, completion, exit codes, errors in one line."""

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sparring import cli
from sparring.cli.exits import MEANINGS
from sparring.cli.manual import EXAMPLES, GROUPS, VARIABLES

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "cli.md").read_text()
BASH = shutil.which("bash") or "/bin/bash"
HEAVY = {"kafka", "redis", "pandas", "pyarrow", "numpy", "cv2", "onnxruntime", "rich", "psutil", "shtab", "faust"}


def commands_of(parser: argparse.ArgumentParser, *path: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:  # noqa: SLF001 (argparse has no public way to ask)
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for name, command in action.choices.items():
                yield " ".join((*path, name)), command
                yield from commands_of(command, *path, name)


COMMANDS = dict(commands_of(cli.parser()))
LEAVES = {
    name: command for name, command in COMMANDS.items() if not any(other.startswith(f"{name} ") for other in COMMANDS)
}
EXPLAINED = {name: command for name, command in LEAVES.items() if name != "version"}


def arguments_of(command: argparse.ArgumentParser) -> list[argparse.Action]:
    return [one for one in command._actions if not isinstance(one, argparse._HelpAction)]  # noqa: SLF001


def section(name: str) -> str:
    """What the page says under the command's heading."""
    found = re.search(rf"^##+ sparring {name}\n(.*?)(?=^## |^### |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/cli.md has no section for `sparring {name}`"
    return found[1]


def typed(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        (sys.executable, "-m", "sparring", *arguments), capture_output=True, text=True, check=False, timeout=60
    )


# --- help -----------------------------------------------------------------------------------


def test_the_manual_names_every_command_variable_and_exit_code() -> None:
    page = cli.parser().format_help()
    for name in (name for name in COMMANDS if " " not in name):
        assert re.search(rf"^  {name} +\S", page, re.MULTILINE), name
    for word in (*VARIABLES, *EXAMPLES, "docs/cli.md"):
        assert word in page
    for code, meaning in MEANINGS.items():
        assert re.search(rf"^  {code} +{re.escape(meaning)}$", page, re.MULTILINE)


def test_every_command_stands_in_a_group_of_the_manual() -> None:
    assert {name for name in COMMANDS if " " not in name} == {name for names in GROUPS.values() for name in names}


@pytest.mark.parametrize("name", EXPLAINED)
def test_each_command_describes_itself_with_examples_that_it_accepts(name: str) -> None:
    command = EXPLAINED[name]
    assert command.description
    assert command.epilog
    examples = [line for line in command.epilog.splitlines() if f"sparring {name}" in line]
    assert examples
    for line in examples:
        words = re.split(r"[|>)]", line.partition(f"sparring {name}")[2])[0].split()
        command.parse_args([word.strip("'") for word in words])


@pytest.mark.parametrize("name", LEAVES)
def test_each_argument_says_what_it_is(name: str) -> None:
    assert [one.dest for one in arguments_of(LEAVES[name]) if not one.help] == []


def test_help_and_completion_load_nothing_that_takes_long() -> None:
    source = "import sys; from sparring.cli import parser; parser().format_help(); print(*sys.modules)"
    loaded = subprocess.run((sys.executable, "-c", source), capture_output=True, text=True, check=True).stdout
    assert HEAVY & set(loaded.split()) == set()


# --- docs/cli.md ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", LEAVES)
def test_the_page_has_each_command_with_just_its_arguments(name: str) -> None:
    rows = [line for line in section(name).splitlines() if line.startswith("| `")]
    documented = {option for row in rows for option in re.findall(r"`(--?[a-z][a-z-]*)", row.split(" | ")[0])}
    assert documented == {option for one in arguments_of(LEAVES[name]) for option in one.option_strings}
    for one in arguments_of(LEAVES[name]):
        if not one.option_strings:
            assert any(row.startswith(f"| `{one.metavar}`") for row in rows), one.metavar
    assert f"](#sparring-{name.replace(' ', '-')})" in PAGE


def test_the_page_has_no_command_that_is_none() -> None:
    assert set(re.findall(r"^##+ sparring (.+)$", PAGE, re.MULTILINE)) == set(COMMANDS)


def test_the_page_has_the_table_of_exit_codes() -> None:
    rows = dict(re.findall(r"^\| `(\d+)` \| (.+) \|$", PAGE, re.MULTILINE))
    assert rows == {str(code): meaning.replace("|", r"\|") for code, meaning in MEANINGS.items()}


def test_the_variables_of_the_manual_are_settings() -> None:
    settings = (DOCS / "settings.md").read_text()
    assert [name for name in VARIABLES if f"`{name}`" not in settings] == []


# --- completion -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bash_script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("completion") / "sparring"
    path.write_text(typed("completion", "bash").stdout)
    return path


def completed(script: Path, *words: str) -> set[str]:
    """What bash offers for the last of these words."""
    source = (
        f"source {script}; COMP_WORDS=(sparring {' '.join(repr(word) for word in words)}); COMP_CWORD={len(words)}; "
        '_shtab_sparring; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    return set(subprocess.run((BASH, "-c", source), capture_output=True, text=True, check=True).stdout.split())


def test_the_bash_script_is_valid_and_completes_commands_options_choices_and_files(
    bash_script: Path, tmp_path: Path
) -> None:
    subprocess.run((BASH, "-n", str(bash_script)), check=True)
    (tmp_path / "frame.jpg").touch()
    assert completed(bash_script, "st") == {"status"}
    assert completed(bash_script, "") == {name for name in COMMANDS if " " not in name}
    assert completed(bash_script, "send", "--pi") == {"--pipeline"}
    assert completed(bash_script, "completion", "z") == {"zsh"}
    assert completed(bash_script, "send", "--loop", f"{tmp_path}/fr") == {f"{tmp_path}/frame.jpg"}


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_a_script_that_names_every_command(shell: str) -> None:
    script = typed("completion", shell).stdout
    assert [name for name in COMMANDS if name.split()[-1] not in script] == []


# --- errors ---------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [(), ("sned",), ("send",), ("up", "--kafka-port", "x"), ("topics",)])
def test_wrong_usage_exits_with_2_and_says_where_the_help_is(arguments: tuple[str, ...]) -> None:
    done = typed(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.search(r"`sparring( \w+)? --help` says more\n$", done.stderr)


@pytest.mark.parametrize(
    ("kafka", "says"),
    [("127.0.0.1:1", "no Kafka answers at 127.0.0.1:1: start a local stack"), ("nowhere", "expected host:port")],
)
def test_a_system_that_cannot_be_reached_is_one_line_that_says_what_to_do(
    kafka: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "frame.jpg").write_bytes(b"\xff\xd8\xff")
    monkeypatch.setenv("SPARRING_KAFKA", kafka)
    assert cli.main(["send", str(tmp_path / "frame.jpg"), "--pipeline", "shelf"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("sparring: ")
    assert says in said
    assert said.count("\n") == 1


def test_without_a_stack_the_error_says_how_to_start_or_name_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "frame.jpg").write_bytes(b"\xff\xd8\xff")
    monkeypatch.delenv("SPARRING_KAFKA", raising=False)
    monkeypatch.setenv("SPARRING_DATA", str(tmp_path))
    assert cli.main(["send", str(tmp_path / "frame.jpg"), "--pipeline", "shelf"]) == 1
    said = capsys.readouterr().err
    assert f"no local stack runs in {tmp_path}" in said
    assert "`sparring up`" in said


def test_a_closed_pipe_ends_quietly_with_its_own_exit_code() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = (sys.executable, "-m", "sparring", "completion", "bash")
    with os.fdopen(writing, "w") as closed:
        done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (141, "")
