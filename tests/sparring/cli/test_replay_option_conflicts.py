"""What of the arguments of `sparring replay` goes together, as typed: what would mean nothing is refused. No Kafka."""

from pathlib import Path

import pytest

from sparring import cli
from sparring.cli.exits import WRONG_USAGE
from sparring.cli.replay.option_conflicts import wrong

RECORDED = "--from 1h --pipeline shelf"


def why(words: str) -> str | None:
    return wrong(cli.parser().parse_args(["replay", *words.split()]))


@pytest.mark.parametrize(
    "words",
    [
        f"{RECORDED} --out o",
        f"{RECORDED} --to 10m --of-pipeline other --version 3f9a --speed 10 --allow-python --out o",
        "--from 1970-01-01T00:00:00Z --pipeline shelf --out o",
        "--offsets 0:1-5,1:9- --pipeline shelf --out o",
        "--ids a,b --from 2h --to 1h --pipeline shelf --out o",
        "--status error --of-model m --from 2h --to 1h --candidate c.yaml --out o",
        "--dead-letters --error NotDeployed --from 2h --to 1h --pipeline shelf --live --fps 2 --out o",
        "a.jpg b.mp4 --pipeline shelf --realtime --out o",
        "s3://archive --column image --key-column camera --candidate c.yaml --out o",
        f"{RECORDED} --version 3f9a --fps 2 --out o --dry-run --json",
        f"{RECORDED} --of-pipeline other --verify --show 3",
        f"{RECORDED} --version 3f9a --what-if a=1,b=2 --json",
        "--resume o --json --show 3",
    ],
)
def test_what_means_something_goes_together(words: str) -> None:
    assert why(words) is None


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--pipeline shelf --out o", "which frames? expected one of --from, PATH"),
        ("--to 1h --pipeline shelf --out o", "came none"),
        ("a.jpg --ids a --pipeline shelf --out o", "came PATH and --ids"),
        ("--ids a --status ok --pipeline shelf --out o", "came --ids and --of-model, --anomalous"),
        ("--from 1h --out o", "what answers? expected one of --pipeline, --candidate; came none"),
        (f"{RECORDED} --candidate c.yaml --out o", "came both"),
        (RECORDED, "--out is missing"),
        (f"{RECORDED} --out o --fps 1 --realtime", "one of --fps, --realtime, --speed"),
        (f"{RECORDED} --dry-run --verify", "one of --dry-run, --verify, --what-if"),
        ("a.jpg --from 1h --to 10m --pipeline shelf --out o", "PATH cannot stand beside --from, --to"),
        ("a.jpg --of-pipeline other --pipeline shelf --out o", "PATH cannot stand beside --of-pipeline"),
        (
            "--offsets 0:1-5 --from 1970-01-01T00:00:00Z --pipeline shelf --out o",
            "--offsets cannot stand beside --from",
        ),
        ("--offsets 0:1-5 --to 1h --pipeline shelf --out o", "--offsets cannot stand beside --to"),
        (f"{RECORDED} --column image --out o", "--column needs PATH"),
        ("a b --column image --pipeline shelf --out o", "--column needs one PATH"),
        ("a --key-column camera --pipeline shelf --out o", "--key-column needs --column"),
        (f"{RECORDED} --error Shed --out o", "--error needs --dead-letters"),
        ("--from 1h --candidate c.yaml --version 3f9a --out o", "--candidate cannot stand beside --version"),
        (f"{RECORDED} --live --version 3f9a --out o", "--live cannot stand beside --version"),
        ("--from 1h --candidate c.yaml --live --out o", "--live cannot stand beside --candidate"),
        (f"{RECORDED} --live --allow-python --out o", "--live cannot stand beside --allow-python"),
        ("a.jpg --pipeline shelf --verify", "--verify cannot stand beside PATH: it needs frames that were routed"),
        ("--dead-letters --pipeline shelf --what-if a=1", "it needs frames that were routed"),
        (f"{RECORDED} --version 3f9a --verify", "--verify cannot stand beside --version"),
        ("--from 1h --candidate c.yaml --verify", "--verify cannot stand beside --candidate"),
        (f"{RECORDED} --verify --live --out o", "--verify cannot stand beside --out, --live: nothing is sent"),
        ("--from 1h --candidate c.yaml --what-if a=1", "--what-if cannot stand beside --candidate"),
        (f"{RECORDED} --what-if a=1 --fps 3", "--what-if cannot stand beside --fps: nothing is sent"),
    ],
)
def test_what_would_be_passed_over_is_refused_by_name(words: str, expected: str) -> None:
    assert expected in (why(words) or "")


def test_with_resume_nothing_else_is_named_but_what_is_printed() -> None:
    others = (
        "a.jpg --from 1h --to 10m --offsets 0:1-5 --ids a --of-model m --anomalous --confidence-below 0.5 --status ok "
        "--dead-letters --error E --of-pipeline p --column c --key-column k --pipeline p --version v --candidate f "
        "--live --allow-python --out o --fps 1 --realtime --speed 2 --dry-run --verify --what-if a=1"
    )
    parsed = cli.parser().parse_args(["replay", "--resume", "o", *others.split()])
    said = wrong(parsed) or ""
    named = {word.rstrip(",") for word in said.partition("without ")[2].split()}
    options = {word for word in others.split() if word.startswith("--")} | {"PATH"}
    assert named == options
    left = {f"--{name.replace('_', '-')}" for name in vars(parsed)} - options
    assert left == {"--resume", "--json", "--show", "--run", "--paths", "--since", "--until"}, "an option is not tried"


def test_a_file_of_ids_is_read_past_its_byte_order_mark_and_refused_in_utf_16(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ids.txt"
    path.write_bytes("one\ntwo\n".encode("utf-8-sig"))
    command = ["replay", "--ids", f"@{path}", "--pipeline", "shelf"]
    assert cli.parser().parse_args(command).ids == {"one", "two"}
    path.write_bytes("one\ntwo\n".encode("utf-16"))
    with pytest.raises(SystemExit):
        cli.main(command)
    assert "no UTF-8 text (PowerShell's > may write UTF-16); expected request ids in UTF-8" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "text", "expected"),
    [
        ("--offsets", "0:1-5,0:9-12", "partition 0 is named twice"),
        ("--offsets", "0:1", "expected PARTITION:BEGIN-END"),
        ("--what-if", "a=1,b=2,a=3", "a is named twice"),
        ("--what-if", "a", "expected MODEL=WEIGHT"),
    ],
)
def test_what_is_named_twice_is_refused(
    option: str, text: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["replay", option, text, "--pipeline", "shelf"])
    assert (ended.value.code, expected in capsys.readouterr().err) == (WRONG_USAGE, True)
