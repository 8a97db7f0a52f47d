"""What a person does with the whole system, on a real Kafka and a real Valkey."""
