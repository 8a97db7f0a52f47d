"""Results as other teams read them: with a Kafka client alone, with Faust, and as a dataset."""
