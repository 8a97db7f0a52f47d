"""`sparring pipeline`, as typed, on a real catalog; the living system is a set of processes that only beat."""

import io
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from adapters.settings import Settings
from sparring import Client, ModelVersion, Pipeline, cli
from sparring.cli.client import connected
from sparring.system.connection import who
from tests.sparring.sdk import beating, named, upload, write_model

Typed = Callable[..., tuple[int, str, str]]
_numbers = count(1)


@pytest.fixture(scope="module")
def models(client: Client, tmp_path_factory: pytest.TempPathFactory) -> list[ModelVersion]:
    folder = tmp_path_factory.mktemp("models")
    return [upload(client, folder, name) for name in ("champion", "rival", "third")]


@pytest.fixture
def system(client: Client, models: list[ModelVersion]) -> Iterator[None]:
    """A system that lives, with a process per model that another pipeline keeps: undeploying waits for none."""
    with beating(client, *((model, "official") for model in models)):
        client.build_pipeline("keeper").add_random_split([(1, model) for model in models]).deploy()
        yield


@pytest.fixture
def name() -> str:
    return f"shelf-{next(_numbers)}"


@pytest.fixture
def typed(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """`typed("list")`: exit code, stdout, stderr of `sparring pipeline list`."""
    for one in ("kafka", "redis", "store", "namespace"):
        monkeypatch.setenv(f"SPARRING_{one.upper()}", getattr(settings, one))

    def run(*arguments: object) -> tuple[int, str, str]:
        code = cli.main(["pipeline", *map(str, arguments)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def shown(typed: Typed, *arguments: object) -> Any:
    code, out, err = typed(*arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def split_of(client: Client, name: str, models: list[ModelVersion]) -> Pipeline:
    return client.build_pipeline(name).add_random_split([(2, models[0]), (1, models[1])], hash_key="camera")


# --- list, show, history --------------------------------------------------------------------


@pytest.mark.usefixtures("system")
def test_list_says_of_each_pipeline_whether_it_is_live_and_its_steps_in_words(
    typed: Typed, client: Client, models: list[ModelVersion], name: str
) -> None:
    pipeline = split_of(client, name, models).add_tag("checkout").deploy()
    pipeline.clear().add_model_step(models[2])
    row = next(row for row in shown(typed, "list") if row["name"] == name)
    live = pipeline.versions()[0]
    assert (row["deployed"], row["live"], row["versions"], row["tags"]) == (True, live, 2, ["checkout"])
    assert row["steps"] == "split 2:1 champion, rival by camera"
    line = next(line for line in typed("list")[1].splitlines() if line.startswith(name))
    assert line.split()[:5] == [name, "yes", live[:8], "2", "checkout"]


def test_list_of_an_empty_workspace_says_what_makes_one(typed: Typed, client: Client) -> None:
    client.get_workspace("bare", create_if_not_exist=True)
    assert typed("list", "--workspace", "bare") == (
        0,
        "workspace bare has no pipeline: `sparring pipeline apply` makes one\n",
        "",
    )
    assert shown(typed, "list", "--workspace", "bare") == []


@pytest.mark.usefixtures("system")
def test_show_has_steps_rules_and_what_runs_of_the_live_version_or_of_another(
    typed: Typed, client: Client, models: list[ModelVersion], name: str
) -> None:
    champion, rival, third = models
    pipeline = split_of(client, name, models).add_validations(high=pl.col("out.variable").list.get(0) > 5)
    first = pipeline.deploy().versions()[0]
    second = pipeline.clear().add_model_step(third).deploy().versions()[0]
    facts = shown(typed, "show", name)
    page = typed("show", name)[1]
    older = shown(typed, "show", name, "--version", first[:8])
    assert (facts["version"], facts["live"], facts["validations"]) == (second, second, {})
    assert facts["steps"] == pipeline.steps() == [{"ModelInference": {"models": [named(third)]}}]
    assert facts["status"]["status"] == "Running"
    assert facts["versions"][:2] == [second, first]
    assert older["version"] == first
    weights = [{"model": named(champion), "weight": 2}, {"model": named(rival), "weight": 1}]
    assert older["steps"] == [{"RandomSplit": {"hash_key": "camera", "weights": weights}}]
    assert older["validations"] == {"high": '[(col("out.variable").list.get([dyn int: 0])) > (dyn int: 5)]'}
    assert f"version {second}, live, made" in page
    assert f"  step 0        third@{third.version()[:8]}" in page.splitlines()
    assert f"  model         third@{third.version()[:8]} (official): Running, 1 process(es)" in page.splitlines()


@pytest.mark.usefixtures("system")
def test_history_is_newest_first_with_who_did_it_and_says_what_is_live(
    typed: Typed, client: Client, models: list[ModelVersion], name: str
) -> None:
    client.build_pipeline(name)
    assert typed("history", name) == (0, f"pipeline default/{name} was never deployed\n", "")
    version = client.build_pipeline(name).add_model_step(models[0]).deploy().versions()[0]
    assert typed("history", name)[1].splitlines()[1].endswith("live")
    client.get_pipeline(name).undeploy()
    facts = shown(typed, "history", name)
    assert [(one["version"], one["by"]) for one in facts] == [(None, who()), (version, who())]
    assert facts[0]["time"] > facts[1]["time"]
    now, before = typed("history", name)[1].splitlines()[1:]
    assert "undeployed" in now
    assert now.endswith("nothing is live")
    assert before.split()[2] == version


@pytest.mark.parametrize("action", ["show", "history"])
def test_what_is_not_there_has_its_own_exit_code_and_says_what_is(typed: Typed, client: Client, action: str) -> None:
    client.build_pipeline("present")
    code, out, err = typed(action, "absent")
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert err.startswith("sparring: pipeline default/absent does not exist; there are: ")
    assert "present" in err
    assert typed(action, "present", "--workspace", "nowhere")[0] == 3


def test_show_of_a_version_that_is_not_there_says_which_are(typed: Typed, client: Client, name: str) -> None:
    version = client.build_pipeline(name).versions()[0]
    code, _, err = typed("show", name, "--version", "ffffffff")
    assert (code, err) == (
        3,
        f"sparring: pipeline default/{name} has no single version 'ffffffff'; there are: {version}\n",
    )


# --- deploy, undeploy, rollback -------------------------------------------------------------


@pytest.mark.usefixtures("system")
def test_deploy_undeploy_and_rollback_print_what_is_live_then(
    typed: Typed, client: Client, models: list[ModelVersion], name: str
) -> None:
    pipeline = split_of(client, name, models).deploy()
    first = pipeline.versions()[0]
    second = pipeline.clear().add_model_step(models[2]).deploy().versions()[0]
    assert typed("undeploy", name) == (0, f"default/{name}: nothing is live\n", "")
    assert typed("undeploy", name) == (0, f"default/{name}: nothing is live\n", "")
    assert typed("deploy", name) == (0, f"default/{name}: {second} is live: third\n", "")
    split = f"default/{name}: {first} is live: split 2:1 champion, rival by camera\n"
    assert typed("rollback", name, first[:8]) == (0, split, "")
    assert typed("deploy", name, "--wait", "5") == (0, split, "")
    assert len(pipeline.versions()) == 3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("deploy", "absent"), "pipeline default/absent does not exist; there are: "),
        (("undeploy", "absent"), "pipeline default/absent does not exist; there are: "),
        (("rollback", "absent", "3b0e"), "pipeline default/absent does not exist; there are: "),
        (("rollback", "empty", "3b0"), "version: '3b0'; expected at least 4 characters"),
        (("rollback", "empty", "ffffffff"), "version: pipeline default/empty has no version 'ffffffff'"),
        (("deploy", "empty"), "steps: pipeline default/empty has none"),
        (("deploy", "empty", "--workspace", "nowhere"), "workspace 'nowhere' does not exist"),
    ],
)
def test_what_cannot_be_switched_is_one_line(
    typed: Typed, client: Client, arguments: tuple[str, ...], says: str
) -> None:
    client.build_pipeline("empty")
    code, out, err = typed(*arguments)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"sparring: {says}")


def test_a_warning_of_the_sdk_is_one_line_on_stderr_and_no_failure(
    typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("list")[0] == 0
    with connected(None):
        warnings.warn("it goes live without\na challenger", stacklevel=1)
    assert capsys.readouterr().err == "sparring: it goes live without a challenger\n"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("deploy",),
        ("deploy", "p", "--wait", "0"),
        ("rollback", "p"),
        ("apply",),
        ("apply", "-f", "p", "--workspace", "no name"),
    ],
)
def test_wrong_usage_exits_with_2(typed: Typed, arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        typed(*arguments)
    assert ended.value.code == 2


# --- apply ----------------------------------------------------------------------------------


def pipeline_file(folder: Path, name: str, steps: str, more: str = "") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(f"pipeline: {name}\nsteps: [{steps}]\n{more}\n")
    return path


@pytest.mark.usefixtures("system")
def test_applying_does_what_differs_and_the_second_time_nothing(
    typed: Typed, client: Client, models: list[ModelVersion], name: str, tmp_path: Path
) -> None:
    split = "{random_split: {weights: [{model: champion, weight: 2}, {model: rival, weight: 1}]}}"
    rules = """tags: [checkout]\nvalidations: {high: 'ARRAY_GET("out.variable", 1) > 5.5'}"""
    path = pipeline_file(tmp_path, name, split, rules)
    code, out, err = typed("apply", "-f", path)
    live = client.get_pipeline(name).versions()[0]
    champion, rival = (f"{model.name()}@{model.version()[:8]}" for model in models[:2])
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"+ pipeline {name}",
        f"+ step 0  split 2:1 {champion}, {rival}",
        '+ validation high  col("out.variable").list.get([dyn int: 0]).sql_gt([5.5])',
        f"+ deploy {name}  a new version",
        "+ tag checkout",
        f"default/{name}: {live} is live: split 2:1 champion, rival",
    ]
    assert typed("apply", "-f", path) == (0, "nothing to change\n", "")
    assert client.get_pipeline(name).versions()[0] == live
    assert client.get_pipeline(name).tags == ["checkout"]

    typed("apply", "-f", pipeline_file(tmp_path, name, "{model: champion}", rules))
    typed("apply", "-f", pipeline_file(tmp_path, name, split, rules))
    assert len(client.get_pipeline(name).versions()) == 4, "an older file makes a new version"


def test_a_dry_run_prints_the_difference_and_changes_nothing(
    typed: Typed, client: Client, models: list[ModelVersion], name: str, tmp_path: Path
) -> None:
    file = write_model(tmp_path, output_name="other")
    more = f"workspace: dry\nmodels: {{champion: {{path: {file.name}, configure: {{batch_config: single}}}}}}"
    path = pipeline_file(tmp_path, name, "{model: champion}", more)
    code, out, err = typed("apply", "-f", path, "--dry-run")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "+ workspace dry"
    assert lines[1].startswith(f"+ upload champion  {file.name}  sha ")
    assert lines[2:] == [
        '+ configure champion  batch_config "single"',
        f"+ pipeline {name}",
        "+ step 0  champion@new",
        f"+ deploy {name}  a new version",
        "6 to change; nothing was changed",
    ]
    facts = shown(typed, "apply", "-f", path, "--dry-run")
    assert (facts["pipeline"], facts["dry_run"], facts["live"]) == (f"dry/{name}", True, None)
    assert [(one["sign"], one["kind"], one["done"]) for one in facts["changes"][:2]] == [
        ("+", "workspace", False),
        ("+", "upload", False),
    ]
    assert "dry" not in [one.name() for one in client.list_workspaces()]
    assert models[0].versions() == [models[0]]


def test_what_is_not_to_be_live_is_made_without_a_system_that_lives(typed: Typed, name: str, tmp_path: Path) -> None:
    file = write_model(tmp_path)
    more = f"workspace: made\ndeployed: false\nmodels: {{own: {{path: {file.name}, configure: {{}}}}}}"
    path = pipeline_file(tmp_path, name, "{model: own}", more)
    code, out, err = typed("apply", "-f", path)
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "+ workspace made"
    assert out.splitlines()[-2:] == [f"+ version {name}  not deployed", f"made/{name}: nothing is live"]
    facts = shown(typed, "show", name, "--workspace", "made")
    own = facts["steps"][0]["ModelInference"]["models"][0]
    assert (facts["live"], facts["words"]) == (None, [f"own@{own['version'][:8]}"])
    assert typed("apply", "-f", path) == (0, "nothing to change\n", "")


@pytest.mark.usefixtures("system")
def test_a_version_that_is_as_it_is_wanted_goes_live_and_off_without_another_one(
    typed: Typed, client: Client, models: list[ModelVersion], name: str, tmp_path: Path
) -> None:
    off, on = (f"deployed: {flag}" for flag in ("false", "true"))
    typed("apply", "-f", pipeline_file(tmp_path, name, "{model: champion}", off))
    versions = client.get_pipeline(name).versions()
    _, out, _ = typed("apply", "-f", pipeline_file(tmp_path, name, "{model: champion}", on))
    assert out.splitlines() == [
        f"+ deploy {name}  version {versions[0][:8]}",
        f"default/{name}: {versions[0]} is live: {models[0].name()}",
    ]
    _, out, _ = typed("apply", "-f", pipeline_file(tmp_path, name, "{model: champion}", off))
    assert out.splitlines() == [f"- deploy {name}  version {versions[0][:8]}", f"default/{name}: nothing is live"]
    assert client.get_pipeline(name).versions() == versions


def test_a_file_is_read_from_stdin_and_its_paths_are_relative_to_the_folder(
    typed: Typed, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_model(tmp_path)
    text = f"pipeline: {name}\ndeployed: false\nmodels: {{piped: {{path: {file.name}}}}}\nsteps: [{{model: piped}}]"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))
    facts = shown(typed, "apply", "-f", "-")
    assert [one["kind"] for one in facts["changes"]] == ["upload", "pipeline", "step", "version"]
    assert all(one["done"] for one in facts["changes"])
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"pipeline: [")))
    assert typed("apply", "-f", "-")[2].startswith("sparring: stdin: line 1, column 12: ")


def test_a_deployment_that_fails_says_what_was_done_before_and_the_next_apply_goes_on(
    typed: Typed, client: Client, name: str, tmp_path: Path
) -> None:
    file = write_model(tmp_path)
    more = f"tags: [x]\nmodels: {{half-{name}: {{path: {file.name}}}}}"
    path = pipeline_file(tmp_path, name, f"{{model: half-{name}}}", more)
    code, out, err = typed("apply", "-f", path)
    assert (code, err.count("\n")) == (1, 1)
    assert [line.split()[1] for line in out.splitlines()] == ["upload", "pipeline"]
    assert err.startswith(f"sparring: `+ deploy {name} a new version` failed: no router is alive: start")
    assert f"; done before: + upload half-{name} " in err
    assert f"; not done: + step 0 half-{name}@new, + deploy {name} a new version, + tag x; applying again" in err
    uploaded = client.get_model(f"half-{name}")

    facts = json.loads(typed("apply", "-f", path, "--json")[1])
    assert [(one["kind"], one["done"]) for one in facts["changes"]] == [
        ("step", False),
        ("deploy", False),
        ("tag", False),
    ]
    with beating(client, (uploaded, "official")):
        done = typed("apply", "-f", path)
    assert (done[0], done[2]) == (0, "")
    assert uploaded.versions() == [uploaded]
    assert client.get_pipeline(name).status()["version"] == client.get_pipeline(name).versions()[0]


MODEL_STEP = "pipeline: x\nsteps: [{model: champion}, {model: step}]\nmodels: {step: {path: step.py, framework: python"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("steps: []", "the file: no pipeline; expected workspace, pipeline, tags"),
        ("pipeline: x\nsteps: [{model: none}]", 'steps[0].model: "none"; expected a model of the file or of workspace'),
        (
            "pipeline: x\nsteps: [{model: bad}]\nmodels: {bad: {path: wrong.yaml}}",
            "models.bad.path: wrong.yaml: not a model that ONNX Runtime loads",
        ),
        (
            "pipeline: x\nsteps: [{model: bad}]\nmodels: {bad: {path: broken.py, framework: python}}",
            "models.bad.path: broken.py is not Python",
        ),
        (MODEL_STEP + "}}", "steps: step is a Python step without schemas"),
        (
            MODEL_STEP + ", configure: {input_schema: {a: list<float>, b: float}, output_schema: {y: list<float>}}}}",
            "steps: step 1, step, cannot follow champion: no output 'a', 'b'",
        ),
        (
            MODEL_STEP + ", configure: {input_schema: {}, output_schema: {}}}}",
            "models.step.configure.input_schema: it has no fields; expected one per array",
        ),
        (
            MODEL_STEP + ", configure: {input_schema: {day: date32}, output_schema: {y: float}}}}",
            "models.step.configure.input_schema: day is a date32[day]; expected numbers",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_its_place_before_anything_is_done(
    typed: Typed,
    client: Client,
    models: list[ModelVersion],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "step.py").write_text("def process(arrays):\n    return arrays\n")
    (tmp_path / "broken.py").write_text("def process(")
    (tmp_path / "wrong.yaml").write_text(text)
    before = [model.name() for model in client.get_current_workspace().models()]
    code, out, err = typed("apply", "-f", "wrong.yaml")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"sparring: wrong.yaml: {says}")
    assert [model.name() for model in client.get_current_workspace().models()] == before
    assert "x" not in [pipeline.name() for pipeline in client.pipelines()]
    assert models[0].name() in before


def test_a_file_that_is_not_there_is_one_line(typed: Typed, tmp_path: Path) -> None:
    missing = tmp_path / "none.yaml"
    assert typed("apply", "-f", missing) == (1, "", f"sparring: {missing}: No such file or directory\n")
