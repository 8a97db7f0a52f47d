"""Kafka's own rules: one operation on one topic is denied for a while, to everybody."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, Final

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from tests.waiting import eventually

RULES: Final = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
}
"""Settings of a broker that asks its rules, and allows what none is about."""

_ANSWER_S: Final = 10.0


@contextmanager
def denied(kafka: str, topic: str, operation: AclOperation) -> Iterator[None]:
    """Nobody may do that with the topic while the block runs; all else stays allowed."""
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    # Once there is any rule about a topic, what no rule allows is denied.
    allow = _rule(topic, AclOperation.ALL, AclPermissionType.ALLOW)
    deny = _rule(topic, operation, AclPermissionType.DENY)
    for rule in (allow, deny):
        _settle(admin.create_acls([rule]))
    _wait(admin, topic, 2)
    try:
        yield
    finally:
        for rule, left in ((deny, 1), (allow, 0)):
            _settle(admin.delete_acls([_same(rule)]))
            _wait(admin, topic, left)


def _rule(topic: str, operation: AclOperation, permission: AclPermissionType) -> AclBinding:
    return AclBinding(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, "User:*", "*", operation, permission)


def _same(rule: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        rule.restype,
        rule.name,
        rule.resource_pattern_type,
        rule.principal,
        rule.host,
        rule.operation,
        rule.permission_type,
    )


def _settle(answers: Mapping[Any, "Future[Any]"]) -> None:
    for answer in answers.values():
        answer.result(_ANSWER_S)


def _wait(admin: AdminClient, topic: str, count: int) -> None:
    """Until the broker, which follows its controller, knows that many rules about the topic."""
    anybody: Any = None  # its annotation knows no wildcard
    asked = AclBindingFilter(
        ResourceType.TOPIC,
        topic,
        ResourcePatternType.LITERAL,
        anybody,
        anybody,
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
    eventually(lambda: len(admin.describe_acls(asked).result(_ANSWER_S)) == count, 60, f"{count} rules about {topic}")
