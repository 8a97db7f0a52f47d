"""How long a challenger's task is worth doing. Official tasks are never shed."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

_RANGE: Final = 2**64


@dataclass(frozen=True, slots=True)
class ShedPolicy:
    """age_ms_max: nothing older is done. shed_after_ms: beyond this age a share of `shed_after_ms / age` is done; 0:
    all of it is.

    The older the tasks, the fewer are done, until the challenger keeps up; and which ones depends on the request
    alone: challengers of one pipeline do the same requests, and what they do is a fair sample.
    """

    age_ms_max: int
    shed_after_ms: int

    def reason_to_shed(self, request_id: str, age_ms: int) -> str | None:
        """Why this task is not done; None: it is."""
        if age_ms > self.age_ms_max:
            return f"the task was {age_ms} ms old when its turn came; at most {self.age_ms_max} ms are waited for"
        if not 0 < self.shed_after_ms < age_ms or place(request_id) < self.shed_after_ms / age_ms:
            return None
        return (
            f"the task was {age_ms} ms old when its turn came; beyond {self.shed_after_ms} ms only "
            f"{self.shed_after_ms / age_ms:.0%} of the requests are done, chosen by the hash of their ids"
        )


def place(request_id: str) -> float:
    """Where a request lies on [0, 1), always the same."""
    return int.from_bytes(blake2b(request_id.encode(), digest_size=8).digest(), "big") / _RANGE
