"""WHAT IT COSTS. `make bench`: the whole system beside two loops that do the same work with less around it.

    plain    decode and inference alone: two threads in one process, no queue
    bare     the same behind a hand-written queue: a router process, a worker process, nothing kept safe
    whole    the system: router, host, model process, indexer, as `sparring up` starts them

All three run the same model on the same frames, with the same code for decoding and inference, the same
session options and allocator settings, in turns within one run: machines are noisy, so only ratios
within a run say something.

    material      the model and the frames
    work          decode and inference of one frame: what all three ways have in common
    plain         the plain loop
    bare_router   the bare queue's first process
    bare_worker   its second
    bare          both, and their topics
    whole         the system, deployed through the SDK
    stream        frames in, answers out: as fast as they go, or evenly spaced
    cpu           CPU seconds by process
    measure       the rounds
    numbers       medians, ratios, percentiles; pure
    machine       what it was measured on
    report        tables for people, JSON for everyone else
"""
