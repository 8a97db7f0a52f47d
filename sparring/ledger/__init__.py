"""The ledger: every frame that went in, accounted for by what came out. See `account` for what must hold.

It reads topics and Redis and changes nothing; it asks the router's own pure function what should have happened.
"""
