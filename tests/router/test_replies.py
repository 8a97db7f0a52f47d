"""Records that the router sends instead of a task: their topics, their order, what they say."""

import json

from router import replies
from router.route import route
from schemas.errors import Refused
from schemas.pipelines import ModelStep
from schemas.topics import TopicNames
from tests.nouns import frame, pinned, pipeline_version

TOPICS = TopicNames("test")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
REFUSAL = Refused("NotDeployed", "pipeline p is not deployed", "route")


def headers(reply: replies.Reply) -> dict[str, bytes | None]:
    return dict(reply.headers)


def test_a_dead_letter_goes_before_the_error_answer_of_the_same_request() -> None:
    letter, answer = replies.refused(TOPICS, frame("r"), REFUSAL, TRACE, 1_000)

    assert (letter.topic, answer.topic) == (TOPICS.deadletters, TOPICS.results)
    assert headers(letter)["request-id"] == headers(answer)["request-id"] == b"r"
    assert letter.value == frame("r").value
    assert headers(answer)["status"] == b"error"
    assert headers(answer)["traceparent"] == TRACE.encode()
    assert json.loads(answer.value)["error"] == "NotDeployed"


def test_the_error_answer_of_a_routed_task_names_its_version_and_model() -> None:
    version = pipeline_version(ModelStep(pinned("m")))
    (task,) = route(frame("r"), version)
    letter, answer = replies.undeliverable(TOPICS, task, Refused("ModelGone", "gone", "route"), 1_000)

    assert (letter.topic, answer.topic) == (TOPICS.deadletters, TOPICS.results)
    assert headers(answer)["pipeline-version"] == version.version.encode()
    assert b"m" in (headers(answer)["model"] or b"")


def test_an_expired_frame_has_one_answer_and_no_dead_letter() -> None:
    (answer,) = replies.expired(TOPICS, frame("r"), 500, None, 1_000)

    assert answer.topic == TOPICS.results
    assert headers(answer)["status"] == b"expired"


def test_a_shed_task_has_an_answer_on_the_topic_of_challengers() -> None:
    (task,) = route(frame("r"), pipeline_version(ModelStep(pinned("m"))))
    (answer,) = replies.shed(TOPICS, task, "not delivered in time", 1_000)

    assert answer.topic == TOPICS.shadows
    assert headers(answer)["status"] == b"shed"
    assert "not delivered in time" in json.loads(answer.value)["message"]
