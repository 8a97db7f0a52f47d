"""A pipeline file as it is read: what it may say, and the place of what is wrong in it. No system is needed."""

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from adapters.rules import Rules, read
from schemas.names import PipelineName
from schemas.pipelines import Validation
from sparring.framework import Framework
from sparring.pipeline_file.parse import EXAMPLE, read_pipeline_file
from sparring.pipeline_file.spec import ModelStepSpec, PipelineSpec, RandomSplitSpec, ShadowDeploySpec
from sparring.pipeline_file.yaml import InvalidPipelineFile

PAGE = Path(__file__).parents[3] / "docs" / "pipeline-file.md"
SHORTEST = "pipeline: shelf\nsteps: [{model: post}]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    for name in ("yolox.onnx", "nanodet.onnx", "post.py"):
        (tmp_path / "models" / name).touch()
    return tmp_path


def wanted(text: str, folder: Path = Path(), workspace: str = "default") -> PipelineSpec:
    return read_pipeline_file(text.encode(), folder, workspace)


def complete() -> str:
    """The file that the page shows whole."""
    found = re.search(r"## A complete example.*?```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found
    return found[1]


def test_the_example_of_the_page_is_read_as_the_page_says(folder: Path) -> None:
    file = wanted(complete(), folder)
    assert file.pipeline == PipelineName("default", "shelf")
    assert file.tags == ("checkout",)
    assert file.deployed is True
    yolox, nanodet, post = file.models
    assert (yolox.name, yolox.path, yolox.framework) == ("yolox", folder / "models/yolox.onnx", Framework.ONNX)
    assert yolox.arguments == {"batch_config": "single", "class_names": "coco"}
    assert nanodet.arguments is not None
    assert nanodet.arguments["image"]["mean"] == [103.53, 116.28, 123.675]
    assert post.framework is Framework.PYTHON
    assert post.arguments is not None
    assert post.arguments["output_schema"].field("avg_conf").type == pa.list_(pa.float64())
    split, last = file.steps
    assert isinstance(split, RandomSplitSpec)
    assert split.hash_key == "camera"
    assert [(weight, model.name) for weight, model in split.weights] == [(2, "yolox"), (1, "nanodet")]
    assert isinstance(last, ModelStepSpec)
    assert (last.model.name, last.model.version) == ("post", None)
    assert [rule.name for rule in file.validations] == ["unsure"]


def test_what_the_file_leaves_out_has_the_default_that_the_page_names() -> None:
    file = wanted(SHORTEST, workspace="lab")
    assert file.pipeline == PipelineName("lab", "shelf")
    assert (file.tags, file.models, file.validations, file.deployed) == (None, (), (), True)
    assert wanted("workspace: shop\n" + SHORTEST, workspace="lab").pipeline.workspace == "shop"
    assert wanted("tags:\nvalidations:\n" + SHORTEST) == wanted(SHORTEST)


def test_a_shadow_deploy_and_a_version_are_read() -> None:
    file = wanted("pipeline: p\nsteps: [{shadow_deploy: {champion: a@3b0e1c2d, challengers: [b, c], share: 0.5}}]")
    (shadow,) = file.steps
    assert isinstance(shadow, ShadowDeploySpec)
    assert (shadow.champion.name, shadow.champion.version, shadow.share) == ("a", "3b0e1c2d", 0.5)
    assert [model.name for model in shadow.challengers] == ["b", "c"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the file: null; expected a mapping with workspace, pipeline, tags"),
        ("- a", "the file: a list of 1; expected a mapping"),
        ("pipeline: shelf", "the file: no steps; expected workspace, pipeline"),
        ("pipeline:\nsteps: []", "the file: no pipeline"),
        (SHORTEST + "step: []", 'the file: unknown key "step"; expected workspace, pipeline'),
        (SHORTEST + "7: []", "the file: the key 7; expected text, quoted"),
        ("pipeline: my_shelf\nsteps: [{model: a}]", 'pipeline: "my_shelf"; expected letters, digits and dashes'),
        ("workspace: 7\n" + SHORTEST, "workspace: 7; expected letters"),
        ("pipeline: shelf\nsteps: {model: a}", "steps: a mapping of 1; expected a list of steps"),
        ("pipeline: shelf\nsteps: []", "steps: a list of 0; expected at least one step"),
        (SHORTEST + "tags: checkout", 'tags: "checkout"; expected a list of tags'),
        (SHORTEST + "tags: ['a,b']", 'tags[0]: "a,b"; expected printable text without commas'),
        (SHORTEST + "tags: [on]", "tags[0]: true; expected printable text"),
        (SHORTEST + "frame_age_ms_max: soon", 'frame_age_ms_max: "soon"; expected milliseconds, 1 to 86400000'),
        (SHORTEST + "deployed: 1", "deployed: 1; expected true or false"),
        (SHORTEST + "deployed: 2024-01-31", 'deployed: "2024-01-31"; expected true or false'),
    ],
)
def test_what_is_wrong_at_the_top_is_named_with_what_is_expected(text: str, says: str) -> None:
    with pytest.raises(InvalidPipelineFile, match=f"^{re.escape(says)}"):
        wanted(text)


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ("a", ': "a"; expected a mapping with model, random_split, shadow_deploy'),
        ("{}", ": a mapping of 0; expected one of model, random_split, shadow_deploy"),
        ("{model: a, random_split: {}}", ": a mapping of 2; expected one of model"),
        ("{split: {}}", ': unknown key "split"'),
        ("{model: 7}", ".model: 7; expected a model, NAME or NAME@VERSION"),
        ("{model: a_b}", '.model: "a_b"; expected a model'),
        ("{model: a@}", '.model: "a@"; expected a model'),
        ("{model: [a]}", ".model: a list of 1; expected a model"),
        ("{random_split: [a]}", ".random_split: a list of 1; expected a mapping with hash_key, weights"),
        ("{random_split: {hash_key: x}}", ".random_split: no weights; expected hash_key, weights"),
        ("{random_split: {weights: []}}", ".random_split.weights: a list of 0; expected at least one {model, weight}"),
        ("{random_split: {weights: [a]}}", '.random_split.weights[0]: "a"; expected a mapping with model, weight'),
        ("{random_split: {weights: [{model: a}]}}", ".random_split.weights[0]: no weight"),
        (
            "{random_split: {weights: [{model: a, weight: two}]}}",
            '.random_split.weights[0].weight: "two"; expected a number',
        ),
        ("{random_split: {weights: [{model: a, weight: yes}]}}", ".random_split.weights[0].weight: true; expected a"),
        (
            "{random_split: {weights: [{model: a, weight: -1}]}}",
            ".random_split.weights[0].weight: -1; expected a finite number >= 0",
        ),
        ("{random_split: {weights: [{model: a, weight: .nan}]}}", ".random_split.weights[0].weight: NaN; expected a f"),
        (
            f"{{random_split: {{weights: [{{model: a, weight: 1{'0' * 400}}}]}}}}",
            ".random_split.weights[0].weight: 1000",
        ),
        ("{random_split: {weights: [{model: a, weight: .inf}]}}", ".random_split.weights[0].weight: Infinity;"),
        (
            "{random_split: {weights: [{model: a, weight: 0}, {model: b, weight: 0}]}}",
            ".random_split.weights: a list of 2; expected at least one {model, weight} with a weight above 0",
        ),
        (
            "{random_split: {hash_key: 7, weights: [{model: a, weight: 1}]}}",
            ".random_split.hash_key: 7; expected the name of a column or header",
        ),
        ("{random_split: {weights: [{model: a, weight: 1, wait: 1}]}}", '.random_split.weights[0]: unknown key "wait"'),
        ("{shadow_deploy: {champion: a}}", ".shadow_deploy: no challengers"),
        (
            "{shadow_deploy: {champion: a, challengers: b}}",
            '.shadow_deploy.challengers: "b"; expected a list of models',
        ),
        ("{shadow_deploy: {champion: a, challengers: []}}", ".shadow_deploy.challengers: a list of 0; expected at lea"),
        (
            "{shadow_deploy: {champion: a, challengers: [b], share: 2}}",
            ".shadow_deploy.share: 2; expected a number from 0.0 to 1.0",
        ),
    ],
)
def test_what_is_wrong_in_a_step_is_named_by_its_place(step: str, says: str) -> None:
    with pytest.raises(InvalidPipelineFile, match=f"^{re.escape('steps[1]' + says)}"):
        wanted(f"pipeline: shelf\nsteps:\n  - model: first\n  - {step}\n")


@pytest.mark.parametrize(
    ("models", "says"),
    [
        ("[a]", "models: a list of 1; expected a mapping of models by name"),
        ("{a:}", "models.a: null; expected a mapping with path, framework, configure"),
        ("{a_b: {path: models/yolox.onnx}}", 'models.a_b: "a_b"; expected letters'),
        ("{a: {}}", "models.a: no path; expected path, framework, configure"),
        ("{a: {path: 7}}", "models.a.path: 7; expected a path, relative to this file"),
        ("{a: {path: models/none.onnx}}", 'models.a.path: "models/none.onnx"; expected a file; '),
        ("{a: {path: models}}", 'models.a.path: "models"; expected a file; '),
        ("{a: {path: models/yolox.onnx, framework: torch}}", 'models.a.framework: "torch"; expected onnx or python'),
        ("{a: {path: models/yolox.onnx, framework: [onnx]}}", "models.a.framework: a list of 1; expected onnx or py"),
        ("{a: {path: models/yolox.onnx, configure: single}}", 'models.a.configure: "single"; expected a mapping with'),
        ("{a: {path: models/yolox.onnx, configure: {batch: 1}}}", 'models.a.configure: unknown key "batch"; expected '),
        (
            "{a: {path: models/post.py, configure: {input_schema: {boxes: floats}}}}",
            'models.a.configure.input_schema.boxes: "floats"; expected a type: float',
        ),
        (
            "{a: {path: models/post.py, configure: {input_schema: {boxes:}}}}",
            "models.a.configure.input_schema.boxes: null; expected a type",
        ),
        (
            "{a: {path: models/post.py, configure: {input_schema: [boxes]}}}",
            "models.a.configure.input_schema: a list of 1; expected a mapping of types by name",
        ),
    ],
)
def test_what_is_wrong_in_a_model_is_named_by_its_place(folder: Path, models: str, says: str) -> None:
    with pytest.raises(InvalidPipelineFile, match=f"^{re.escape(says)}"):
        wanted(SHORTEST + f"models: {models}", folder)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("pipeline: a\npipeline: b\n", 'line 2, column 1: the key "pipeline" stands twice; expected each once'),
        (SHORTEST + "models: {a: {path: x, path: y}}", 'line 3, column 23: the key "path" stands twice'),
        (SHORTEST + "models: {? [a] : 1}", "line 3, column"),
        ("pipeline: [", "line 1, column 12: "),
        ("pipeline: !!python/object/apply:os.getcwd []", "line 1, column 11: could not determine a constructor"),
        ("pipeline: a\n---\npipeline: b", "line 2, column 1: "),
        ("deployed: 2024-13-45", "month must be in 1..12; expected YAML"),
        ("a: \x00", "position 3: special characters are not allowed; expected YAML in UTF-8"),
        (
            "a:\n\tb: 1",
            "line 2, column 1: found character '\\t' that cannot start any token: YAML is indented by",
        ),
        (
            'a: "out.y"[1] > 3',
            "line 1, column 11: expected <block end>, but found '[': a text that begins with",
        ),
        ("[" * 3000, "nested too deep; expected YAML"),
        ("a: &a [*a]", 'the file: unknown key "a"'),
    ],
)
def test_what_is_no_yaml_or_says_a_key_twice_is_refused_with_its_line(text: str, says: str) -> None:
    with pytest.raises(InvalidPipelineFile, match=f"^{re.escape(says)}"):
        wanted(text)


def test_a_value_that_is_many_when_it_is_unfolded_is_not_unfolded() -> None:
    bomb = "a: &a [x, x]\n" + "\n".join(f"{b}: &{b} [*{a}, *{a}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    with pytest.raises(InvalidPipelineFile, match='unknown key "a"'):
        wanted(bomb)
    with pytest.raises(InvalidPipelineFile, match=r"^tags: a mapping of 9; expected a list of tags"):
        wanted(SHORTEST + "tags:\n  " + bomb.replace("\n", "\n  "))


# --- validation rules -----------------------------------------------------------------------


def anomalies(rule: Validation, values: list[Any]) -> list[bool | None]:
    table = pa.table({"variable": pa.array(values, pa.list_(pa.float32()))})
    found, _ = Rules([rule]).anomalies(table, None)
    return found["anomaly." + rule.name].to_pylist()


def ruled(text: str) -> Validation:
    (rule,) = wanted(SHORTEST + "validations:\n  rule: " + json.dumps(text)).validations
    return rule


def test_a_rule_in_sql_counts_lists_from_1_and_is_the_same_rule_as_in_polars() -> None:
    values = [[1_000_000.0], [1_000_000.06], [999_999.9, 2e6], [2e6, 0.0], None]
    in_python = Validation("rule", (pl.col("out.variable").list.get(0) > 1000000.0).meta.serialize(format="json"))
    assert EXAMPLE == 'ARRAY_GET("out.variable", 1) > 1000000.0'
    assert EXAMPLE in PAGE.read_text()
    assert anomalies(ruled(EXAMPLE), values) == anomalies(in_python, values) == [False, True, False, True, None]
    assert anomalies(ruled('"out.variable"[1] > 1000000.0'), values) == [False, True, False, True, None]


@pytest.mark.parametrize(
    "text",
    [
        'pl.col("out.y").list.max() < 0.5',
        'pl.col("out.confidences").list.mean() < 0.5 and pl.col("in.camera") == "door"',
        "out.variable[0] > 1",
        'df["out.y"].max()',
        "lambda row: row > 1",
        '{"a": 1}',
        '"out.y" > ' + "1 + " * 200,
    ],
)
def test_a_rule_in_another_language_is_refused_in_a_line_that_names_sql(text: str) -> None:
    with pytest.raises(
        InvalidPipelineFile, match=re.escape(f"a rule here is SQL, not Python, such as {EXAMPLE}")
    ) as refused:
        ruled(text)
    message = str(refused.value)
    assert len(message) < 350
    assert not re.search(r"Ident|Function|Span|[{]", message)


def test_a_list_that_is_too_short_is_no_anomaly_in_sql() -> None:
    assert anomalies(ruled(EXAMPLE), [[], [2e6]]) == [None, True]


@pytest.mark.parametrize(
    "text",
    [
        'ARRAY_LENGTH("out.variable") = 0',
        'ARRAY_MEAN("in.tensor") < 0.5 AND NOT ARRAY_CONTAINS("out.classes", 7)',
        'ARRAY_SUM("in.tensor") BETWEEN 1 AND 2',
        'ARRAY_GET("out.variable", -1) IS NULL',
        """CASE WHEN "in.kind" LIKE 'fruit%' THEN "out.variable"[1] > 1 ELSE false END""",
    ],
)
def test_what_the_page_says_of_sql_is_read(text: str) -> None:
    assert text in PAGE.read_text()
    assert read(ruled(text)).meta.root_names()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('"out.variable" >', "unable to parse"),
        ("", 'validations.rule: ""; expected a rule in SQL'),
        ("read_csv('/etc/hostname')", "unsupported function 'read_csv'"),
        ("(SELECT 1)", "a node 'SubPlan'"),
        ("\"out.variable\" = '1'; DROP TABLE x", "unexpected token ';'"),
        ('"out.variable"[1] IN (1, 2)', "a literal that is no number, text, boolean, time or null"),
        ('"out.variable"[0] > 1', "expected the places of a list counted from 1"),
        ('ARRAY_GET("out.variable", 0) > 1', "expected the places of a list counted from 1"),
    ],
)
def test_a_rule_that_is_none_or_runs_more_than_an_expression_is_refused(text: str, says: str) -> None:
    with pytest.raises(InvalidPipelineFile, match=f"^validations.rule: .*{re.escape(says)}|^{re.escape(says)}"):
        ruled(text)


@pytest.mark.parametrize(("name", "says"), [("too high", "'too high': expected letters"), ("count", "'count'")])
def test_a_rule_needs_a_name_that_can_end_a_column(name: str, says: str) -> None:
    with pytest.raises(InvalidPipelineFile, match=says):
        wanted(SHORTEST + f"validations: {{{name}: 'true'}}")
