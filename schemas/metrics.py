"""The one table of metrics: what each process counts and measures, and what to do when it rises.

Names and units are those of OpenMetrics: a counter ends in `_total`, a time is in seconds. docs/metrics.md
is this table; a test holds them together.
"""

from typing import Final, Literal

import msgspec

from schemas.presence import ProcessKind


class Metric(msgspec.Struct, frozen=True):
    """One row. labels: names, in order. of: the processes that have it. bounds: a histogram's upper limits."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    labels: tuple[str, ...]
    of: tuple[ProcessKind, ...]
    meaning: str
    when_it_rises: str
    bounds: tuple[float, ...] = ()


_ALL: Final[tuple[ProcessKind, ...]] = ("router", "host", "inference", "indexer")
_SECONDS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_ROWS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)

# --- every process -------------------------------------------------------------------------
LOG_RECORDS: Final = Metric(
    "sparring_log_records_total",
    "counter",
    "lines",
    ("level",),
    _ALL,
    "lines of log by level",
    "read the log: a WARNING is survived, an ERROR needs somebody",
)
LAG: Final = Metric(
    "sparring_lag_records",
    "gauge",
    "records",
    (),
    ("router", "inference"),
    "records in the partitions of this process that it has not read yet",
    "more comes in than is worked off: start more of this process, up to the topic's partitions",
)

# --- router --------------------------------------------------------------------------------
FRAMES: Final = Metric(
    "sparring_frames_total",
    "counter",
    "frames",
    ("outcome",),
    ("router",),
    "frames read, by what became of them: routed, refused, expired",
    "refused: see sparring_refused_total; expired: the router reads too late, see sparring_lag_records",
)
REFUSED: Final = Metric(
    "sparring_refused_total",
    "counter",
    "frames",
    ("error",),
    ("router", "inference"),
    "official error answers by error; each has a dead letter",
    "docs/contract.md says when each error is given; the message is in the answer and in the dead letter",
)
TASKS: Final = Metric(
    "sparring_tasks_total",
    "counter",
    "tasks",
    ("pipeline", "model", "lane"),
    ("router",),
    "tasks sent to model processes: the split as it really is",
    "nothing: this is the traffic",
)
SHED: Final = Metric(
    "sparring_shed_total",
    "counter",
    "tasks",
    ("model",),
    ("router", "inference"),
    "challengers' tasks that were not delivered or not run in time, and are recorded as shed",
    "the challenger is too slow for its share: more of its processes, or a smaller `share`",
)
ROUTE_SECONDS: Final = Metric(
    "sparring_route_seconds",
    "histogram",
    "seconds",
    (),
    ("router",),
    "from reading some frames to the confirmation of their official tasks",
    "the brokers confirm slowly: look at their disks and at the in-sync replicas",
    _SECONDS,
)
CATALOG_AGE: Final = Metric(
    "sparring_catalog_age_seconds",
    "gauge",
    "seconds",
    (),
    ("router",),
    "since the catalog's end was last known for certain",
    "the brokers do not answer; above SPARRING_ROUTER_LEASE_S the router sends nothing",
)

# --- model process -------------------------------------------------------------------------
ANSWERS: Final = Metric(
    "sparring_answers_total",
    "counter",
    "answers",
    ("pipeline", "model", "lane", "status"),
    ("inference",),
    "answers published: ok, error, expired, shed",
    "error: see sparring_refused_total; expired, shed: the process is behind, see sparring_queued_seconds",
)
QUEUED_SECONDS: Final = Metric(
    "sparring_queued_seconds",
    "histogram",
    "seconds",
    ("model", "lane"),
    ("inference",),
    "from the task's record to its turn",
    "frames wait: more processes for this model, more threads, or a faster model",
    (*_SECONDS, 60.0, 120.0),
)
DECODE_SECONDS: Final = Metric(
    "sparring_decode_seconds",
    "histogram",
    "seconds",
    ("model", "lane"),
    ("inference",),
    "decoding the frame into the first model's inputs",
    "larger pictures arrive: let cameras send what the model needs",
    _SECONDS,
)
INFER_SECONDS: Final = Metric(
    "sparring_infer_seconds",
    "histogram",
    "seconds",
    ("model", "lane"),
    ("inference",),
    "running every step of the path",
    "the machine is shared with others, or threads fight for cores: see SPARRING_INFERENCE_THREADS",
    _SECONDS,
)
BATCH_REQUESTS: Final = Metric(
    "sparring_batch_requests",
    "histogram",
    "requests",
    ("model", "lane"),
    ("inference",),
    "requests that were answered together; 1 where the model is not configured to batch",
    "nothing: requests wait for each other, which is what batching does",
    _ROWS,
)
IN_FLIGHT: Final = Metric(
    "sparring_in_flight_tasks",
    "gauge",
    "tasks",
    ("model", "lane"),
    ("inference",),
    "tasks that are read and have no answer yet, at most SPARRING_IN_FLIGHT_MAX",
    "at its limit the process is the bottleneck: see sparring_lag_records",
)

# --- host ----------------------------------------------------------------------------------
MODEL_PROCESSES: Final = Metric(
    "sparring_model_processes",
    "gauge",
    "processes",
    ("state",),
    ("host",),
    "model processes of this host: running, waiting (ended, and started again after a pause)",
    "waiting: one ends again and again, see sparring_model_process_ends_total",
)
ENDS: Final = Metric(
    "sparring_model_process_ends_total",
    "counter",
    "processes",
    ("model", "lane"),
    ("host",),
    "model processes that ended unasked",
    "the model crashes, hangs (exit code 70) or is killed for its memory: the host's log has the exit code",
)
PROBLEMS: Final = Metric(
    "sparring_problems",
    "gauge",
    "problems",
    (),
    ("host",),
    "lanes that this host cannot serve: no memory left, Python steps not permitted",
    "`sparring status` prints each with what to do",
)

# --- indexer -------------------------------------------------------------------------------
INDEXED: Final = Metric(
    "sparring_indexed_total",
    "counter",
    "answers",
    ("lane",),
    ("indexer",),
    "answers written into Redis",
    "nothing: this is the traffic",
)
INDEX_SECONDS: Final = Metric(
    "sparring_index_seconds",
    "histogram",
    "seconds",
    (),
    ("indexer",),
    "writing some answers into Redis",
    "Redis is slow: look at its memory, at eviction and at what else uses it",
    _SECONDS,
)
INDEX_DELAY_SECONDS: Final = Metric(
    "sparring_index_delay_seconds",
    "histogram",
    "seconds",
    (),
    ("indexer",),
    "from an answer's publication to its place in Redis",
    "the indexer is behind: start another, or see sparring_index_seconds",
    _SECONDS,
)
INDEX_RETRIES: Final = Metric(
    "sparring_index_retries_total",
    "counter",
    "writes",
    (),
    ("indexer",),
    "writes that Redis did not take and that were tried again",
    "Redis is away, full (maxmemory) or read-only; answers wait and are not lost",
)

METRICS: Final[tuple[Metric, ...]] = (
    *(LOG_RECORDS, LAG),
    *(FRAMES, REFUSED, TASKS, SHED, ROUTE_SECONDS, CATALOG_AGE),
    *(ANSWERS, QUEUED_SECONDS, DECODE_SECONDS, INFER_SECONDS, BATCH_REQUESTS, IN_FLIGHT),
    *(MODEL_PROCESSES, ENDS, PROBLEMS),
    *(INDEXED, INDEX_SECONDS, INDEX_DELAY_SECONDS, INDEX_RETRIES),
)
