"""Time as a collaborator, and the port through which the runtime tells what happens."""

# _clock: reading time and being called later
# _seconds: what counts as a number of seconds
# _restart_delays: the waits before actors begin anew
# _observe: the observer port
# _deadlines: those that lie the same time ahead, with one timer
