"""A page with progress bars of every kind, to look at: `duologue operations-demo`."""

# _cli: the command; _site: the page and its door; _works: the operations on it
