"""Compressed batches that the client does not unpack: it would meet them again for ever, and nothing behind them.

It refuses what zstd says unpacks to more than its `receive.message.max.bytes`. Where such a batch ends it does not say
either, so that is looked for: whoever asks for a record within one is told where its batch begins.
"""

import logging
import time
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from adapters.brokers import Brokers
from adapters.kafka.clients import consumer_config
from schemas.errors import RetryLater

log = logging.getLogger(__name__)

_ANSWER_S: Final = 10.0
_CODE: Final = KafkaError._BAD_COMPRESSION  # noqa: SLF001  # how confluent-kafka spells librdkafka's own codes


def cannot_be_unpacked(message: Message) -> bool:
    """Whether this is what a poll brought instead of such a batch; its offset is the batch's first."""
    error = message.error()
    return error is not None and error.code() == _CODE


def end_of_batch(kafka: Brokers, group: str, topic: str, partition: int, begin: int) -> int:
    """The first offset behind the batch at `begin`, by some questions, whose number grows with the logarithm
    of its length.

    Raises:
        RetryLater: the broker does not answer.
    """
    settings = consumer_config(kafka, group) | {
        "enable.partition.eof": True,
        "queued.max.messages.kbytes": 1024,
        # Behind the partition's end there is nothing; `earliest` would ask for its first batch once more.
        "auto.offset.reset": "latest",
    }
    consumer = Consumer(settings, logger=log)

    def holds(offset: int) -> bool:
        consumer.assign([TopicPartition(topic, partition, offset)])
        message = _asked(consumer, f"{topic}/{partition}/{offset}")
        first: Any = message.offset()
        return cannot_be_unpacked(message) and int(first) == begin

    try:
        inside, behind = begin, begin + 1
        while holds(behind):
            inside, behind = behind, behind + 2 * (behind - begin)
        while behind - inside > 1:
            middle = (inside + behind) // 2
            inside, behind = (middle, behind) if holds(middle) else (inside, middle)
        return behind
    finally:
        consumer.close()


def _asked(consumer: Consumer, place: str) -> Message:
    """What lies there, or that nothing does."""
    deadline_s = time.monotonic() + _ANSWER_S
    while time.monotonic() < deadline_s:
        message = consumer.poll(0.5)
        if message is None:
            continue
        error = message.error()
        if error is None or error.code() in {_CODE, KafkaError._PARTITION_EOF}:  # noqa: SLF001  # as above
            return message
    raise RetryLater(f"{place}: no answer in {_ANSWER_S:g} s")
