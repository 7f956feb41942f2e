"""The door for other programs: messages to actors, by their refs."""

# _door: the routes; _access: who may do what; _reading: requests; _statuses: refusals
# _receipts: outcomes that are asked for later; _openapi: all of it, described
