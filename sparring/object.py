"""The errors that a caller of the SDK meets, under the name that the tutorial imports them from."""

from schemas.errors import (
    DeployError,
    EntityNotFoundError,
    FrameTooLarge,
    InferenceError,
    InferenceTimeoutError,
    OtherProcessError,
    ProduceError,
    RetryLater,
    SettingError,
    SparringError,
)

__all__ = [
    "DeployError",
    "EntityNotFoundError",
    "FrameTooLarge",
    "InferenceError",
    "InferenceTimeoutError",
    "OtherProcessError",
    "ProduceError",
    "RetryLater",
    "SettingError",
    "SparringError",
]
