"""The host: compare what should run with what runs; start, end. One model process per model version and lane.

    host     the loop
    required which lanes a host must run, and which it cannot and why. Pure
    child    one model process: started, watched, restarted with back-off, ended
    memory   which process fits into the memory limit, and which has outgrown it. Pure
    retired  lanes that no version needs and that still have tasks

No frame passes through the host.
"""
