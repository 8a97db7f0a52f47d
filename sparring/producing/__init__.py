"""PRODUCING: frames from Python, many at once, each with its report. Behind `client.frames`.

    labels.py        key, headers, request id and deadline of a frame, checked
    given.py         what a user gives -> the bytes of a frame
    asked.py         what `client.frames` was asked for
    report.py        how sending one frame ended
    reports.py       where reports go: to `on_report`, else the failures are kept until they are raised
    frames.py        `Frames`, the context manager
    async_frames.py  `AsyncFrames`, the same in an event loop

How frames go out, how many may be under way: `sparring.sender`.
"""
