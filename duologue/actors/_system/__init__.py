"""The lifetime of all actors on a loop."""

# _system: the system; _drain: its end
