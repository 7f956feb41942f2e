"""How far the work of an operation is."""

# _progress: what was reported; _pace: how fast it goes; _part: parts of the work
