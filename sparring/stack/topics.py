"""The fixed topics of a namespace, created before any service starts: nobody relies on auto-creation."""

from kafka.admin import KafkaAdminClient
from kafka.errors import TopicAlreadyExistsError

from schemas.topics import fixed_topics


def create_fixed_topics(admin: KafkaAdminClient, namespace: str) -> None:
    """Create what `schemas.topics` lists and is not there yet; returns when each has its leader.

    Raises:
        KafkaError: when the broker does not answer, or refuses.
    """
    there = set(admin.list_topics())
    missing = {
        topic.name: {"num_partitions": topic.partitions, "replication_factor": -1, "configs": topic.config()}
        for topic in fixed_topics(namespace)
        if topic.name not in there
    }
    if not missing:
        return
    try:
        admin.create_topics(missing, wait_for_metadata=True)
    except TopicAlreadyExistsError:
        admin.wait_for_topics(list(missing))  # another stack on this broker and namespace was faster
