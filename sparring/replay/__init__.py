"""REPLAY: recorded frames once more, through another version or a candidate, never on the official topics unless asked.

    frame      one frame that is replayed, and what it is called in every run; or why there is none
    source     which frames: a closed set, settled before the first is sent
    reading    a source -> its frames, in an order that is the same each time: of topics (`recordings`), files, rows
    choosing   requests by id, or by what was answered -> a source
    plan       what is replayed, where to, how fast: all that is needed to go on after an interruption
    journal    what was sent, what is written and what is missing, in a file that survives the process
    lock       one process at a time has the journal
    left       the frames that no run has done yet
    counts     what became of the others, and of these
    recorded   the official answers that the frames had before
    apart      a router and a host of its own, with topics and a catalog that are pruned afterwards
    target     the version that answers: one that is there, or a candidate's, which is deployed nowhere
    road       to the target and back: sends frames, brings answers
    limits     how much is under way, how long it waits
    under_way  frames that were sent and have not all their answers
    run        the loop: read a frame, send it, take answers, write them, note it
    decisions  routing decisions derived again: the recorded ones, and those of other weights

The command line is `sparring.cli.replaying`.
"""
