"""WHO DECIDES. The router: read frames, decide, send tasks, commit.

    loop       the main loop, and its catalog, heartbeat and offsets
    route      frame + pipeline version -> tasks. Pure
    hashing    weighted rendezvous hashing, and positions in a split. Pure
    replies    the records that end a frame here: error, expired and shed answers, dead letters. Pure
    producers  one producer per lane, replaced when a topic that they know is deleted

The router never decodes an image and never runs a model. It shares topics with the workers, and no code.
"""
