"""Indexer: read answers, write them into Redis, commit.

    indexer     the process: its sentence, its beat, its end
    stream      Faust, set up so that nothing is lost
    pending     what was read and is not written yet
    lately      what was written lately, in case Redis forgets it

It stands between `results` and `shadows` and whoever asks Redis for a request. It never decides,
never counts, and never commits what Redis has not confirmed: any record may come twice.
"""
