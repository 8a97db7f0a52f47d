"""THE LOCAL STACK: Kafka, Valkey and the services on one machine.

detached  A stack that outlives the command that started it: `sparring up -d`, and `sparring down` for any stack
errors    What goes wrong with a local stack, in words that say what to do
folder    The data folder of one stack: who holds it, where its servers listen, what a killed stack left behind
kafka     The broker: Apache Kafka itself, one node that is broker and controller (KRaft), in the JVM of a wheel
ports     Free ports on this machine's own address
process   One supervised child: started, its log kept, restarted with back-off when it dies, ended when told
reaper    Ends what a stack left running when it died without doing so: killed, crashed, out of memory
services  The fixed topics of a namespace, created before any service starts: nobody relies on auto-creation
stack     LocalStack: Kafka, Valkey, router, host, indexer; stopped in the order in which data flows
status    What `sparring status` shows: asked of the folder, the processes, the broker, the catalog and presence
"""

from sparring.local.errors import StackError
from sparring.local.stack import SERVICES, LocalStack

__all__ = ["SERVICES", "LocalStack", "StackError"]
