"""The local stack: real servers, started, killed, started again."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import redis
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from schemas.limits import FRAME_BYTES_MAX, MIB
from schemas.topics import TopicNames, fixed_topics
from sparring.stack import LocalStack, StackError
from sparring.stack.folder import Addresses, Folder
from sparring.stack.status import read_status
from tests.waiting import eventually

SLEEP = (sys.executable, "-c", "import signal; signal.pause()")
STUBBORN = (
    sys.executable,
    "-c",
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); signal.pause()",
)

RUN_SERVERS = """
import signal, sys
from pathlib import Path
from sparring.stack import LocalStack
with LocalStack(Path(sys.argv[1]), services=()) as stack:
    stack.run("extra", (sys.executable, "-c", "import signal; signal.pause()"))
    print("ready", flush=True)
    signal.pause()
"""


def guest(broker: LocalStack, data: Path) -> LocalStack:
    """A stack without servers and services of its own: quick to start."""
    return LocalStack(data, on=broker, namespace="guest", services=())


def test_the_fixed_topics_are_there_before_any_service_starts(broker: LocalStack) -> None:
    admin = KafkaAdminClient(bootstrap_servers=broker.kafka)
    try:
        found = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics()}
    finally:
        admin.close()
    for topic in fixed_topics(broker.namespace):
        assert found[topic.name] == topic.partitions


def test_a_topic_that_nobody_created_does_not_appear_by_itself(broker: LocalStack) -> None:
    producer = KafkaProducer(bootstrap_servers=broker.kafka, max_block_ms=1000)
    try:
        with pytest.raises(KafkaError):
            producer.send(f"{broker.namespace}.mistyped", b"frame").get(timeout=5)
    finally:
        producer.close()


def test_a_frame_of_the_largest_size_passes_the_broker(broker: LocalStack) -> None:
    frame = bytes(FRAME_BYTES_MAX)
    producer = KafkaProducer(bootstrap_servers=broker.kafka, max_request_size=FRAME_BYTES_MAX + MIB)
    try:
        sent = producer.send(TopicNames(broker.namespace).frames, frame, partition=0).get(timeout=20)
    finally:
        producer.close()
    consumer = KafkaConsumer(
        bootstrap_servers=broker.kafka, group_id=None, max_partition_fetch_bytes=FRAME_BYTES_MAX + MIB
    )
    try:
        place = TopicPartition(sent.topic, sent.partition)
        consumer.assign([place])
        consumer.seek(place, sent.offset)
        records = eventually(lambda: consumer.poll(timeout_ms=500), 60, "the frame")
    finally:
        consumer.close()
    assert records[place][0].value == frame


def test_valkey_answers(broker: LocalStack) -> None:
    with redis.Redis.from_url(broker.redis) as client:
        assert client.ping()


def test_stack_json_holds_the_addresses_while_the_stack_runs(broker: LocalStack, tmp_path: Path) -> None:
    with guest(broker, tmp_path) as running:
        written = json.loads((tmp_path / "stack.json").read_text())
        assert {key: written[key] for key in ("kafka", "redis", "store", "namespace")} == {
            "kafka": broker.kafka,
            "redis": broker.redis,
            "store": running.store,
            "namespace": "guest",
        }
    assert not (tmp_path / "stack.json").exists()


def test_two_stacks_live_side_by_side_in_different_folders(broker: LocalStack, tmp_path: Path) -> None:
    with LocalStack(tmp_path, services=()) as beside:
        assert beside.kafka != broker.kafka
        assert beside.redis != broker.redis
        for one in (broker, beside):
            with redis.Redis.from_url(one.redis) as client:
                client.set("whose", str(one.data))
        with redis.Redis.from_url(broker.redis) as client:
            assert client.get("whose") == str(broker.data).encode()


def test_a_second_stack_in_the_same_folder_is_refused_and_told_what_to_do(broker: LocalStack, tmp_path: Path) -> None:
    with (
        guest(broker, tmp_path),
        pytest.raises(StackError, match=r"already lives in .* `sparring down --data"),
    ):
        guest(broker, tmp_path).start()


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StackError, match=rf"--kafka-port {port}: somebody listens there"):
            LocalStack(tmp_path, services=(), kafka_port=port).start()


def test_a_service_that_ends_while_starting_fails_the_start_and_shows_the_end_of_its_log(
    broker: LocalStack, tmp_path: Path
) -> None:
    broken = LocalStack(
        tmp_path,
        on=broker,
        namespace="guest",
        services=("router",),
        environment={"SPARRING_ROUTER_LEASE_S": "soon"},
    )
    with pytest.raises(StackError, match=r"(?s)router ended with exit code .*SPARRING_ROUTER_LEASE_S"):
        broken.start()
    with guest(broker, tmp_path):
        """The folder is free again."""


def test_a_process_that_dies_is_started_again_and_its_new_id_is_published(broker: LocalStack, tmp_path: Path) -> None:
    with guest(broker, tmp_path) as running:
        running.run("extra", SLEEP)
        first = running.process("extra")
        psutil.Process(first).kill()
        eventually(lambda: running.processes["extra"].pid not in (None, first), 60, "the restart")
        second = running.process("extra")
        assert running.processes["extra"].restarts == 1
        eventually(lambda: [p.pid for p in addresses(tmp_path).processes] == [second], 60, "stack.json")


def test_a_process_that_ignores_sigterm_is_killed(broker: LocalStack, tmp_path: Path) -> None:
    with guest(broker, tmp_path) as running:
        process = running.run("stubborn", STUBBORN)
        pid = running.process("stubborn")
        eventually(lambda: "ready" in process.log.read_text(), 60, "it to ignore SIGTERM")
        process.end(within_s=0.2)
        assert not psutil.pid_exists(pid)
        assert process.exit_code == -signal.SIGKILL


def test_a_killed_stack_leaves_nothing_running_and_its_data_serve_the_next_one(tmp_path: Path) -> None:
    with subprocess.Popen((sys.executable, "-c", RUN_SERVERS, tmp_path), stdout=subprocess.PIPE) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == b"ready\n"
        eventually(lambda: len(addresses(tmp_path).processes) == 3, 60, "three children in stack.json")
        children = addresses(tmp_path).processes
        producer = KafkaProducer(bootstrap_servers=addresses(tmp_path).kafka)
        producer.send("sparring.frames", b"kept", partition=0).get(timeout=60)
        producer.close()
        killed.send_signal(signal.SIGKILL)
    assert read_status(Folder(tmp_path)).state == "down"
    with LocalStack(tmp_path, services=()) as after:
        assert [child for child in children if child.process()] == []
        consumer = KafkaConsumer(bootstrap_servers=after.kafka, group_id=None)
        try:
            place = TopicPartition("sparring.frames", 0)
            assert consumer.end_offsets([place]) == {place: 1}
        finally:
            consumer.close()


def addresses(data: Path) -> Addresses:
    found = Folder(data).addresses()
    assert found is not None
    return found
