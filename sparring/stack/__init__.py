"""THE LOCAL STACK: Kafka, Valkey and the services on this machine.

stack     `LocalStack`: starts everything, stops it in the order in which data flows
process   one supervised process: log, restart with back-off, end
kafka     the broker's jars and configuration
services  Valkey, the services, the fixed topics
ports     free ports
folder    a stack's data folder: its lock, its addresses, its leftovers
errors    `StackError`
detached  `sparring up -d` and `down`
reaper    ends what a killed stack left running
status    `sparring status`
"""

from sparring.stack.errors import StackError
from sparring.stack.stack import SERVICES, LocalStack

__all__ = ["SERVICES", "LocalStack", "StackError"]
