"""WHO RUNS: the host, its model processes, and the indexer.

    host/        the host: keep one model process per model version and lane
    inference/   the model process: read tasks, run, publish, commit
    indexer/     the indexer: read answers, write them into Redis, commit

Workers meet the router in topics only. They never choose a path and never send work.
"""
