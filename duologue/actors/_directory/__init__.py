"""Actors that are found by key, at most one for each."""

# _directory: the classes; _keyed_actors: the actors of one class
# _key_entry: one key; _keyed_ref: its ref
# _exposed: those that other programs reach
# _factory: what makes them; _context: what all classes share
