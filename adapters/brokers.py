"""Which brokers, and how they are reached: one noun for all three Kafka clients.

librdkafka (services), kafka-python (SDK, command line) and Faust (indexer) each have their own words for it;
they stand side by side here, so that none of them forgets a part.
"""

import ssl
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from schemas.errors import SettingError

Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
_PLAIN_LISTENER: Final = "a listener without TLS takes nothing of it"


@dataclass(frozen=True, slots=True)
class Brokers:
    """servers: comma-separated host:port. tls: encrypt, and check the brokers' certificates and names.

    ca: PEM file of the authorities that may have signed them; empty: the system's. certificate, key: PEM files by
    which this client shows who it is. user, password, mechanism: SASL; without a user there is none.

    Raises:
        SettingError: where one part says nothing without another.
    """

    servers: str
    tls: bool = False
    ca: str = ""
    certificate: str = ""
    key: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    mechanism: Mechanism = "SCRAM-SHA-512"

    def __post_init__(self) -> None:
        if not self.tls and (given := self.ca or self.certificate or self.key):
            raise SettingError(f"SPARRING_KAFKA_TLS is not true, yet {given!r} is given; {_PLAIN_LISTENER}")
        if bool(self.certificate) != bool(self.key):
            raise SettingError(
                "SPARRING_KAFKA_CERTIFICATE and SPARRING_KAFKA_KEY: one of them is given; expected both or none"
            )
        if bool(self.user) != bool(self.password):
            raise SettingError("SPARRING_KAFKA_USER and SPARRING_KAFKA_PASSWORD: one is given; expected both or none")

    def __str__(self) -> str:
        return self.servers

    @property
    def protocol(self) -> str:
        """Kafka's name for the listener's kind."""
        return f"{'SASL_' if self.user else ''}{'SSL' if self.tls else 'PLAINTEXT'}"

    def librdkafka(self) -> dict[str, Any]:
        """As confluent-kafka takes it."""
        return {
            "bootstrap.servers": self.servers,
            "security.protocol": self.protocol,
            **_given(
                {
                    "ssl.ca.location": self.ca,
                    "ssl.certificate.location": self.certificate,
                    "ssl.key.location": self.key,
                    "sasl.mechanism": self.mechanism if self.user else "",
                    "sasl.username": self.user,
                    "sasl.password": self.password,
                }
            ),
        }

    def kafka_python(self) -> dict[str, Any]:
        """As kafka-python takes it."""
        return {
            "bootstrap_servers": self.servers.split(","),
            "security_protocol": self.protocol,
            **_given(
                {
                    "ssl_cafile": self.ca,
                    "ssl_certfile": self.certificate,
                    "ssl_keyfile": self.key,
                    "sasl_mechanism": self.mechanism if self.user else "",
                    "sasl_plain_username": self.user,
                    "sasl_plain_password": self.password,
                }
            ),
        }

    def ssl_context(self) -> ssl.SSLContext | None:
        """The TLS context for Faust and for plain sockets; None without TLS."""
        if not self.tls:
            return None
        context = ssl.create_default_context(cafile=self.ca or None)
        if self.certificate:
            context.load_cert_chain(self.certificate, self.key)
        return context


def _given(settings: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in settings.items() if value}
