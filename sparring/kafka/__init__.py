"""KAFKA, for the SDK and the command line: the only room that imports kafka-python.

bad_headers  Headers as the services read them, where kafka-python reads them otherwise
broker       The SDK's end of Kafka: kafka-python, with every setting that matters said here
group        Records as they come: of all partitions, or, in a consumer group, of those that Kafka assigns to this m
offsets      What of each partition is read: from which offset to which. Settled by asking the broker once
records      Records of one topic, by time, to the end or as they come
source       Where a consumer's records come from: those that are there. `sparring.kafka.group` has those that come
watermark    How far the partitions were read, in time. Pure: what the broker says, and when, is passed in
"""
