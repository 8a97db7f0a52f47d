"""The suite mirrors the rooms; it runs against a real Kafka and a real Valkey that it starts itself."""
