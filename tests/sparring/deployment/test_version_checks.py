"""What can never work is refused before it is live, and what nobody knows yet is not. Pure."""

import polars as pl
import pytest
from msgspec import structs

from adapters.rules import written
from schemas.limits import RESULT_BYTES_MAX
from schemas.models import Configuration, PinnedModel, TensorSpec
from schemas.pipelines import ModelStep, RandomSplit, ShadowDeploy, Step, WeightedModel
from sparring.deployment.version_checks import check_version
from tests.nouns import pinned, pipeline_version

Shape = tuple[int | None, ...] | None


def model(name: str, takes: TensorSpec, *gives: TensorSpec, fields: tuple[str, ...] | None = None) -> PinnedModel:
    like = pinned(name)
    return PinnedModel(
        structs.replace(like.model, inputs=(takes,), outputs=gives), Configuration("onnx", tensor_fields=fields)
    )


def step(name: str, takes: TensorSpec, *gives: TensorSpec) -> PinnedModel:
    return PinnedModel(pinned(name).model, Configuration("python", inputs=(takes,), outputs=gives))


def first(dtype: str = "float32", shape: Shape = (None, 2), name: str = "y") -> PinnedModel:
    return model("first", TensorSpec("tensor", "float32", (None, 2)), TensorSpec(name, dtype, shape))


def last(dtype: str = "float32", shape: Shape = (None, 2)) -> PinnedModel:
    return model("last", TensorSpec("a", dtype, shape), TensorSpec("b", "float32", (None, 2)))


def check(*steps: Step | PinnedModel) -> None:
    check_version(pipeline_version(*(ModelStep(one) if isinstance(one, PinnedModel) else one for one in steps)))


@pytest.mark.parametrize(
    ("gives", "takes"),
    [
        ("float32", "float32"),
        ("float64", "float32"),
        ("float32", "float64"),
        ("float32", "float16"),
        ("int64", "float32"),
        ("uint8", "float16"),
        ("int64", "int32"),
        ("string", "string"),
        ("bool", "bool"),
    ],
)
def test_what_is_cast_for_requests_may_follow(gives: str, takes: str) -> None:
    check(first(gives), last(takes))


@pytest.mark.parametrize(
    ("gives", "takes"),
    [("string", "float32"), ("float32", "string"), ("float32", "int64"), ("bool", "float32"), ("int64", "bool")],
)
def test_what_is_not_cast_is_refused_with_both_steps_names_and_dtypes(gives: str, takes: str) -> None:
    why = f"^steps: step 1, last, cannot follow first: its output 'y' is {gives}, the input 'a' takes {takes}$"
    with pytest.raises(ValueError, match=why):
        check(first(gives), last(takes))
    with pytest.raises(ValueError, match=f"is {gives}, the input 'a' takes {takes}"):
        check(first(gives), step("last", TensorSpec("a", takes), TensorSpec("b", "float32")))


@pytest.mark.parametrize(
    ("gives", "takes"),
    [
        ((None, 2), (None, 2)),
        ((None, None), (1, 2)),
        ((4, 2), (None, None)),
        (None, (None, 2)),
        ((None, 2), None),
        ((), (None, 2)),
    ],
)
def test_a_free_or_unknown_dimension_fits_any(gives: Shape, takes: Shape) -> None:
    check(first(shape=gives), last(shape=takes))


@pytest.mark.parametrize(
    ("gives", "takes", "says"),
    [
        ((None, 8), (None, 4), r"has the shape \[\?, 8\], the input 'a' takes \[\?, 4\]"),
        ((1, 3), (2, 3), r"has the shape \[1, 3\], the input 'a' takes \[2, 3\]"),
        ((None, 8), (None, 8, 1), r"has the shape \[\?, 8\], the input 'a' takes \[\?, 8, 1\]"),
    ],
)
def test_fixed_shapes_that_contradict_each_other_are_refused_with_both(gives: Shape, takes: Shape, says: str) -> None:
    with pytest.raises(ValueError, match=rf"last, cannot follow first: its output 'y' {says}"):
        check(first(shape=gives), last(shape=takes))


def test_a_scalar_is_refused_where_the_next_step_takes_dimensions_but_for_what_older_versions_stored() -> None:
    takes = TensorSpec("tensor", "float32", (None, 2))
    with pytest.raises(ValueError, match=r"'y' has the shape \[\], the input 'a' takes \[\?, 2\]"):
        check(model("first", takes, TensorSpec("y", "float32", (), per_row=False)), last())
    check(model("first", takes, TensorSpec("y", "float32", ())), last())


def test_a_model_without_inputs_is_refused() -> None:
    like = pinned("constant")
    with pytest.raises(ValueError, match="steps: constant has no inputs"):
        check(PinnedModel(structs.replace(like.model, inputs=()), like.configuration))


def test_every_arm_is_checked_and_of_a_shadow_what_the_champion_gives() -> None:
    good, bad = first(), structs.replace(first("string"), model=structs.replace(first("string").model, name="bad"))
    for arms in ((good, bad), (bad, good)):
        with pytest.raises(ValueError, match="last, cannot follow bad"):
            check(RandomSplit(tuple(WeightedModel(1, arm) for arm in arms)), last())
    check(ShadowDeploy(good, (bad,)), last())
    with pytest.raises(ValueError, match="last, cannot follow bad"):
        check(ShadowDeploy(bad, (good,)), last())
    taker = structs.replace(last("string"), model=structs.replace(last("string").model, name="taker"))
    for step_of_two in (
        ShadowDeploy(last(), (taker,)),
        RandomSplit((WeightedModel(1, last()), WeightedModel(0, taker))),
    ):
        with pytest.raises(ValueError, match="step 1, taker, cannot follow first"):
            check(good, step_of_two)


def test_tensor_fields_of_which_only_some_are_outputs_are_refused() -> None:
    gives = (TensorSpec("a", "float32"), TensorSpec("b", "float32"))
    two = model("two", TensorSpec("tensor", "float32"), *gives)
    taker = structs.replace(pinned("taker").model, inputs=gives, outputs=gives)
    for fields in (("a", "b"), ("b", "a"), ("x", "y")):  # the last are the columns of a request, where it is first
        check(two, PinnedModel(taker, Configuration("onnx", tensor_fields=fields)))
    with pytest.raises(ValueError, match=r"its tensor_fields name 'B', which is no output of the step before: a, b"):
        check(two, PinnedModel(taker, Configuration("onnx", tensor_fields=("B", "a"))))


@pytest.mark.parametrize("dtype", ["bfloat16", "int4", "float8e5m2"])
def test_a_type_that_an_older_version_uploaded_is_refused_wherever_it_stands(dtype: str) -> None:
    with pytest.raises(ValueError, match=rf"^steps: first: output 'y' is {dtype}, no answer can hold it"):
        check(first(dtype))
    with pytest.raises(ValueError, match=rf"^steps: last: input 'a' is {dtype}, no request can hold it"):
        check(first(), last(dtype))


@pytest.mark.parametrize("name", ["anomaly.count", "anomaly.score", "_model_split"])
def test_an_answers_output_with_a_name_that_results_use_is_refused_and_one_in_between_is_not(name: str) -> None:
    says = rf"^steps: first answers with the output '{name}'; .*: rename the output in the model, or add a step"
    plain = pinned("plain")
    for steps in (
        [first(name=name)],
        [RandomSplit((WeightedModel(1, plain), WeightedModel(1, first(name=name))))],
        [ShadowDeploy(plain, (first(name=name),))],
        [ShadowDeploy(plain, (first(name=name),)), last()],
    ):
        with pytest.raises(ValueError, match=says):
            check(*steps)
    check(first(name=name), last())
    check(first(name="anomaly"), last())


def test_an_answer_that_is_always_too_large_is_refused_with_the_output_and_what_helps() -> None:
    says = (
        rf"^steps: every answer of first has 22713600 bytes or more, expected at most {RESULT_BYTES_MAX}: its output "
        r"'y' is float32 \[1, 21, 520, 520\]; an ArgMax .*, a Python step behind it, or float16"
    )
    with pytest.raises(ValueError, match=says):
        check(first(shape=(1, 21, 520, 520)))
    with pytest.raises(ValueError, match=r"\[\?, 21, 520, 520\]"):
        check(first(shape=(None, 21, 520, 520)))
    check(first("float16", (1, 21, 520, 520)))
    check(first(shape=(1, 21, 520, 520)), last(shape=None))
    check(first(shape=(1, 21, None, 520)))
    check(first("bool", (1, 100, 1024, 1024)))


def test_outputs_that_are_too_large_together_are_refused() -> None:
    half = [TensorSpec(name, "float32", (1, RESULT_BYTES_MAX // 8)) for name in ("a", "b")]
    check(model("first", TensorSpec("tensor", "float32"), *half))
    with pytest.raises(ValueError, match="every answer of first"):
        check(model("first", TensorSpec("tensor", "float32"), *half, TensorSpec("c", "float32", (1,))))


def test_a_count_that_may_be_zero_is_no_batch() -> None:
    """Masks [N, 1, H, W] of a model whose own batch is fixed: N things found, perhaps none."""
    masks = TensorSpec("masks", "float32", (None, 1, 4096, 4096))
    check(model("first", TensorSpec("tensor", "float32", (1, 3, 4096, 4096)), masks))


def test_a_rule_over_an_output_that_is_not_there_is_refused() -> None:
    rule = written("high", pl.col("out.price").list.get(0) > 1)
    version = structs.replace(pipeline_version(ModelStep(first())), validations=(rule,))
    with pytest.raises(ValueError, match=r"validation 'high' cannot be evaluated over first: no column 'out.price'"):
        check_version(version)
