"""ONE FRAME: the bytes and headers that a request becomes, and the bytes of a frame that was sent.

encode   What a user gives to `send`, as the bytes of a frame. Too large is said before anything is encoded or read
fetch    The frames that answers came from, fetched from their topic while it still has them
headers  Producing frames: what `infer`, the sender and the command line send, checked against the limits before
inputs   What a user gives to `infer`, as the bytes of a frame. Checked as far as it can be before it is sent
"""
