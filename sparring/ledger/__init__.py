"""THE LEDGER: every frame accounted for by its answers. It reads topics and Redis and changes nothing.

account    facts -> report; what must hold. Pure
facts      a frame, an answer, a dead letter: what the account needs. Pure
decisions  what the router's pure function decides for a frame
read       the facts, from topics and Redis; `verify`
"""
