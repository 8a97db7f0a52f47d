"""A secured Kafka and a secured index: certificates made here, a user per role, and the rules of docs/security.md."""

import re
import secrets
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import redis
import trustme
from cryptography.hazmat.primitives import serialization
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    KafkaAdminClient,
    ResourcePattern,
    ResourcePatternFilter,
)
from kafka.admin import ACLResourcePatternType as Pattern
from kafka.admin import ResourceType as Kind
from kafka.errors import KafkaError

from adapters.brokers import Brokers
from adapters.settings import Settings
from sparring.stack import kafka, ports, services
from sparring.stack.process import Command, Process
from sparring.stack.services import create_fixed_topics
from tests.conftest import PATIENT
from tests.waiting import eventually

PAGE: Final = (Path(__file__).resolve().parent.parent / "docs" / "security.md").read_text()
ROLES: Final = ("producer", "reader", "router", "host", "indexer", "scientist", "keeper", "replayer")
NAMESPACE: Final = "sparring"
_ROW: Final = re.compile(r"^\| `(\w+)` \| (topic|group) \| `([\w.-]+)(\*?)` \| ([\w, ]+) \|$", re.MULTILINE)
_REDIS_ROW: Final = re.compile(r"^\| `(\w+)` \| `(~[^`]+)` \|$", re.MULTILINE)
_LISTENER: Final = "listener.name.broker"
_SOCKET_S: Final = 30.0


@dataclass(frozen=True)
class Secured:
    """Where everything is. Passwords by role; `admin` is the broker's own."""

    folder: Path
    kafka: str
    redis_port: int
    passwords: dict[str, str]

    @property
    def ca(self) -> str:
        """PEM file of the authority."""
        return str(self.folder / "ca.pem")

    def brokers(self, role: str) -> Brokers:
        """Kafka, as this role reaches it."""
        return self.settings(role).brokers

    def settings(self, role: str) -> Settings:
        """The settings of a process of this role."""
        return Settings.read(self.environment(role))

    def environment(self, role: str) -> dict[str, str]:
        """The same, as variables."""
        password = self.passwords[role]
        return {
            "SPARRING_KAFKA": self.kafka,
            "SPARRING_KAFKA_TLS": "true",
            "SPARRING_KAFKA_CA": self.ca,
            "SPARRING_KAFKA_CERTIFICATE": str(self.folder / "client.pem"),
            "SPARRING_KAFKA_KEY": str(self.folder / "client.key"),
            "SPARRING_KAFKA_USER": role,
            "SPARRING_KAFKA_PASSWORD": password,
            "SPARRING_REDIS": f"rediss://{role}:{password}@{ports.HOST}:{self.redis_port}/0?ssl_ca_certs={self.ca}",
            "SPARRING_STORE": str(self.folder / "store"),
            "SPARRING_NAMESPACE": NAMESPACE,
            "SPARRING_DATA": str(self.folder / "data"),
            "SPARRING_METRICS": f"{ports.HOST}:0",
            **PATIENT,
        }


@contextmanager
def secured(folder: Path) -> Iterator[Secured]:
    """Kafka by TLS, client certificates and SCRAM, with ACLs; Valkey by TLS with ACLs; topics are there."""
    kafka_port, controller_port, plain_port, tls_port = ports.free_ports(4)
    passwords = {role: secrets.token_hex(12) for role in (*ROLES, "admin")}
    place = Secured(folder, f"{ports.HOST}:{kafka_port}", tls_port, passwords)
    _write_certificates(folder)
    with ExitStack() as running:
        command = kafka.prepare(
            folder / "kafka",
            kafka.classpath(lambda _: None),
            kafka_port,
            controller_port,
            changes=_broker_settings(folder, kafka_port, controller_port, passwords["admin"]),
            format_options=tuple(
                word
                for user, password in passwords.items()
                for word in ("--add-scram", f"SCRAM-SHA-512=[name={user},password={password}]")
            ),
        )
        for started in (command, services.prepare(folder / "valkey", plain_port)):
            process = run(started, folder)
            running.callback(process.end)
        running.enter_context(_tls_in_front(folder, tls_port, plain_port))
        eventually(lambda: ports.accepts(kafka_port) and ports.accepts(plain_port), 60, "Kafka and Valkey to listen")
        _write_index_rules(plain_port, passwords)
        eventually(lambda: _topics_and_rules(place.brokers("admin")), 60, "the topics and their rules")
        yield place


def run(command: Command, folder: Path) -> Process:
    """Start a process; its log is in the folder."""
    process = Process(command, folder / "log" / f"{command.name}.log", lambda _: None)
    process.log.parent.mkdir(exist_ok=True)
    process.start()
    return process


def _write_certificates(folder: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    server = authority.issue_cert(ports.HOST, "localhost")
    client = authority.issue_cert("client.sparring.test")
    for name, certificate in (("server", server), ("client", client)):
        chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
        # Kafka reads keys in PKCS#8 only.
        key = serialization.load_pem_private_key(certificate.private_key_pem.bytes(), None).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / f"{name}.pem").write_bytes(chain)
        (folder / f"{name}.key").write_bytes(key)
        (folder / f"{name}.both.pem").write_bytes(key + chain)


def _broker_settings(folder: Path, port: int, controller_port: int, password: str) -> dict[str, object]:
    login = "org.apache.kafka.common.security.scram.ScramLoginModule"
    return {
        "listeners": f"BROKER://{ports.HOST}:{port},CONTROLLER://{ports.HOST}:{controller_port}",
        "listener.security.protocol.map": "BROKER:SASL_SSL,CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
        f"{_LISTENER}.scram-sha-512.sasl.jaas.config": f'{login} required username="admin" password="{password}";',
        f"{_LISTENER}.ssl.client.auth": "required",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": folder / "server.both.pem",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": folder / "ca.pem",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        # ANONYMOUS: the controller's own listener, on loopback, which clients have no use for.
        "super.users": "User:admin;User:ANONYMOUS",
    }


def _topics_and_rules(admin: Brokers) -> bool:
    rows = _ROW.findall(PAGE)
    assert {user for user, *_ in rows} == set(ROLES), "docs/security.md does not name these roles"
    rules = [
        ACL(
            principal=f"User:{user}",
            host="*",
            operation=ACLOperation[re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation.strip()).upper()],
            permission_type=ACLPermissionType.ALLOW,
            resource_pattern=ResourcePattern(
                Kind.TOPIC if kind == "topic" else Kind.GROUP, name, Pattern.PREFIXED if begins else Pattern.LITERAL
            ),
        )
        for user, kind, name, begins, operations in rows
        for operation in operations.split(",")
    ]
    try:
        with closing(KafkaAdminClient(**admin.kafka_python())) as client:
            create_fixed_topics(client, NAMESPACE)
            made = client.create_acls(rules)
            assert not made["failed"], made["failed"]
            everything = ResourcePatternFilter(Kind.ANY, None, Pattern.ANY)
            asked = ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ANY, everything)
            # The controller has them; the broker follows.
            eventually(lambda: len(client.describe_acls(asked)[0]) == len(rules), 60, "the broker to know its rules")
    except KafkaError:
        return False
    return True


def _write_index_rules(port: int, passwords: dict[str, str]) -> None:
    index: Any  # half of redis-py's own methods are not annotated
    with closing(redis.Redis(host=ports.HOST, port=port)) as index:
        for user, rule in _REDIS_ROW.findall(PAGE):
            index.execute_command("ACL", "SETUSER", user, "on", f">{passwords[user]}", *rule.split())
        index.execute_command("ACL", "SETUSER", "default", "off")


@contextmanager
def _tls_in_front(folder: Path, port: int, behind: int) -> Iterator[None]:
    """TLS before a Valkey that was built without it."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    with socket.create_server((ports.HOST, port)) as listener:
        threading.Thread(target=_accept, args=(listener, context, behind), daemon=True).start()
        yield
        # Closing alone does not wake the thread that accepts.
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, context: ssl.SSLContext, behind: int) -> None:
    while True:
        try:
            plain, _address = listener.accept()
        except OSError:
            return  # closed: the test is over
        threading.Thread(target=_serve, args=(plain, context, behind), daemon=True).start()


def _serve(plain: socket.socket, context: ssl.SSLContext, behind: int) -> None:
    plain.settimeout(_SOCKET_S)
    try:
        front = context.wrap_socket(plain, server_side=True)
    except OSError:
        plain.close()  # somebody without TLS, or with another authority
        return
    front.settimeout(None)
    back = socket.create_connection((ports.HOST, behind))
    for source, target in ((front, back), (back, front)):
        threading.Thread(target=_pump, args=(source, target), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while some := source.recv(65_536):
            target.sendall(some)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
