"""Official results, with kafka-python and pyarrow alone: nothing of ours is imported. See docs/kafka.md.

    python examples/consumers/kafka_alone.py localhost:9092 --group my-team --count 10

A line of JSON for each result; the group commits behind it once it is written.
"""

import argparse
import json
import sys
from typing import Any, Final

import pyarrow as pa
from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

ANSWER_BYTES_MAX: Final = 17 * 1024 * 1024
"""What the contract lets an answer be, its headers included; a client's default is 1 MB."""


def told(record: Any) -> dict[str, Any]:
    """What the headers say, and the outputs: per output a list for each input row."""
    headers = {name: value.decode() for name, value in record.headers}
    said = {name: headers.get(name) for name in ("request-id", "pipeline", "role", "model", "status")}
    if headers["status"] == "ok":
        table = pa.ipc.open_stream(record.value).read_all()
        return said | {"outputs": table.to_pydict()}
    failure: dict[str, str] = json.loads(record.value)  # error, message, stage
    return said | failure


def main() -> None:
    """Read until `--count` results are written; without it for ever."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("kafka", help="host:port")
    parser.add_argument("--group", required=True, help="whose place in the topic is kept")
    parser.add_argument("--namespace", default="sparring")
    parser.add_argument("--count", type=int, default=-1)
    given = parser.parse_args()
    consumer = KafkaConsumer(
        f"{given.namespace}.results",
        bootstrap_servers=given.kafka,
        group_id=given.group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=ANSWER_BYTES_MAX,
    )
    left = given.count
    try:
        while left != 0:
            record = next(consumer)
            sys.stdout.write(json.dumps(told(record)) + "\n")
            sys.stdout.flush()
            # Behind this record alone: more may have been read ahead.
            place = TopicPartition(record.topic, record.partition)
            consumer.commit({place: OffsetAndMetadata(record.offset + 1, "", -1)})
            left -= 1
    finally:
        consumer.close()


if __name__ == "__main__":
    main()
