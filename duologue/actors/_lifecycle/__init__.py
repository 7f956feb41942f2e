"""The life of an actor: relations to others, supervision, restarts, timers."""

# _relations: children, watchers and timers of an actor, which _ties holds
# _supervision: what a failure leads to, decided; _failure: done
# _restart: a new instance takes over ref and mailbox
# _timers: messages that an actor sends to itself, later
