"""Settings: one frozen dataclass per process, read once at start from the environment.

A bad value is a SettingError that names the variable, the value and what is expected. Each field's
variable is `SPARRING_` and its name in capitals.
"""

import dataclasses
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self, get_args, get_origin, get_type_hints

from adapters.brokers import Brokers, Mechanism
from adapters.redis_url import shown_url
from schemas import limits
from schemas.errors import SettingError
from schemas.topics import TopicNames

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What every process needs."""

    kafka: str = "127.0.0.1:9092"
    """Bootstrap servers, comma-separated host:port."""
    kafka_tls: bool = False
    """Whether Kafka is reached by TLS; its certificate and name are checked."""
    kafka_ca: str = ""
    """PEM file of the authorities that may have signed the brokers' certificates. Empty: the system's."""
    kafka_certificate: str = ""
    """PEM file of this process's client certificate, where the brokers require one."""
    kafka_key: str = ""
    """PEM file of that certificate's private key."""
    kafka_user: str = ""
    """Name by which this process logs in (SASL). Empty: it does not."""
    kafka_password: str = field(default="", repr=False)
    """Its password; shown nowhere."""
    kafka_mechanism: Mechanism = "SCRAM-SHA-512"
    """How it logs in: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512."""
    redis: str = field(default="redis://127.0.0.1:6379/0", repr=False)
    """URL of Redis or Valkey: redis[s]://[[user]:password@]host:port/db; ?ssl_ca_certs=FILE names a CA of your own."""
    store: str = field(default="", repr=False)
    """Model store: a folder or a URI of pyarrow.fs (file, s3, gs)."""
    reference_roots: tuple[str, ...] = field(default=(), repr=False)
    """Folders or URIs below which frames may lie that travel as references. None: references are refused."""
    reference_store: str = field(default="", repr=False)
    """Folder or URI below which this client puts frames that are too large for Kafka. Empty: they are refused."""
    namespace: str = "sparring"
    """First part of every topic's name and Redis key."""
    result_ttl_s: int = limits.RESULT_TTL_S
    """How long Redis keeps the answers of one request that this process writes."""
    log_level: LogLevel = "INFO"
    """The least level of log that is written: DEBUG, INFO, WARNING, ERROR."""
    metrics: str = "127.0.0.1:0"
    """host:port of /metrics, /live and /ready. Port 0: a free one, which `sparring status` shows."""
    traces: str = field(default="", repr=False)
    """URL of an OpenTelemetry collector (OTLP over HTTP), such as http://127.0.0.1:4318. Empty: no traces."""

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """The settings of the environment."""
        hints = get_type_hints(cls)
        given: dict[str, Any] = {}
        for setting in dataclasses.fields(cls):
            variable = f"SPARRING_{setting.name.upper()}"
            if (text := environ.get(variable)) is not None:
                given[setting.name] = _parse(variable, text, hints[setting.name])
        settings = cls(**given)
        _ = settings.brokers, shown_url(settings.redis)  # what cannot be used is a bad setting, and said as one
        return settings

    @property
    def brokers(self) -> Brokers:
        """How Kafka is reached. SettingError where one setting needs another."""
        return Brokers(
            self.kafka,
            self.kafka_tls,
            self.kafka_ca,
            self.kafka_certificate,
            self.kafka_key,
            self.kafka_user,
            self.kafka_password,
            self.kafka_mechanism,
        )

    @property
    def topics(self) -> TopicNames:
        """Names of this namespace's topics."""
        return TopicNames(self.namespace)

    @property
    def model_store(self) -> str:
        """The model store; SettingError where it is not set."""
        if not self.store:
            raise SettingError("SPARRING_STORE is not set; expected the model store's folder or URI")
        return self.store


@dataclass(frozen=True, kw_only=True)
class RouterSettings(Settings):
    """Settings of `python -m router`."""

    router_batch_frames_max: int = limits.ROUTER_BATCH_FRAMES_MAX
    router_lease_s: float = limits.ROUTER_LEASE_S
    shadow_delivery_ms: int = limits.SHADOW_DELIVERY_MS


@dataclass(frozen=True, kw_only=True)
class InferenceSettings(Settings):
    """Settings of `python -m workers inference`."""

    inference_threads: int = 0
    """Threads that decode and run. 0: one per core that this process may use."""
    intra_op_threads: int = 1
    """Threads inside one run of ONNX Runtime."""
    providers: tuple[str, ...] = ("CPUExecutionProvider",)
    """Execution providers of ONNX Runtime, the preferred first."""
    allow_python: bool = False
    """Permission to run Python steps."""
    in_flight_max: int = limits.IN_FLIGHT_MAX
    run_ms_max: int = limits.RUN_MS_MAX
    load_ms_max: int = limits.LOAD_MS_MAX
    shadow_age_ms_max: int = limits.SHADOW_AGE_MS_MAX
    shadow_niceness: int = limits.SHADOW_NICENESS
    """How much challengers' processes step back behind others, 0 to 19; 0: not at all."""
    shadow_shed_after_ms: int = 0
    """Milliseconds; 0: never. Challengers' tasks older than this are thinned out, evenly by request."""
    attempts_max: int = limits.ATTEMPTS_MAX
    parent_pipe: bool = False
    """End when standard input closes: the parent process is gone."""

    @property
    def threads(self) -> int:
        """Inference threads, resolved."""
        return self.inference_threads or len(os.sched_getaffinity(0))


@dataclass(frozen=True, kw_only=True)
class HostSettings(InferenceSettings):
    """Settings of `python -m workers host`; its model processes inherit the environment."""

    host_models: tuple[str, ...] = field(default=("*",))
    """Patterns of `workspace/model` that this host serves."""
    host_memory_mib_max: int = 0
    """Resident memory of all model processes together. 0: no limit."""


def _parse(variable: str, text: str, hint: object) -> object:
    if hint is str:
        return text
    if get_origin(hint) is Literal:
        if text.upper() not in get_args(hint):
            raise SettingError(f"{variable}: {text!r}; expected one of {', '.join(get_args(hint))}")
        return text.upper()
    if hint is bool:
        if text.lower() not in ("true", "false", "1", "0"):
            raise SettingError(f"{variable}: {text!r}; expected true or false")
        return text.lower() in ("true", "1")
    if hint == tuple[str, ...]:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    number = int if hint is int else float
    try:
        value = number(text)
    except ValueError:
        raise SettingError(f"{variable}: {text!r}; expected a {'whole ' if hint is int else ''}number") from None
    if not 0 <= value < math.inf:
        raise SettingError(f"{variable}: {text!r}; expected a finite number of at least 0")
    return value
