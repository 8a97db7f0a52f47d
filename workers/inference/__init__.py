"""The model process: read tasks, run, publish, commit. One model version, one lane.

loop            the main thread: reads tasks, submits them, commits
partitions      the owner of offsets: what is read, settled, committed; rebalances
executor        the inference threads: gather tickets, run them, publish
in_flight       tickets: answers are published in the order of their tasks, commits follow delivery
publisher       sends answers and dead letters, keeps their delivery reports
attempts        which message ended its process: the note in a commit's metadata
fetching        reads a frame that is a reference
answering       a task becomes an answer: decode, run every step of its path, encode
request_inputs  a request -> a model's input arrays
steps           one loaded model or Python step
independence    whether rows may share a run: two rows alone and together
version_cache   which models are loaded, for which pipeline versions
loading         loads a model in a thread; a hanging load is abandoned
stale           tasks that need no run: expired, or shed (a challenger's)
watchdog        ends the process when a run hangs
recorder        metrics and spans of the process
process_setup   malloc, priority, the end with the parent process
"""
