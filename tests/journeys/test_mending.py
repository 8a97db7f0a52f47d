"""After something went wrong: dead letters are sent again, Redis is rebuilt from the topics."""

import contextlib
import dataclasses
from collections.abc import Callable

import redis

from adapters.clock import now_ms
from schemas.frames import RawHeaders
from schemas.keys import Keys
from schemas.names import PipelineName
from sparring import Client, ModelVersion, Pipeline
from sparring.ledger.read import verify
from sparring.operations.deadletters import read_dead_letters, resend
from sparring.operations.rebuild import rebuild
from sparring.stack import LocalStack
from sparring.system.connection import Connection
from tests.journeys.accounts import settled
from tests.journeys.wire import Wire

Scale = Callable[[str, float], ModelVersion]
ROW = b'[{"tensor": [1, 2]}]'


def test_a_dead_letter_is_sent_again_as_a_new_request_that_names_the_old_one(
    client: Client, pipeline: Pipeline, scale: Scale, wire: Wire
) -> None:
    pipeline.add_model_step(scale("double", 2.0))
    connection = client._connection  # noqa: SLF001 (what the command line opens by itself)
    since = now_ms()
    headers: RawHeaders = [("camera", b"door-3"), ("deadline", b"99999999999999"), ("error", b"the camera's own")]
    refused = wire.send(pipeline.name(), ROW, key=b"camera-7", headers=headers)
    assert wire.answer(refused).failure().error == "NotDeployed"
    wire.deadletter(refused)
    (letter,) = [one for one in read_dead_letters(connection, since) if one.request_id == refused]
    assert (letter.error, letter.stage, letter.attempts, letter.value) == ("NotDeployed", "route", "1", ROW)
    assert letter.pipeline == pipeline.name()

    pipeline.deploy()
    again = resend(connection, letter)
    answer = wire.answer(again)
    assert (answer.status, answer.key, answer.request_id) == ("ok", b"camera-7", again)
    assert again != refused
    elsewhere = resend(connection, letter, PipelineName("default", "nobodys"))
    assert wire.answer(elsewhere).failure().error == "UnknownPipeline"
    headers_again, _ = wire.deadletter(elsewhere)
    assert headers_again["replay-of"] == refused
    assert (headers_again["camera"], headers_again["pipeline"]) == ("door-3", "default/nobodys")
    assert "deadline" not in headers_again
    (own,) = [one for one in read_dead_letters(connection, since) if one.request_id == elsewhere]
    assert ("error", b"the camera's own") in own.headers


def test_an_emptied_index_is_rebuilt_from_the_topics(
    client: Client, stack: LocalStack, pipeline: Pipeline, scale: Scale, wire: Wire
) -> None:
    since = now_ms()
    champion, rival = scale("double", 2.0), scale("triple", 3.0)
    pipeline.add_shadow_deploy(champion, [rival]).deploy()
    ids = [wire.send(pipeline.name(), ROW) for _ in range(250)]
    wire.answers(ids)
    wire.challengers(ids)
    connection = client._connection  # noqa: SLF001 (as above)
    settled(client, since, pipeline)
    keys = Keys(stack.namespace)
    with redis.Redis.from_url(stack.redis) as index:
        index.delete(keys.pipeline(f"default/{pipeline.name()}"), *(keys.request(one) for one in ids))
    assert len(verify(connection, since, now_ms()).findings) == 250
    assert pipeline.logs().empty
    with contextlib.closing(Connection(dataclasses.replace(connection.settings, result_ttl_s=1000))) as own:
        official, challengers = rebuild(own, since, lambda _topic, _count: None)
    with redis.Redis.from_url(stack.redis) as index:
        assert all(0 < index.ttl(keys.request(one)) <= 1000 for one in ids), "as long as the setting says"
    assert min(official, challengers) >= 250  # a topic may hold an answer twice
    assert verify(connection, since, now_ms()).in_order
    logs = pipeline.logs(limit=1000)
    assert len(logs) == 250
    assert logs["out_triple.y"].tolist() == [[3.0, 6.0]] * 250
