"""The router's producers, on a real broker: they know what is needed, and nothing that may be deleted."""

import gc
import weakref
from collections.abc import Iterator
from contextlib import closing

import pytest

from adapters.brokers import Brokers
from adapters.kafka.confirming_producer import ConfirmingProducer, DeliveryError
from adapters.settings import RouterSettings
from router.producers import Producers
from schemas.catalog import Deployed
from schemas.names import PipelineName
from schemas.pipelines import PipelineVersion, ShadowDeploy
from schemas.topics import TopicNames, work_topic
from sparring.kafka.broker import Broker
from sparring.stack import LocalStack
from tests.nouns import pinned, pipeline_version
from tests.waiting import eventually

NAMESPACE = "producers"
SHOP: Deployed = (PipelineName("default", "shop"), "pointer", 7)
TILL: Deployed = (PipelineName("default", "till"), "pointer", 8)


@pytest.fixture
def keeper(broker: LocalStack) -> Iterator[Broker]:
    with closing(Broker(Brokers(broker.kafka))) as asking:
        yield asking


def shadowed(champion: str, challenger: str) -> PipelineVersion:
    return pipeline_version(ShadowDeploy(pinned(champion), (pinned(challenger),)))


def topics_of(version: PipelineVersion) -> list[str]:
    """The official one first."""
    names = TopicNames(NAMESPACE)
    return [names.work(*lane) for lane in sorted(version.lanes(), key=lambda lane: lane[1])]


def made(keeper: Broker, version: PipelineVersion) -> None:
    keeper.create([work_topic(NAMESPACE, key, lane, partitions=1) for key, lane in version.lanes()])


def deleted(keeper: Broker, topics: list[str]) -> None:
    with keeper.admin("not deleted") as admin:
        admin.delete_topics(topics)
        eventually(lambda: not set(topics) & set(admin.list_topics()), 60, "the topics to be gone")


def sent(producer: ConfirmingProducer, topic: str, count: int = 1) -> list[DeliveryError | None]:
    """How each ended; filled when the broker says so."""
    settled: list[DeliveryError | None] = []
    for _ in range(count):
        producer.send(topic, b"key", b"value", [], settled.append)
    return settled


def test_producers_forget_what_no_deployment_needs_before_it_may_be_deleted(broker: LocalStack, keeper: Broker) -> None:
    shop, till = shadowed("a", "b"), shadowed("c", "d")
    for version in (shop, till):
        made(keeper, version)
    settings = RouterSettings(kafka=broker.kafka, namespace=NAMESPACE, shadow_delivery_ms=60_000)
    producers = Producers(settings)
    producers.follow({SHOP: shop})
    producers.follow({SHOP: shop, TILL: till})
    earlier = [weakref.ref(producer) for producer in (producers.official, producers.shadow)]
    official, shadow = topics_of(shop)
    answers, tasks = sent(producers.official, official, 50), sent(producers.shadow, shadow, 50)

    producers.follow({TILL: till})
    assert (answers, tasks) == ([None] * 50, [None] * 50), "who sent them was told"
    gc.collect()
    eventually(lambda: [one() for one in earlier] == [None, None], 60, "nobody to hold a client that knows them")

    deleted(keeper, [official, shadow])
    made(keeper, shop)
    producers.follow({TILL: till, SHOP: shop})
    came = sent(producers.official, official), sent(producers.shadow, shadow)
    producers.official.flush()
    assert producers.drain_shadow()
    assert came == ([None], [None])


def test_producers_stay_while_deployments_only_come(broker: LocalStack) -> None:
    producers = Producers(RouterSettings(kafka=broker.kafka, namespace=NAMESPACE))
    official, shadow = producers.official, producers.shadow
    producers.follow({})
    producers.follow({SHOP: shadowed("a", "b")})
    producers.follow({SHOP: shadowed("a", "b"), TILL: shadowed("c", "d")})
    assert (producers.official, producers.shadow) == (official, shadow)
