"""The door for people: the page in the browser."""

# _page: its files; _door, _stream: what it reads and hears; _start_line: starts a bot
# _upload: files that users send; _origin: who may use it
