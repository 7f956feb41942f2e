"""The managers: inside a turn, in the background, and `fg()`."""

# _manager, _focus, _moves: inside a turn
# _factory, _background: from outside; _calls, _schedule: what is called, and what later
# _foreground: a block as a turn
# _protocol: what both have; _place: the arguments of `bg()`
