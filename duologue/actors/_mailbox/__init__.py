"""The mailbox of an actor: envelopes, bounds, waiting for room, dead letters."""

# _mailbox, _envelope: the inbox and what lies in it
# _bounded: the setting; _bounded_queue, _queues: one queue for each policy
# _room: waiting until there is room
# _dead_letters: messages that nobody handled
# _mail_inbox: the inbox of an actor whose mail lies in an engine
