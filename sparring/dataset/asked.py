"""What an answer answers, so that answers of two runs can be laid beside each other. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Asked:
    """One frame.

    subject: what was asked, the same in every run over the same frames: the request id of the frame that was recorded,
    else the source's name. source: where its bytes lie: `topic/partition/offset`, a file's path, `path#picture` of a
    video, `uri#row` of a dataset. at: when it was first produced, Unix milliseconds.
    """

    subject: str
    source: str
    at: int
