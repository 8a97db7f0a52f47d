"""`route`: which tasks a frame becomes, and what their slips pin."""

import json
import math
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from router.route import expires_at, hash_value, route
from schemas.errors import Refused
from schemas.frames import RawHeaders
from schemas.limits import HASH_KEY_BYTES_MAX
from schemas.pipelines import ModelStep, RandomSplit, ShadowDeploy, WeightedModel
from schemas.results import why_expired
from schemas.tables.read import encode_table
from schemas.tasks import split_slip, task_headers
from tests.nouns import frame, pinned, pipeline_version

CHAMPION, CHALLENGER, SECOND, POST = (pinned(name) for name in ("champion", "challenger", "second", "post"))
SPLIT = RandomSplit((WeightedModel(2, CHAMPION), WeightedModel(1, CHALLENGER)))
BY_KEY = RandomSplit((WeightedModel(2, CHAMPION), WeightedModel(1, CHALLENGER)), hash_key="camera")


def records(**columns: object) -> bytes:
    return json.dumps([columns]).encode()


def test_a_model_step_makes_one_official_task() -> None:
    (task,) = route(frame("r1"), pipeline_version(ModelStep(CHAMPION), ModelStep(POST)))
    assert (task.lane, task.lane_of) == ("official", CHAMPION.key)
    assert task.slip.path == (CHAMPION.key, POST.key)
    assert (task.slip.role, task.slip.answers, task.slip.parts) == ("champion", CHAMPION.key, 0)
    assert task.slip.split == ()


def test_a_split_sends_to_one_arm_and_says_how_it_chose() -> None:
    (task,) = route(frame("r1"), pipeline_version(SPLIT, ModelStep(POST)))
    assert task.slip.role == "chosen"
    assert task.slip.path == (task.slip.answers, POST.key)
    (choice,) = task.slip.split
    assert choice.weights == (("champion", 2), ("challenger", 1))
    assert isinstance(choice.weights[0][1], int)
    assert (choice.name, choice.sha) == (task.slip.answers.name, task.slip.sha256)
    assert (choice.position, choice.hash_key, choice.missing) == (None, None, False)


def test_the_same_request_always_goes_the_same_way() -> None:
    version = pipeline_version(SPLIT)
    for number in range(200):
        first, again = (route(frame(f"request-{number}", offset=offset), version)[0] for offset in (number, 5000))
        assert first.slip.answers == again.slip.answers


def test_a_text_header_sticks_and_wins_over_a_column() -> None:
    version = pipeline_version(BY_KEY)
    headers: RawHeaders = [("camera", b"7")]
    arms = {route(frame(f"r{n}", records(camera=0.99), headers=headers), version)[0].slip.answers for n in range(50)}
    assert len(arms) == 1


def test_a_text_column_sticks() -> None:
    version = pipeline_version(BY_KEY)
    arms = {route(frame(f"r{n}", records(camera="door")), version)[0].slip.answers for n in range(50)}
    assert len(arms) == 1


@pytest.mark.parametrize(
    ("value", "arm"),
    [(0, "champion"), (0.66, "champion"), (0.67, "challenger"), (1, "challenger")],
)
def test_a_number_is_a_position(value: float, arm: str) -> None:
    (task,) = route(frame("r", records(camera=value)), pipeline_version(BY_KEY))
    assert task.slip.answers.name == arm
    assert task.slip.split[0].position == value


@pytest.mark.parametrize("value", [17, -1, 1.5, True, 10**400, -(10**400)])
def test_a_number_that_is_no_position_is_refused_with_advice(value: object) -> None:
    with pytest.raises(Refused, match="expected") as refused:
        route(frame("r", records(camera=value)), pipeline_version(BY_KEY))
    assert refused.value.error == "HashKeyOutOfRange"


def test_nan_is_refused() -> None:
    value = encode_table(pa.table({"camera": [math.nan]}))
    with pytest.raises(Refused, match=r"nan; expected a number from 0\.0 to 1\.0 \(send ids as text\)"):
        route(frame("r", value), pipeline_version(BY_KEY))


@pytest.mark.parametrize(
    "column",
    [
        pa.array([9 * 10**18], pa.timestamp("s")),
        pa.array([0], pa.timestamp("s", tz="Nowhere/Bad")),
        pa.array([2**62], pa.duration("s")),
        pa.array([{"a": 1}]),
        pa.array([b"bytes"]),
    ],
    ids=["no calendar", "no time zone", "too long", "a struct", "bytes"],
)
def test_a_hash_key_of_any_other_kind_is_refused_and_stops_no_router(column: "pa.Array[Any]") -> None:
    with pytest.raises(Refused):
        route(frame("r", encode_table(pa.table({"camera": column}))), pipeline_version(BY_KEY))


def test_a_column_that_stands_twice_is_refused() -> None:
    table = pa.Table.from_arrays([pa.array([0.1]), pa.array([0.9])], ["camera", "camera"])
    with pytest.raises(Refused, match="stands twice"):
        route(frame("r", encode_table(table)), pipeline_version(BY_KEY))


def test_a_missing_hash_key_falls_back_to_the_request_id_and_says_so() -> None:
    image, table = frame("r1"), frame("r1", records(other=1))
    plain = route(image, pipeline_version(SPLIT))[0].slip.answers
    for request in (image, table):
        (task,) = route(request, pipeline_version(BY_KEY))
        assert task.slip.split[0].missing
        assert task.slip.answers == plain


def test_a_shadow_deploy_fans_out_and_only_the_champion_is_official() -> None:
    step = ShadowDeploy(CHAMPION, (CHALLENGER, SECOND))
    official, *shadows = route(frame("r1"), pipeline_version(step, ModelStep(POST)))
    assert official.slip.path == (CHAMPION.key, POST.key)
    assert official.slip.role == "champion"
    assert [task.slip.path for task in shadows] == [(CHALLENGER.key,), (SECOND.key,)]
    assert {task.slip.role for task in shadows} == {"challenger"}
    assert {task.slip.parts for task in (official, *shadows)} == {2}
    assert [(task.lane, task.lane_of) for task in shadows] == [
        ("shadow", CHALLENGER.key),
        ("shadow", SECOND.key),
    ]


def test_a_challenger_in_the_middle_gets_the_steps_before_it_again() -> None:
    first = pinned("first")
    step = ShadowDeploy(CHAMPION, (CHALLENGER,))
    official, shadow = route(frame("r1"), pipeline_version(ModelStep(first), step))
    assert official.slip.path == (first.key, CHAMPION.key)
    assert shadow.slip.path == (first.key, CHALLENGER.key)
    assert shadow.lane_of == CHALLENGER.key
    assert official.slip.answers == CHAMPION.key


def test_a_split_before_a_shadow_is_in_both_slips() -> None:
    step = ShadowDeploy(SECOND, (POST,))
    official, shadow = route(frame("r1"), pipeline_version(SPLIT, step))
    assert official.slip.split == shadow.slip.split
    assert official.slip.path[0] == shadow.slip.path[0] == official.lane_of
    assert (official.slip.role, official.slip.answers) == ("champion", SECOND.key)


def test_a_share_shadows_some_requests_and_parts_tell() -> None:
    version = pipeline_version(ShadowDeploy(CHAMPION, (CHALLENGER,), share=0.5))
    sizes = {len(tasks): tasks[0].slip.parts for n in range(100) if (tasks := route(frame(f"r{n}"), version))}
    assert sizes == {1: 0, 2: 1}


def test_two_versions_of_one_name_in_a_split_are_told_apart() -> None:
    old, new = pinned("m", "v1"), pinned("m", "v2")
    version = pipeline_version(RandomSplit((WeightedModel(1, old), WeightedModel(1, new))))
    (task,) = route(frame("r1"), version)
    assert [name for name, _ in task.slip.split[0].weights] == ["m@v1", "m@v2"]


def test_a_pipeline_without_steps_is_refused() -> None:
    with pytest.raises(Refused, match="has no steps") as refused:
        route(frame("r1"), pipeline_version())
    assert refused.value.error == "NoSteps"


@pytest.mark.parametrize(
    ("column", "goes_by"),
    [
        (pa.array(["door"]), "door"),
        (pa.array([["door"]]), "door"),
        (pa.array(["door"]).dictionary_encode(), "door"),
        (pa.array(["door"], pa.string_view()), "door"),
        (pa.array([[0.75]], pa.list_(pa.float32(), 1)), 0.75),
        (pa.array([None], pa.string()), None),
        (pa.array([[None]], pa.list_(pa.string())), None),
        (pa.array([None], pa.list_(pa.string())), None),
        (pa.nulls(1), None),
    ],
)
def test_a_column_says_its_text_or_number_also_alone_in_a_list(column: Any, goes_by: str | float | None) -> None:
    value = encode_table(pa.table({"tensor": [[1.0, 2.0]], "camera": column}))
    assert hash_value(frame("r", value), "camera") == goes_by


@pytest.mark.parametrize(
    ("value", "came"),
    [
        (records(camera=["a", "b"]), "is a list"),
        (records(camera={"a": 1}), "is an object"),
        (records(camera=True), "is True"),
        (records(camera="x" * (HASH_KEY_BYTES_MAX + 1)), f"a text of {HASH_KEY_BYTES_MAX + 1} bytes"),
        (encode_table(pa.table({"camera": [["a", "b"]]})), r"is list<item: string>"),
        (encode_table(pa.table({"camera": [b"door"]})), "is binary"),
        (encode_table(pa.table({"camera": ["x" * (HASH_KEY_BYTES_MAX + 1)]})), "a text of"),
    ],
)
def test_a_column_of_anything_else_is_no_hash_key(value: bytes, came: str) -> None:
    with pytest.raises(Refused, match=came) as refused:
        hash_value(frame("r", value), "camera")
    assert refused.value.error == "HashKeyOutOfRange"


def test_whatever_nobody_foresaw_is_a_refusal_of_this_one_frame() -> None:
    without_arms = pipeline_version(RandomSplit(()))
    with pytest.raises(Refused, match=r"Error: .*report it") as refused:
        route(frame("r1"), without_arms)
    assert refused.value.error == "RouteFailed"


def test_a_request_without_an_id_is_named_by_its_place() -> None:
    (task,) = route(frame(None), pipeline_version(ModelStep(CHAMPION)))
    assert task.slip.request_id == "TOPIC.2.7"


@pytest.mark.parametrize("bad", ["", "a b", "x" * 129, "ä", "a/b"])
def test_an_invalid_request_id_is_replaced(bad: str) -> None:
    (task,) = route(frame(bad), pipeline_version(ModelStep(CHAMPION)))
    assert task.slip.request_id == "TOPIC.2.7"


def test_a_slip_travels_in_one_header_behind_the_frames_own() -> None:
    request = frame("r1", headers=[("slip", b"the producer's own"), ("camera", b"7"), ("empty", None)])
    (task,) = route(request, pipeline_version(SPLIT))
    slip, headers = split_slip(task_headers(request, task.slip))
    assert slip == task.slip
    assert tuple(headers) == request.headers


def test_a_record_without_a_slip_is_recognised() -> None:
    with pytest.raises(ValueError, match="not sent by a router"):
        split_slip([("pipeline", b"shop")])


def test_a_frame_expires_by_its_own_deadline_or_by_the_age_that_the_version_allows_whichever_is_first() -> None:
    patient = pipeline_version(ModelStep(pinned("a")))
    hasty = msgspec.structs.replace(patient, frame_age_ms_max=500)
    headers: list[RawHeaders] = [[], [("deadline", b"1200")], [("deadline", b"9000")]]
    plain, early, late = (frame("r", headers=one) for one in headers)
    assert [expires_at(one, patient) for one in (plain, early, late)] == [None, 1200, 9000]
    assert [expires_at(one, hasty) for one in (plain, early, late)] == [1500, 1200, 1500]
    assert route(plain, hasty)[0].slip.deadline == 1500


def test_an_expired_answer_says_whose_time_was_over() -> None:
    its_own = why_expired(frame("r", headers=[("deadline", b"1200")]), 1200, "its turn came")
    assert its_own == "the deadline 1200 (Unix ms) had passed when its turn came"
    assert "frame_age_ms_max ended at 1500, before its turn came" in why_expired(frame("r"), 1500, "its turn came")


@pytest.mark.parametrize("named", [b"image/jpeg", b"image/jpg", b"Image/X-PNG; q=1"])
def test_a_frame_that_lies_elsewhere_has_no_columns_where_its_header_says_that_it_is_an_image(named: bytes) -> None:
    headers: RawHeaders = [("reference", b"s3://frames/1"), ("content-type", named)]
    assert hash_value(frame(value=b"", headers=headers), "camera") is None


@pytest.mark.parametrize("named", [None, b"", b"application/octet-stream", b"application/json", b"text/json"])
def test_a_frame_that_lies_elsewhere_and_may_be_a_table_names_its_hash_key_in_a_header(named: bytes | None) -> None:
    headers: RawHeaders = [("reference", b"s3://frames/1"), ("content-type", named)]
    with pytest.raises(Refused, match="send the hash key as a header") as refused:
        hash_value(frame(value=b"", headers=headers), "camera")
    assert refused.value.error == "MissingHeader"
