"""WHAT TRAVELS: every noun that crosses a process boundary, and how it becomes bytes.

The lowest room. Router, workers, adapters and the front door all import from here, and this
room imports from none of them. It is pure: no I/O, no clock, no Kafka, no Redis.

    limits      the one table of sizes, counts and seconds
    topics      the one table of topics
    keys        the one layout of Redis keys
    errors      the error tree
    names       workspace, model and pipeline names, and how they are written
    models      model versions, their configuration, tensors, image settings
    pipelines   steps, pipeline versions
    catalog     records of the catalog topic and their fold
    presence    the beat of a living process
    frames      what a producer sends
    tasks       what the router sends: the frame and its slip
    results     what a model process answers, and dead letters
    tables      tensors <-> Arrow IPC and JSON records
    json_text   JSON of a request: records, and what is wrong with text that is not JSON
    unpacked    how large an Arrow IPC stream is once it is unpacked
    encodings   dictionary, run-end, view and extension columns as plain columns
    wiring      which value feeds which input, and whether it can
    casting     an array in an input's dtype
    fitting     a table as a model's input arrays
    signatures  which inputs and outputs a model may declare
    pictures    which input takes a picture, and what the other inputs get
    placement   where a picture lies in a model's input
    metrics     the one table of metrics
"""
