"""SOURCES: files, folders, patterns, videos and object stores, as frames.

    paths    names, folders and patterns -> files
    file     one file -> its frames; refuses what cannot be a frame before it is sent
    video    one video -> JPEGs
    mjpeg    one file of several JPEGs -> JPEGs
    dataset  datasets whose rows hold encoded images
    store    an object store, by its URI
    remote   files of a store -> files here; imported where it is needed: pyarrow is slow to load
    errors   a file that cannot be read to its end, a frame that is too large

No Kafka here: `sparring.producer` sends frames.
"""

from sparring.sources.errors import Incomplete
from sparring.sources.file import Sendable, check_file, frames_of
from sparring.sources.paths import FoundFiles, find_files, said_left_out

__all__ = ["FoundFiles", "Incomplete", "Sendable", "check_file", "find_files", "frames_of", "said_left_out"]
