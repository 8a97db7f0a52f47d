"""ONE FRAME: its bytes and headers.

inputs   a request of `infer` -> the bytes of a frame
encode   whatever `frames.send` accepts -> the bytes of a frame
headers  headers and size limits of a frame; large frames as references
labels   a frame's key, headers, request id and deadline, checked
fetch    the bytes of a recorded frame, read where they lie
"""
