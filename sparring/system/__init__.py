"""THE RUNNING SYSTEM, as a client sees it.

connection  Where a client is connected to: one broker, one model store, one index, one namespace
follower    What the SDK knows of the system: the catalog and who is alive, kept up to date by one thread
owner       Which process opened a client's connections: no other may use them
"""
