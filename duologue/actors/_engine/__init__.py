"""The port of durable mailboxes, and the engine in memory."""

# _engine: the port; _memory: the engine in memory
