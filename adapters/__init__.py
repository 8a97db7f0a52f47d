"""WHO TOUCHES THE OUTSIDE, for the services. Each outside library has one owner here.

    settings         the environment, read once at start
    logs             JSON lines on stderr
    clock            the time of day, in Unix milliseconds
    service          what every service does around its work
    monitor          /metrics, /live, /ready; probe asks them
    meter            metrics (prometheus-client)
    traces           spans (OpenTelemetry)
    rules            validation rules (polars)
    kafka/           confluent-kafka: a GroupConsumer, a ConfirmingProducer, a Reader (one partition)
    brokers          how Kafka is reached, for all three Kafka clients
    topics           the start-up check of topics, their ids, a group's lag
    catalog          follows the catalog topic
    presence         beats, and who else does
    store            model files, by sha256 (pyarrow.fs)
    onnx_runtime     ONNX Runtime with its telemetry off: the only import of onnxruntime
    onnx_file        shapes in an ONNX file (onnx)
    images           an encoded image -> a tensor (OpenCV)
    image_files      an encoded image before it is decoded: size, completeness, orientation
    jpegs            a JPEG -> pixels, or a refusal where data are missing (simplejpeg)
    jpeg_series      where each of several JPEGs in one file ends
    references       frames that lie elsewhere; roots: below which folders and buckets; local_file: one file there
    reference_store  where a client puts frames that are too large for Kafka
    redis            the index of answers (redis-py); redis_url: its URL

The SDK and the command line talk to Kafka through kafka-python, in `sparring`.
"""
