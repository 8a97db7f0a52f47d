"""ANSWERS, read: a stream of results, a pipeline's logs, and both as tables.

answers    Answers read from the topics `results` and `shadows`: by time, to the end or as they come
batches    Results on their way into tables. A result is handed out with the last table that has rows of it
dataframe  An official answer and its challengers' as the table that `infer` returns. Pure
joining    An official result and its challengers' brought together, in any order of coming. Pure: the time is passe
log_files  The files that `export_logs` writes, `<prefix>-1.json` (JSON lines) or `.arrow` (Arrow IPC), -2 and so on
logs       The log of a pipeline: every inference that was answered, one row per input row
ordering   Results put in the order of their frames, within a bounded window. Pure: the time is passed in
query      The arguments of `client.results`, checked. Pure
result     One result as a consumer sees it, and one with its challengers. Pure
stream     What `client.results` returns: read a record, put it where it belongs, hand out what is ready; commit whe
window     What a result waits for between its coming and its going out: its turn, its challengers. Pure: the time i
"""
