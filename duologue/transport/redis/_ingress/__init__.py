"""The stream that other programs write to: messages to actors."""

# _stream: reads it, and moves what it holds into mailboxes; _entries: what may come in
