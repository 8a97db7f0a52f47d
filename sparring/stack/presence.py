"""Which of the started services say, on the presence topic, that they live."""

from adapters.brokers import Brokers
from adapters.presence import Watch
from schemas.errors import RetryLater
from schemas.topics import TopicNames
from sparring.stack.process import Process


class Beats:
    """Listens to the presence topic while the stack starts. Call `close` at the end."""

    def __init__(self, kafka: Brokers, namespace: str) -> None:
        self._watch = Watch(kafka, TopicNames(namespace).presence)

    def all_alive(self, processes: list[Process]) -> bool:
        """Whether each of these has beaten. A beat of an earlier start has another process id."""
        try:
            pids = {beat.pid for beat in self._watch.alive()}
        except RetryLater:
            return False
        return all(process.pid in pids for process in processes)

    def close(self) -> None:
        """Stop listening."""
        self._watch.close()
