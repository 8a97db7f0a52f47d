"""The error tree, ordered by what to do about an error.

    SparringError
    |-- RetryLater            the same work may succeed later: keep the offset and try again
    |-- Refused               this one message can never succeed: an error answer and a dead letter
    |-- SettingError          a setting has a bad value: correct the environment and start again
    |-- EntityNotFoundError   a workspace, model, pipeline or version of this name does not exist
    |-- DeployError           a pipeline version did not go live; the one before goes on
    |-- InferenceError        the official answer to a request is an error (it has its dead letter)
    |-- InferenceTimeoutError no official answer in time
    |-- FrameTooLarge         the frame was not sent: it is above the limit
    |-- ProduceError          frames were sent, and Kafka did not confirm that it has them
    `-- OtherProcessError     a client is used in another process than the one that made it

Anything else that is raised in a service is a bug or a broken machine: the process ends, is
started again, and Kafka delivers the message again.
"""

from collections.abc import Mapping
from typing import Literal

from schemas.limits import MESSAGE_CHARS_MAX

Stage = Literal["read", "route", "decode", "infer", "publish"]
"""Where on its journey a message was refused."""

RefusalCode = Literal[
    "MissingHeader",
    "BadHeader",
    "UnknownPipeline",
    "NotDeployed",
    "NoSteps",
    "FrameTooLarge",
    "ReferenceNotAllowed",
    "ReferenceNotFound",
    "ReferenceChanged",
    "UnknownContentType",
    "NotAnImage",
    "ImageTooLarge",
    "TableTooLarge",
    "BadArrow",
    "BadJson",
    "MissingField",
    "WrongDtype",
    "WrongShape",
    "HashKeyOutOfRange",
    "RouteFailed",
    "StepFailed",
    "ModelGone",
    "AnswerTooLarge",
    "TooManyAttempts",
]
"""The closed set of reasons in the header `error` of an error answer and of its dead letter."""


class SparringError(Exception):
    """The root: every error that this system raises on purpose."""


def shortened(text: str, chars_max: int = MESSAGE_CHARS_MAX) -> str:
    """`text`, cut where it is longer: what a stranger sent is quoted in answers, whatever its size."""
    return text if len(text) <= chars_max else f"{text[:chars_max]}... ({len(text)} characters)"


class RetryLater(SparringError):
    """The same work may succeed later. The offset stays where it is."""


class Refused(SparringError):
    """This message can never succeed. It gets an error answer and a dead letter.

    error: one of `RefusalCode`; message: what came, what was expected, what to do; stage: where.
    """

    def __init__(self, error: RefusalCode, message: str, stage: Stage) -> None:
        self.error: RefusalCode = error
        self.message = shortened(message)
        super().__init__(self.message)
        self.stage: Stage = stage


class SettingError(SparringError):
    """A setting has a bad value. The message names the variable, the value and what is expected."""


class EntityNotFoundError(SparringError, LookupError):
    """A workspace, model, pipeline or version of this name does not exist."""


class DeployError(SparringError, RuntimeError):
    """A pipeline version did not go live. The message gives the reason and the processes."""


class InferenceError(SparringError, RuntimeError):
    """The official answer to a request is an error.

    error, message, stage: as in the answer; request_id finds its dead letter.
    """

    def __init__(self, error: str, message: str, stage: str, request_id: str) -> None:
        super().__init__(f"{error}: {message} (stage {stage}, request {request_id})")
        self.error = error
        self.message = message
        self.stage = stage
        self.request_id = request_id


class InferenceTimeoutError(SparringError, TimeoutError):
    """No official answer in time. The frame is not lost: its answer will be found by request."""


class FrameTooLarge(SparringError, ValueError):
    """The frame was not sent: it is above the limit."""


class ProduceError(SparringError, RuntimeError):
    """Frames were sent, and not confirmed: each may or may not be there.

    count: how many; failures: the first of them, request id -> its error. Sending one again, with its request id, is
    safe: two official answers of one request are told apart.
    """

    def __init__(self, count: int, failures: Mapping[str, "FrameTooLarge | ConnectionError"]) -> None:
        more = f"; and {count - len(failures)} more" if count > len(failures) else ""
        said = "; ".join(f"request {request_id}: {error}" for request_id, error in failures.items())
        super().__init__(shortened(f"not confirmed: {count} frame{'' if count == 1 else 's'}: {said}{more}"))
        self.count = count
        self.failures = dict(failures)


class OtherProcessError(SparringError, RuntimeError):
    """A client is used in another process than the one that made it. Nothing was sent."""
