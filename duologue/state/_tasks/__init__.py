"""Tasks, and what keeps those that outlive their process."""

# _tasks: functions that are given their States; _process_tasks: in processes of their own; _chains: several, one after the other
# _places: whose States those are
# _jobs: what is kept of one; _leases: its mailbox, held by who runs it
# _works: one that a worker runs; _bodies, _looks: if another process may run it
# _keeper: all of a runtime; _registry: what it finds by name
