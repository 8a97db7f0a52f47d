"""KAFKA for the SDK and the command line, through kafka-python. No other room imports it.

broker       one broker connection: consumers, producers, topics, groups, admin requests
owner        the process that may use a connection: a fork may not
offsets      offset ranges by time, and end offsets
records      records of a range of a topic, each partition on its own connection
source       recorded records of a stream: those that exist now
group        records as they arrive, as a member of a consumer group
watermark    the time up to which all records are delivered
bad_headers  record batches with header names that kafka-python cannot read
"""
