"""WHAT IS SENT: files, folders, patterns and videos, as frames.

    paths    what was named -> files
    file     one file -> its frames, each refused before it is sent where it can be none
    video    one video -> JPEGs
    mjpeg    one file of JPEGs one after the other -> JPEGs
    errors   what is wrong with a file of which frames were sent
    store    an object store that a URI names
    remote   files in it -> files here; imported by who needs it: pyarrow is slow to load

Nothing of this knows Kafka; `sparring.sender` is how frames are sent.
"""

from sparring.sources.errors import Incomplete
from sparring.sources.file import Sendable, check_file, frames_of
from sparring.sources.paths import FoundFiles, find_files, said_left_out

__all__ = ["FoundFiles", "Incomplete", "Sendable", "check_file", "find_files", "frames_of", "said_left_out"]
