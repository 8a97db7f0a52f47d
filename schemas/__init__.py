"""WHAT TRAVELS: every message that crosses a process boundary, and its bytes.

The lowest room. Router, workers, adapters and the SDK import from here, and this room imports from none of them. It is
pure: no I/O, no clock, no Kafka, no Redis.

    limits      the one table of sizes, counts and seconds
    topics      the one table of topics
    keys        the one layout of Redis keys
    metrics     the one table of metrics
    errors      the error tree
    names       names of workspaces, models and pipelines, and how they are written
    models      model versions, their configuration, tensors, image settings
    pipelines   steps, pipeline versions
    catalog     records of the catalog topic, and their fold
    presence    the heartbeat of a process
    frames      what a producer sends
    tasks       what the router sends: the frame and its slip
    results     what a model process answers, and dead letters
    tables/     Arrow and JSON tables, and how they become a model's inputs
    pictures/   pictures as a model's inputs
    json_text   JSON of a request, and what is wrong with text that is not JSON
    wiring      which value feeds which input, and whether it can
    signatures  which inputs and outputs a model may declare
"""
