"""KAFKA, for the services, through confluent-kafka: a GroupConsumer reads and commits, a ConfirmingProducer sends.

group_consumer  topics, read as a member of a group: read, commit
commits    the group consumer's commits: one may never be answered, and is not waited for for ever
confirming_producer  records sent, and which of them are confirmed
batches    compressed batches that the client does not unpack
reader     one partition from its beginning, without a group
record     a record as it was read, and what a group committed
clients    the settings of every consumer and producer
"""
