"""WHO DECIDES. Reads a frame, chooses its paths, sends a task per path, commits.

    loop      the sentence above, and what surrounds it
    route     frame + pipeline version -> tasks, pure
    hashing   weighted rendezvous and positions, pure

The router never decodes an image and never runs a model. It meets the workers in topics only.
"""
