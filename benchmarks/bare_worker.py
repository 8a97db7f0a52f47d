"""The bare queue's worker: one thread polls tasks, two decode, run and produce the outputs' bytes.

python -m benchmarks.bare_worker BOOTSTRAP WORK RESULTS JOB
"""

import queue
import sys
import threading
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Message, Producer

from benchmarks.work import THREADS, Job, Work
from workers.inference.process_setup import end_with_parent


def main(kafka: str, tasks: str, results: str, job: str) -> None:
    """Work until killed, or until whoever started this is gone."""
    end_with_parent(threading.Event())
    work = Work(Job.read(Path(job)))
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": tasks, "auto.offset.reset": "earliest"})
    producer = Producer({"bootstrap.servers": kafka, "linger.ms": 0})
    line: queue.Queue[Message] = queue.Queue(maxsize=16)
    for _ in range(THREADS):
        threading.Thread(target=_answer, args=(work, line, producer, results), daemon=True).start()
    consumer.subscribe([tasks])
    while True:
        message = consumer.poll(0.1)
        producer.poll(0)
        if message is not None and message.error() is None:
            line.put(message)


def _answer(work: Work, line: "queue.Queue[Message]", producer: Producer, results: str) -> None:
    while True:
        message = line.get()
        done = work.do(message.value() or b"")
        given: Any = message.headers()
        timings = [("decode-ns", str(done.decode_ns)), ("infer-ns", str(done.infer_ns))]
        value = b"".join(array.tobytes() for array in done.outputs.values())
        producer.produce(results, value, message.key(), headers=[*given, ("status", "ok"), *timings])


if __name__ == "__main__":
    main(*sys.argv[1:])
