"""Errors of sources: a file that cannot be read to its end, and a frame that is too large."""

from schemas.errors import FrameTooLarge, Refused
from schemas.limits import FRAME_BYTES_MAX, REFERENCE_BYTES_MAX


class Incomplete(Refused):
    """Some frames of the file were returned, and others cannot be read. The message gives their number."""

    def __init__(self, message: str) -> None:
        super().__init__("NotAnImage", message, "read")


def check_bytes(came: int, bytes_max: int = FRAME_BYTES_MAX, argument: str = "the frame") -> None:
    """FrameTooLarge, saying what to do, where a frame of so many bytes cannot be sent."""
    if came <= bytes_max:
        return
    advice = "send fewer rows, or a JPEG"
    if bytes_max < REFERENCE_BYTES_MAX:
        advice += (
            f"; or set SPARRING_REFERENCE_STORE to a folder or bucket that the model processes may read: up to "
            f"{REFERENCE_BYTES_MAX} bytes travel as a reference to it"
        )
    raise FrameTooLarge(f"{argument}: {came} bytes; expected at most {bytes_max}: {advice}")
