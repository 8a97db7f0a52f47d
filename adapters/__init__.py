"""WHO TOUCHES THE OUTSIDE, for the services. Each outside library has one owner here.

    settings    the environment, read once at start
    logs        JSON lines on stderr
    clock       the time of day, in Unix milliseconds
    service     what every service does around its work
    monitor     /metrics, /live, /ready; probe asks them
    meter       metrics (prometheus-client)
    traces      spans (OpenTelemetry)
    rules       validation rules (polars)
    kafka/      confluent-kafka: an Inbox (read, commit), an Outbox (send, flush), a Reader (one partition, no group)
    topics      the start-up check of topics, their ids, a group's lag
    catalog     follows the catalog topic
    presence    beats, and who else does
    store       model files, by sha256 (pyarrow.fs)
    onnx_file   what an ONNX file says of its shapes (onnx)
    redis       the index of answers (redis-py)

The SDK and the command line talk to Kafka through kafka-python, in `sparring`.
"""
