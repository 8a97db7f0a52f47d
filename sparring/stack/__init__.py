"""THE LOCAL STACK: a real Kafka, a real Valkey and the three services, as child processes of one parent.

`sparring up`, the tests and the demo all start it through `LocalStack`. It is for one machine
and one person: no replication, no TLS, listeners on 127.0.0.1 only.

    jars        Kafka's jars, resolved once into the cache folder
    kafka       how the broker is configured, formatted, started
    valkey      how Valkey is started
    services    how router, host and indexer are started
    topics      the fixed topics, created before any service starts
    process     one supervised child: log, restart with back-off, end
    remains     ends the children when the parent died without doing so
    leash       the stack's hold on that
    folder      the data folder: its lock, stack.json, what a killed stack left behind
    stack       LocalStack: all of them, in order
    presence    which of the services say that they live
    detached    a stack that outlives the command that started it
    status      what `sparring status` shows

Nothing of this runs in production: services never import it.
"""

from sparring.stack.errors import StackError
from sparring.stack.stack import SERVICES, LocalStack

__all__ = ["SERVICES", "LocalStack", "StackError"]
