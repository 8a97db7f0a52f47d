"""The errors that the SDK raises, under the module name that the tutorial imports them from."""

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
