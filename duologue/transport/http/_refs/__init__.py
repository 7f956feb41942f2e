"""The door for other programs: messages to actors, by their refs."""

# _door: the routes; _access: who may do what; _reading: requests; _statuses: refusals
# _receipts: outcomes that are asked for later; _rates: how much each may bring
# _openapi: all of it, described
