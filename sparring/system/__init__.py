"""A RUNNING SYSTEM as a client sees it.

connection  the brokers, the model store, the index and the namespace of one client
follower    the catalog and presence, followed in a thread
owner       the process that may use a client: a fork may not
"""
