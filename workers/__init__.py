"""WHO DOES: the host and its model processes, and the indexer.

    host/        keeps one model process per model version and lane
    inference/   the model process: read tasks, run, publish, commit
    indexer/     results -> Redis

Workers meet the router in topics only. They never choose a path and never send work.
"""
