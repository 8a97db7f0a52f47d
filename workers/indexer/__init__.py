"""The indexer: read answers, write them into Redis, commit.

    indexer    the process: the loop, readiness, the end
    stream     Faust, configured so that nothing is lost
    pending    records that are read and not written yet
    unflushed  recent writes, kept until Redis can no longer lose them

It writes what clients read from Redis by request. It decides nothing and counts nothing, and it commits only what Redis
has confirmed: any record may arrive twice.
"""
