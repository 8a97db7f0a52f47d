"""ANSWERS: as a stream, as logs, as tables.

stream     `client.results()`: the stream
query      its arguments, checked, and the filter
window     results between arrival and release
ordering   official answers once, in order
joining    an official answer and its challengers
result     one result as users get it
batches    results gathered into Arrow tables
dataframe  the table that `infer` and `logs` return
answers    answers of a time or of a follow, for commands
logs       `pipeline.logs()`
log_files  `pipeline.export_logs()`
"""
