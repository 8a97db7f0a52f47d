"""A Faust agent that counts the official results of each model; nothing of ours is imported.

    KAFKA=localhost:9092 python examples/consumers/faust_agent.py worker --loglevel warn

An event is acknowledged when the agent has gone on to the next: whoever writes somewhere else does it before that,
and expects the last ones twice after a crash.
"""

import json
import os
from collections import Counter
from typing import Any

import faust

NAMESPACE = os.environ.get("NAMESPACE", "sparring")

app = faust.App(
    os.environ.get("GROUP", "my-team-faust"),
    broker=f"kafka://{os.environ.get('KAFKA', 'localhost:9092')}",
    store="memory://",
    web_enabled=False,
    consumer_auto_offset_reset="earliest",
    consumer_max_fetch_size=17 * 1024 * 1024,  # what the contract lets an answer be
    # Topics are the system's: a reader makes none, and has no other agent to elect.
    topic_allow_declare=False,
    topic_disable_leader=True,
    datadir=os.environ.get("FAUST_DATADIR"),
)
results = app.topic(f"{NAMESPACE}.results", key_serializer="raw", value_serializer="raw")
counted: Counter[str] = Counter()


@app.agent(results)
async def count(stream: Any) -> None:
    """A line of JSON per result: its model, its status, and how many of that kind came."""
    async for event in stream.events():
        headers = {name: value.decode() for name, value in dict(event.headers).items()}
        kind = f"{headers.get('model', 'no model')} {headers['status']}"
        counted[kind] += 1
        said = {"request-id": headers["request-id"], "kind": kind, "count": counted[kind]}
        print(json.dumps(said))  # a worker shows it in its log


if __name__ == "__main__":
    app.main()
