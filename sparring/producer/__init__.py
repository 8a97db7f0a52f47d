"""MANY FRAMES sent, with a confirmation for each.

async_frames  `AsyncFrames`: what `Frames` is, in an event loop. One thread sends, whatever the number of frames and
frames        `Frames`: frames sent from a `with` block, with back-pressure and a report for each. Made by `Client.f
options       What `client.frames` was asked for: it makes frames and the sender of both kinds of blocks
reports       Where reports go: to the user's `on_report`; without one, failures are kept until they are raised. Pur
sender        How frames are sent: many at once, a bounded number under way, a report for each
"""
