"""The door for tests and demos, and its client."""

# _door: acts as users; _client, _link: the client
# _conversion, _reports: its JSON
