"""Hosts: turns on an event loop, threads, and where an actor lives."""

# _turns, _turn: one callback of a loop gives turns to all actors
# _host, _host_thread, _hosts, _default_host: loops that run actors
# _placement, _current_host: which of them an actor is given to
# _closed_loop: loops that are closed underneath
# _unfinished: what is left behind when time is over
