"""THE OUTSIDE, for the services. Each external library has one owner here.

    settings         the environment, read once at start
    logs             JSON lines on stderr
    clock            the time of day, in Unix milliseconds
    service          signals, exit codes and logs of every service
    monitor          serves /metrics, /live and /ready; `probe` requests them
    meter            metrics (prometheus-client)
    traces           spans (OpenTelemetry)
    rules            validation rules (polars)
    kafka/           confluent-kafka: a GroupConsumer, a ConfirmingProducer, a Reader (one partition)
    brokers          how Kafka is reached, for all three Kafka clients
    topics           the start-up check of topics, their ids, a group's lag
    catalog          follows the catalog topic
    presence         this process's heartbeats, and those of others
    storage/         model files by sha256, referenced frames, permitted roots (pyarrow.fs)
    images/          encoded images -> pictures and tensors (OpenCV, simplejpeg)
    onnx_runtime     ONNX Runtime with its telemetry off: the only import of onnxruntime
    onnx_file        shapes in an ONNX file (onnx)
    redis            the index of answers (redis-py); redis_url: its URL

The SDK and the command line use kafka-python, in `sparring.kafka`.
"""
