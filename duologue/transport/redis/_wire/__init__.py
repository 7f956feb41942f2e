"""What goes to the server, and the way there."""

# _calls: what is asked; _link: all calls of a tick together, by a _client; _lanes: to
# several servers; _commands: as the server reads them
# _scripts: those in lua/; _envelopes: mail in them; _ending: of tasks that ask
