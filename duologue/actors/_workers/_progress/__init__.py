"""How far the work of an operation is."""

# _reporting: where it is reported; _progress: what comes of it; _pace: how fast it goes
# _part: parts of the work, as they are seen; _questions: what is asked meanwhile
