"""MANY FRAMES, each with a report of its delivery.

frames        `client.frames()`
async_frames  `client.frames()` in asyncio
sender        sends frames with bounded memory
options       the arguments of `client.frames`, checked
reports       how sending each frame ended
"""
