"""The port of durable mailboxes, and the engine in memory."""

# _engine: the port; _local: what engines of one process share; _memory: the engine in
# memory; _timed: letters for later
