"""The door for bots: the MAX Bot API."""

# _door: authorisation, limits and errors around every method
# _message_methods, _chat_methods, _polls, _webhooks: the methods
# _validation, _fields, _keyboard, _markup: what a bot may send
# _wire: JSON of the world; _limits, _faults, _recording: rules of the service
