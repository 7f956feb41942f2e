"""Asks, promises and futures, waited for in threads and on loops."""

# _ask: messages that name their answer
# _set_once, _wakers: a value set once, and who waits for it
# _future: a Pykka future that can be awaited
# _wait_in_thread: a foreign future, waited for off the loop
# _blocking: which threads must never wait for an actor
# _countdown: one deadline over several waits
