"""`sparring model`, as typed, on a real catalog and a real model store. No service runs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.settings import Settings
from sparring import Client, cli
from sparring.cli.model.facts import bytes_in_words
from tests.sparring.sdk import beating, write_model

Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def typed(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """`typed("list")`: exit code, stdout, stderr of `sparring model list`."""
    for name in ("kafka", "redis", "store", "namespace"):
        monkeypatch.setenv(f"SPARRING_{name.upper()}", getattr(settings, name))

    def run(*arguments: object) -> tuple[int, str, str]:
        code = cli.main(["model", *map(str, arguments)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def shown(typed: Typed, *arguments: object) -> Any:
    code, out, err = typed(*arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_upload_prints_version_sha_inputs_and_outputs_and_the_sdk_sees_it(
    typed: Typed, client: Client, tmp_path: Path
) -> None:
    code, out, err = typed("upload", "seen", write_model(tmp_path))
    model = client.get_model("seen")
    rows = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert (code, err) == (0, "")
    assert rows["name"] == "default/seen"
    assert (rows["version"], rows["sha"], rows["framework"]) == (model.version(), model.sha(), "onnx")
    assert (rows["inputs"], rows["outputs"]) == ("tensor float32 [n, 2]", "variable float32 [n, 2]")
    assert rows["configuration"] == "the defaults"
    assert rows["file"].startswith("tensor-variable.onnx, ")


def test_the_options_of_upload_are_those_of_configure(typed: Typed, client: Client, tmp_path: Path) -> None:
    facts = shown(
        typed, "upload", "tuned", write_model(tmp_path), "--batch-config", "single", "--class-names", "cat, dog",
        "--tensor-fields", "picture", "--batch-rows-max", 4, "--batch-wait-ms-max", 2.5, "--outputs-per-row", "false",
    )  # fmt: skip
    configuration = client.get_model("tuned").pinned().configuration
    assert configuration.batch_config == facts["configuration"]["batch_config"] == "single"
    assert configuration.class_names == ("cat", "dog")
    assert configuration.tensor_fields == ("picture",)
    assert (configuration.batch_rows_max, configuration.batch_wait_ms_max) == (4, 2.5)
    assert configuration.outputs_per_row is False
    assert typed("show", "tuned")[1].count('class_names ["cat","dog"]') == 1
    shown(typed, "upload", "coco", write_model(tmp_path), "--class-names", "coco")
    assert len(client.get_model("coco").pinned().configuration.class_names or ()) == 80


def test_a_python_step_says_that_its_schemas_are_missing(typed: Typed, tmp_path: Path) -> None:
    step = tmp_path / "step.py"
    step.write_text("def process(arrays):\n    return arrays\n")
    code, out, _ = typed("upload", "step", step, "--framework", "python")
    assert code == 0
    assert "inputs         not declared: configure() says them" in out.splitlines()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("un_named", "model.onnx"), "name: 'un_named' is not a name; expected letters"),
        (("refused", "none.onnx"), "path: none.onnx is no file"),
        (("refused", "none.onnx", "--batch-config", "single"), "none.onnx: No such file"),
        (("refused", "broken.onnx"), "path: broken.onnx: not a model that ONNX Runtime loads"),
        (("refused", "broken.onnx", "--framework", "python"), "path: broken.onnx is not Python"),
        (("refused", "model.onnx", "--tensor-fields", "a,b"), "tensor_fields: 2 columns for 1 inputs"),
        (("refused", "model.onnx", "--batch-rows-max", "0"), "batch_rows_max: 0; expected at least 1"),
        (("refused", "model.onnx", "--workspace", "nowhere"), "workspace 'nowhere' does not exist; there are: default"),
    ],
)
def test_what_upload_refuses_is_one_line_and_nothing_is_stored(
    typed: Typed,
    client: Client,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_model(tmp_path).rename(tmp_path / "model.onnx")
    (tmp_path / "broken.onnx").write_text("{ no model")
    code, out, err = typed("upload", *arguments)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"sparring: {says}")
    assert "refused" not in [model.name() for model in client.get_current_workspace().models()]


@pytest.mark.parametrize(
    "arguments",
    [
        ("upload", "a"),
        ("upload", "a", "b", "--framework", "torch"),
        ("upload", "a", "b", "--class-names", "a,,b"),
        ("upload", "a", "b", "--batch-rows-max", "many"),
        ("show",),
    ],
)
def test_wrong_usage_exits_with_2(typed: Typed, arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        typed(*arguments)
    assert ended.value.code == 2


def test_list_has_each_model_once_with_its_newest_version(typed: Typed, client: Client, tmp_path: Path) -> None:
    workspace = client.create_workspace("listed")
    assert typed("list", "--workspace", "listed") == (
        0,
        "workspace listed has no model: `sparring model upload` uploads one\n",
        "",
    )
    assert shown(typed, "list", "--workspace", "listed") == []
    step = tmp_path / "step.py"
    step.write_text("def process(arrays):\n    return arrays\n")
    first, second, _ = (
        shown(typed, "upload", name, step, "--framework", "python", "--workspace", "listed")
        for name in ("twice", "twice", "once")
    )
    assert first["version"] != second["version"]
    rows = shown(typed, "list", "--workspace", "listed")
    assert [(row["name"], row["versions"]) for row in rows] == [("twice", 2), ("once", 1)]
    assert (rows[0]["version"], rows[0]["sha"]) == (second["version"], second["sha"])
    assert rows[0]["uploaded"].endswith("Z")
    _, out, _ = typed("list", "--workspace", "listed")
    assert out.splitlines()[1].split()[:4] == ["twice", "2", second["version"][:8], "python"]
    assert sorted(model.name() for model in workspace.models()) == ["once", "twice"]


def test_show_takes_the_newest_version_or_the_one_that_is_named(typed: Typed, tmp_path: Path) -> None:
    first, second = (shown(typed, "upload", "shown", write_model(tmp_path, output_name=name)) for name in "ab")
    assert shown(typed, "show", "shown")["version"] == second["version"]
    older = shown(typed, "show", f"shown@{first['version'][:8]}")
    assert (older["version"], older["sha"]) == (first["version"], first["sha"])
    assert older["outputs"] == [
        {"name": "a", "dtype": "float32", "shape": [None, 2], "dimensions": ["n", None], "per_row": True}
    ]
    assert older["versions"] == [second["version"], first["version"]]


def test_show_names_the_pipelines_whose_live_version_uses_it(typed: Typed, client: Client, tmp_path: Path) -> None:
    used = client.upload_model("used", write_model(tmp_path))
    shown(typed, "upload", "used", write_model(tmp_path))
    with beating(client, (used, "official")):
        client.build_pipeline("user").add_model_step(used).deploy()
        assert shown(typed, "show", f"used@{used.version()}")["live_in"] == ["default/user"]
        assert shown(typed, "show", "used")["live_in"] == []
        assert "live in        default/user" in typed("show", f"used@{used.version()}")[1].splitlines()


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (("none",), "workspace default has no model 'none'; there are: "),
        (("there@ffffffff",), "model there has no single version 'ffffffff'; there are: "),
        (("there@",), "model there has no single version ''; there are: "),
        (("there", "--workspace", "nowhere"), "workspace 'nowhere' does not exist"),
    ],
)
def test_show_of_what_is_not_there_says_what_is_with_its_own_exit_code(
    typed: Typed, client: Client, tmp_path: Path, asked: tuple[str, ...], says: str
) -> None:
    client.upload_model("there", write_model(tmp_path))
    code, out, err = typed("show", *asked)
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert err.startswith(f"sparring: {says}")


def test_sizes_in_words() -> None:
    assert [bytes_in_words(size) for size in (182, 2048, 3_670_016, 3_670_016_000)] == [
        "182 B",
        "2.0 KiB",
        "3.5 MiB",
        "3,500.0 MiB",
    ]
