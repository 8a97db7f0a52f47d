"""What `apply` does: a pipeline file compared with a catalog. Pure: catalogs are made of records here."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from adapters.rules import written
from schemas import models
from schemas.catalog import (
    Catalog,
    CatalogRecord,
    LivePointer,
    ModelConfigured,
    ModelUploaded,
    PipelineTagged,
    PipelineVersionAdded,
    VersionOffered,
    WorkspaceCreated,
)
from schemas.models import Configuration, GivenInput, ImageSettings, PinnedModel, TensorSpec
from schemas.names import PipelineName
from schemas.pipelines import ModelStep, PipelineVersion, RandomSplit, ShadowDeploy, Step, Validation, WeightedModel
from sparring.pipeline_file.describe import configuration_in_words, step_in_words, steps_in_words
from sparring.pipeline_file.diff import differences
from sparring.pipeline_file.parse import read_pipeline_file
from sparring.pipeline_file.plan import NEW, plan_of
from sparring.pipeline_file.yaml import InvalidPipelineFile
from tests.nouns import pinned

SHELF = PipelineName("default", "shelf")
A, B, C = (pinned(name, version=f"{name * 4}-0001") for name in "abc")
SPLIT = RandomSplit((WeightedModel(2, A), WeightedModel(1, B)), "camera")
SPLIT_TEXT = "{random_split: {hash_key: camera, weights: [{model: a, weight: 2}, {model: b, weight: 1}]}}"
RULE = written("high", pl.sql_expr('"out.out"[1] > 5'))


class System:
    """A catalog, written record by record."""

    def __init__(self, *pins: PinnedModel) -> None:
        self.catalog = Catalog()
        for one in pins:
            self.append(ModelUploaded(one.model))

    def append(self, record: CatalogRecord) -> int:
        self.catalog.apply(self.catalog.offset, 1000, record)
        return self.catalog.offset - 1

    def version(self, name: str, *steps: Step, rules: tuple[Validation, ...] = (), live: bool = False) -> None:
        self.append(PipelineVersionAdded(PipelineVersion("default", "shelf", name, steps, 0, rules)))
        if live:
            self.append(VersionOffered(SHELF, name, 10))
            self.append(LivePointer(SHELF, name, self.catalog.pipelines[SHELF].pointer, "ana@lab"))

    def undeploy(self) -> None:
        self.append(LivePointer(SHELF, None, self.catalog.pipelines[SHELF].pointer, "ana@lab"))

    def lines(self, text: str, uploaded: Mapping[str, models.ModelVersion] | None = None) -> list[str]:
        """What applying the file would do. uploaded: the versions of the files that it names."""
        spec = read_pipeline_file(text.encode(), Path(__file__).parent, "default")
        return [str(one) for one in differences(plan_of(spec, uploaded or {}, self.catalog), self.catalog)]


def file(*steps: str, more: str = "") -> str:
    return f"pipeline: shelf\nsteps: [{', '.join(steps)}]\n{more}\n"


def with_file(configure: str = "") -> str:
    """A file that names this module as the file of model a."""
    return file("{model: a}", more=f"models: {{a: {{path: {Path(__file__).name}{configure}}}}}")


def new(one: PinnedModel) -> models.ModelVersion:
    return msgspec.structs.replace(one.model, version=NEW, sha256="f" * 64)


def test_in_an_empty_system_everything_comes() -> None:
    assert System().lines(
        file("{model: a}", more=f"workspace: lab\ntags: [x, y]\nmodels: {{a: {{path: {Path(__file__).name}}}}}"),
        {"a": msgspec.structs.replace(new(A), workspace="lab")},
    ) == [
        "+ workspace lab",
        f"+ upload a  {Path(__file__).name}  sha ffffffff",
        "+ pipeline shelf",
        "+ step 0  a@new",
        "+ deploy shelf  a new version",
        "+ tag x",
        "+ tag y",
    ]


def test_what_is_live_as_it_is_wanted_leaves_nothing_to_do() -> None:
    system = System(A, B, C)
    system.version("v0001111-1", SPLIT, ModelStep(C), rules=(RULE,), live=True)
    text = file(SPLIT_TEXT, "{model: c@cccc-0001}", more="""validations: {high: '"out.out"[1] > 5'}""")
    assert system.lines(text) == []
    system.version("v0002222-2", ModelStep(A))
    assert system.lines(text) == [], "a later version that is not live does not matter"


def test_weights_compare_as_numbers_and_rules_in_any_order() -> None:
    other = written("low", pl.sql_expr('"out.out"[1] < 1'))
    system = System(A, B)
    system.version("v0001111-1", SPLIT, rules=(RULE, other), live=True)
    rules = """validations: {low: '"out.out"[1] < 1', high: '"out.out"[1] > 5'}"""
    assert system.lines(file(SPLIT_TEXT.replace("weight: 2", "weight: 2.0"), more=rules)) == []


@pytest.mark.parametrize(
    ("step", "came"),
    [
        (SPLIT_TEXT.replace("weight: 2", "weight: 3"), "split 3:1 a@aaaa-000, b@bbbb-000 by camera"),
        (SPLIT_TEXT.replace("hash_key: camera, ", ""), "split 2:1 a@aaaa-000, b@bbbb-000"),
        (SPLIT_TEXT.replace("model: b", "model: c"), "split 2:1 a@aaaa-000, c@cccc-000 by camera"),
        ("{shadow_deploy: {champion: a, challengers: [b]}}", "shadow a@aaaa-000 with b@bbbb-000"),
        (
            "{shadow_deploy: {champion: a, challengers: [b, c], share: 0.5}}",
            "shadow a@aaaa-000 with b@bbbb-000, c@cccc-000 share 0.5",
        ),
        ("{model: b}", "b@bbbb-000"),
    ],
)
def test_a_step_that_is_another_makes_a_new_version(step: str, came: str) -> None:
    system = System(A, B, C)
    system.version("v0001111-1", SPLIT, live=True)
    assert system.lines(file(step)) == [
        f"~ step 0  split 2:1 a@aaaa-000, b@bbbb-000 by camera -> {came}",
        "~ deploy shelf  version v0001111 -> a new version",
    ]


def test_a_step_more_or_less_and_a_rule_more_less_or_another_are_a_line_each() -> None:
    system = System(A, B)
    other = written("low", pl.sql_expr('"out.out"[1] < 1'))
    system.version("v0001111-1", ModelStep(A), ModelStep(B), rules=(RULE, other), live=True)
    text = """validations: {high: '"out.out"[1] > 6', odd: '"out.out"[1] = 7'}"""
    high = '[(col("out.out").list.get([dyn int: 0])) > (dyn int: {})]'
    assert system.lines(file("{model: a}", more=text)) == [
        "- step 1  b@bbbb-000",
        f"~ validation high  {high.format(5)} -> {high.format(6)}",
        "- validation low",
        '+ validation odd  [(col("out.out").list.get([dyn int: 0])) == (dyn int: 7)]',
        "~ deploy shelf  version v0001111 -> a new version",
    ]
    same = file("{model: a}", "{model: b}", more="""validations: {high: '"out.out"[1] > 5'}""")
    assert system.lines(same) == ["- validation low", "~ deploy shelf  version v0001111 -> a new version"]
    assert system.lines(file("{model: a}", "{model: b}", "{model: a}"))[0] == "+ step 2  a@aaaa-000"


def test_another_age_of_frames_makes_a_new_version() -> None:
    system = System(A)
    system.version("v0001111-1", ModelStep(A), live=True)
    assert system.lines(file("{model: a}", more="frame_age_ms_max: 5000")) == [
        "~ frame age shelf  any -> at most 5000 ms",
        "~ deploy shelf  version v0001111 -> a new version",
    ]


def test_a_file_whose_bytes_are_others_is_uploaded_and_its_steps_follow() -> None:
    system = System(A)
    system.version("v0001111-1", ModelStep(A), live=True)
    assert system.lines(with_file(), {"a": A.model}) == []
    assert system.lines(with_file(), {"a": new(A)}) == [
        f"+ upload a  {Path(__file__).name}  sha ffffffff  the newest is version aaaa-000",
        "~ step 0  a@aaaa-000 -> a@new",
        "~ deploy shelf  version v0001111 -> a new version",
    ]


def test_a_configuration_that_is_another_is_set_and_deployed_with_a_new_version() -> None:
    system = System(A)
    system.version("v0001111-1", ModelStep(A), live=True)
    text = with_file(", configure: {batch_config: single}")
    assert system.lines(text, {"a": A.model}) == [
        '~ configure a  batch_config null -> "single"',
        "~ step 0  a@aaaa-000, with its models as they are configured now",
        "~ deploy shelf  version v0001111 -> a new version",
    ]
    system.append(ModelConfigured(A.key, Configuration(runtime="onnx", batch_config="single")))
    assert [line.split()[1] for line in system.lines(text, {"a": A.model})] == ["step", "deploy"]
    single = PinnedModel(A.model, Configuration(runtime="onnx", batch_config="single"))
    system.version("v0002222-2", ModelStep(single), live=True)
    assert system.lines(text, {"a": A.model}) == []
    assert system.lines(with_file(), {"a": A.model}) == [], "without configure it stays as it is"
    assert (
        system.lines(with_file(", configure: {}"), {"a": A.model})[0] == '~ configure a  batch_config "single" -> null'
    )


def test_a_new_version_of_a_model_is_configured_as_the_file_says_or_has_the_defaults() -> None:
    system = System(A)
    system.append(ModelConfigured(A.key, Configuration(runtime="onnx", batch_config="single")))
    text = with_file(", configure: {class_names: coco}")
    assert "+ configure a  class_names 80 of them" in system.lines(text, {"a": new(A)})
    assert [line for line in system.lines(with_file(), {"a": new(A)}) if "configure" in line] == []


def test_a_model_in_the_file_that_no_step_names_is_uploaded_and_nothing_else() -> None:
    system = System(A, B)
    system.version("v0001111-1", ModelStep(B), live=True)
    assert system.lines(with_file().replace("model: a", "model: b"), {"a": new(A)}) == [
        f"+ upload a  {Path(__file__).name}  sha ffffffff  the newest is version aaaa-000"
    ]


def test_a_step_takes_the_newest_version_unless_it_names_one_by_its_beginning() -> None:
    newer = pinned("a", version="dddd-0002")
    system = System(A, newer)
    system.version("v0001111-1", ModelStep(A), live=True)
    assert system.lines(file("{model: a@aaaa}")) == []
    assert system.lines(file("{model: a}"))[0] == "~ step 0  a@aaaa-000 -> a@dddd-000"


def test_the_latest_version_is_deployed_where_it_is_as_it_is_wanted() -> None:
    system = System(A, B)
    system.version("v0001111-1", ModelStep(A), live=True)
    system.version("v0002222-2", ModelStep(B))
    assert system.lines(file("{model: b}"))[-1] == "~ deploy shelf  version v0001111 -> version v0002222"
    system.undeploy()
    assert system.lines(file("{model: b}")) == ["+ deploy shelf  version v0002222"]
    assert system.lines(file("{model: a}"))[-1] == "+ deploy shelf  a new version", "older ones are not looked for"


def test_what_is_not_to_be_live_is_undeployed_and_a_version_of_other_steps_only_added() -> None:
    off = "deployed: false"
    system = System(A, B)
    system.version("v0001111-1", ModelStep(A), live=True)
    assert system.lines(file("{model: a}", more=off)) == ["- deploy shelf  version v0001111"]
    assert system.lines(file("{model: b}", more=off)) == [
        "- deploy shelf  version v0001111",
        "~ step 0  a@aaaa-000 -> b@bbbb-000",
        "+ version shelf  not deployed",
    ]
    system.undeploy()
    assert system.lines(file("{model: a}", more=off)) == []


def test_tags_are_just_those_of_the_file_and_left_alone_where_it_has_none() -> None:
    system = System(A)
    system.version("v0001111-1", ModelStep(A), live=True)
    for tag in ("old", "kept"):
        system.append(PipelineTagged(SHELF, tag, tagged=True))
    assert system.lines(file("{model: a}")) == []
    assert system.lines(file("{model: a}", more="tags: [new, kept]")) == ["+ tag new", "- tag old"]
    assert system.lines(file("{model: a}", more="tags: []")) == ["- tag old", "- tag kept"]


def test_a_workspace_that_is_there_is_not_made_again() -> None:
    system = System(pinned("a", workspace="lab"))
    system.append(WorkspaceCreated("lab", "id", "ana", 0))
    assert system.lines(file("{model: a}", more="workspace: lab"))[0] == "+ pipeline shelf"


# --- what is refused before anything is done -------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        (
            "{model: x}",
            'steps[0].model: "x"; expected a model of the file or of workspace default, which has a, b, c; `sparring',
        ),
        ("{model: a@ffff}", 'steps[0].model: "a@ffff"; expected one of the versions aaaa-0001, or the beginning of'),
        ("{model: a@aaa}", 'steps[0].model: "a@aaa"; expected one of the versions aaaa-0001'),
        (
            "{model: a}, {shadow_deploy: {champion: a, challengers: [x]}}",
            'steps[1].shadow_deploy.challengers[0]: "x"; expected a model',
        ),
        (
            "{random_split: {weights: [{model: a, weight: 1}, {model: a@aaaa, weight: 1}]}}",
            "steps[0].random_split: models: default/a@aaaa-0001 stands twice in one step",
        ),
    ],
)
def test_steps_that_cannot_run_are_refused_with_their_place(steps: str, says: str) -> None:
    with pytest.raises(InvalidPipelineFile) as caught:
        System(A, B, C).lines(f"pipeline: shelf\nsteps: [{steps}]")
    assert str(caught.value).startswith(says)


def test_steps_that_do_not_fit_and_rules_that_cannot_be_evaluated_are_refused() -> None:
    wide = msgspec.structs.replace(
        A.model, name="wide", inputs=(TensorSpec("x", "float32"), TensorSpec("y", "float32"))
    )
    system = System(A, PinnedModel(wide, A.configuration))
    with pytest.raises(InvalidPipelineFile, match=r"^steps: step 1, wide, cannot follow a: no output 'x', 'y'"):
        system.lines(file("{model: a}", "{model: wide}"))
    with pytest.raises(
        InvalidPipelineFile, match=r"^validation 'high' cannot be evaluated over a: no column 'out.price'"
    ):
        system.lines(file("{model: a}", more="""validations: {high: '"out.price"[1] > 5'}"""))


@pytest.mark.parametrize(
    ("configure", "says"),
    [
        ("tensor_fields: [a, b]", "models.a.configure.tensor_fields: 2 columns for 1 inputs"),
        ("batch_config: double", "models.a.configure.batch_config: 'double'; expected None or 'single'"),
        ("image: {wide: 3}", "models.a.configure.image: unknown ['wide']"),
        ("image: {colour: bgr}", "models.a.configure.image: colour 'bgr'; expected one of 'RGB', 'BGR'"),
        ("class_names: 3", "models.a.configure.class_names: int; expected a list"),
        ("runtime: python", "models.a.configure.runtime: 'python'; a was uploaded as 'onnx'"),
        ("batch_rows_max: 0", "models.a.configure.batch_rows_max: 0; expected at least 1"),
    ],
)
def test_what_configure_refuses_is_refused_with_its_place(configure: str, says: str) -> None:
    with pytest.raises(InvalidPipelineFile) as caught:
        System(A).lines(with_file(f", configure: {{{configure}}}"), {"a": A.model})
    assert str(caught.value).startswith(says)


# --- words ----------------------------------------------------------------------------------


def test_image_settings_in_words_are_what_differs_from_the_defaults_and_whole() -> None:
    image = ImageSettings(
        aspect="letterbox", pad=(114, 114, 114), place="centre", inputs=(GivenInput("s", ("width",)),)
    )
    assert configuration_in_words(Configuration("onnx", image=image)) == (
        'image {"aspect":"letterbox","pad":[114,114,114],"place":"centre","inputs":{"s":["width"]}}'
    )
    assert configuration_in_words(Configuration("onnx"), Configuration("onnx", image=ImageSettings(width=64))) == (
        'image {"width":64} -> {}'
    )


def test_steps_in_words() -> None:
    both: list[Any] = [SPLIT, ModelStep(C)]
    assert steps_in_words(both) == "split 2:1 a, b by camera > c"
    assert steps_in_words([]) == ""
    assert step_in_words(ShadowDeploy(A, (B, C), 0.25)) == "shadow a with b, c share 0.25"
    twice = RandomSplit((WeightedModel(0.5, A), WeightedModel(1, pinned("a", version="dddddddd-2"))))
    assert step_in_words(twice) == "split 0.5:1 a@aaaa-000, a@dddddddd"
