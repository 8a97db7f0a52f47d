"""The one table of limits. Every queue, size, wait and retry in the system is bounded by a name here.

Names end in their unit. What an operator may change is a setting in `adapters.settings`,
whose default is the value here.
"""

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

# --- sizes ---------------------------------------------------------------------------------
FRAME_BYTES_MAX: Final = 16 * MIB
"""Largest value of a frame. A 640x480 float32 tensor is 3.7 MB, beyond Kafka's own default of 1 MiB."""

MODEL_BYTES_MAX: Final = 2 * 1024 * MIB
"""Largest file of a model: what ONNX's own format, protobuf, can hold."""

REFERENCE_BYTES_MAX: Final = 256 * MIB
"""Largest frame that lies elsewhere and travels as a reference. JSON has FRAME_BYTES_MAX there too: 16 MiB of it take
seconds to read, and a run that takes too long is a hang."""

REFERENCE_CHARS_MAX: Final = 4096
"""Of a reference's URI."""

REFERENCE_WAIT_S_MAX: Final = 20.0
"""A store of references that does not answer is waited for so long: less than a process has to drain."""

HEADERS_BYTES_MAX: Final = 64 * KIB
"""Room for key and headers that each hop (router, model process) may add to the one before."""

KEY_BYTES_MAX: Final = HEADERS_BYTES_MAX // 2
"""Of a frame's key, which every answer repeats."""

FRAME_RECORD_BYTES_MAX: Final = FRAME_BYTES_MAX + HEADERS_BYTES_MAX
"""Of a frame with its key and headers, as Kafka writes them uncompressed. What comes compressed may be larger: topics
limit what they store."""

HEADERS_MAX: Final = 10_000
"""Of one frame: each takes hundreds of bytes in a process."""

RESULT_BYTES_MAX: Final = 16 * MIB
"""Largest value of a result; a larger answer becomes an error answer."""

TABLE_BYTES_MAX: Final = 256 * MIB
"""What the Arrow stream of one frame may unpack to, known from its messages before it is unpacked."""

REQUEST_ROWS_MAX: Final = 100_000
"""Rows of one frame: where each is a run of its own, a row takes up to a kilobyte on its way."""

COLUMNS_MAX: Final = 10_000
"""Of one table, with the columns that nested columns consist of."""

TENSOR_NAME_CHARS_MAX: Final = 256
"""Of the name of a model's input or output, which is a column's name too."""

JSON_NODES_MAX: Final = 2_000_000
"""Lists and objects in the JSON of one frame: each takes some hundred bytes in a process."""

HASH_KEY_BYTES_MAX: Final = 64 * KIB
"""Of a text in a column that a split goes by: it is hashed once for each arm."""

DIMENSIONS_MAX: Final = 32
"""Of a tensor in a table, its rows included; numpy's own limit is twice that."""

REQUEST_ID_CHARS_MAX: Final = 128
MESSAGE_CHARS_MAX: Final = 2000
"""Of an error's message: it may quote the input."""

QUOTED_HEADER_CHARS_MAX: Final = 256
"""Of a frame's own header that its answer repeats."""

RULE_BYTES_MAX: Final = 64 * KIB
"""Of one validation rule as it is written into the catalog."""

RULE_DEPTH_MAX: Final = 64
"""Of the nesting in one validation rule."""

IMAGE_PIXELS_MAX: Final = 64 * 1024 * 1024
"""Pixels of one encoded image, read from its header before anything is decoded. Half of it where the decoder keeps a
JPEG's coefficients until its last scan: they take twice the memory of the picture."""

IMAGE_SCANS_MAX: Final = 100
"""Of one progressive JPEG, which is gone over once for each; encoders write about ten."""

# --- flow ----------------------------------------------------------------------------------
PARTITIONS: Final = 4
"""Partitions of frames, work, shadow, results and shadows: the most processes that share one topic."""

ROUTER_BATCH_FRAMES_MAX: Final = 200
IN_FLIGHT_MAX: Final = 16
"""Tasks that a model process has read and not yet answered."""

PREFETCH_KIB_MAX: Final = 64 * 1024
"""What one consumer holds in memory ahead of its reader."""

PRODUCER_QUEUE_KIB_MAX: Final = 64 * 1024
ATTEMPTS_MAX: Final = 3
"""Starts of one task that may take their process down before the task is refused."""

# --- seconds and milliseconds --------------------------------------------------------------
DELIVERY_S_MAX: Final = 30.0
"""A record that the broker has not confirmed by then stops its process: the work is done again."""

SHADOW_DELIVERY_MS: Final = 500
"""A shadow task that is not delivered by then is recorded as shed."""

SHADOW_ROOM_S: Final = 0.05
"""Where a router's queue of shadow tasks is full and Kafka has taken none for this long, they are recorded as shed, one
after the other, until it takes some: frames do not wait for that."""

SHADOW_AGE_MS_MAX: Final = 60_000
"""A shadow task older than this when its turn comes is recorded as shed."""

SHADOW_NICENESS: Final = 10
"""How much challengers' processes step back behind the others when cores are short."""

RUN_MS_MAX: Final = 30_000
"""A model run that takes longer is a hang: its process ends itself."""

LOAD_MS_MAX: Final = 120_000
"""A model that takes longer to load is not waited for: its frames are answered with an error."""

BEAT_S: Final = 1.0
LIVE_S_MAX: Final = 120.0
"""A service whose main loop has not gone round for this long is not live."""

PRESENCE_DEAD_S: Final = 3.0
"""A process whose beat was not seen for this long, by the reader's own clock, is dead."""

CATALOG_CONFIRM_S: Final = 1.0
"""How often a router confirms the catalog's end with the broker."""

UNKNOWN_NAME_S: Final = 0.2
"""How often a router reads the catalog again because a frame names an unknown pipeline."""

COMMIT_EVERY_S: Final = 0.1
"""What was done within this time before a crash may be done again."""
ROUTER_LEASE_S: Final = 3.0
"""A router that could not confirm the catalog's end for this long sends nothing."""

INDEX_KEPT_S: Final = 5.0
INDEX_KEPT_BYTES_MAX: Final = 32 * MIB
"""What an indexer keeps of the answers that Redis confirmed, and how long it commits none of them: killed, Redis
forgets up to two seconds."""

DEPLOY_WAIT_S: Final = 60.0
SESSION_TIMEOUT_MS: Final = 6_000
"""Kafka gives a silent member's partitions away after this (the clients' default is 45 s)."""

STOP_S_MAX: Final = 8.0
"""From SIGTERM to the end of a process, drained and committed. A process that is later ends anyway."""

HOST_STOP_S_MAX: Final = STOP_S_MAX + 2.0
"""A host's: its model processes end first; late ones are killed."""

FRAME_AGE_MS_LIMIT: Final = 24 * 3600 * 1000
"""The most that a pipeline's `frame_age_ms_max` may be: frames are kept no longer."""

RESULT_TTL_S: Final = 24 * 3600
"""How long Redis keeps the answers of one request."""

PIPELINE_LOG_MAX: Final = 10_000
"""Newest requests per pipeline that the index lists by time."""
