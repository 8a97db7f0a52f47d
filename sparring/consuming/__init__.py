"""Results as they are consumed: `client.results(...)`.

Who reads (`source`, `following`, with `membership` and `ends`) touches Kafka; what is wanted, given once, put in order,
brought together and committed is decided by pure code, with the time passed in.
"""
