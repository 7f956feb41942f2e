"""Users, chats, messages, updates and addresses; the port to messengers."""

# _chat: people, places, messages, views; _updates: what happened
# _address: which mailbox; _ports: what a messenger must offer
# _data: JSON as authors keep it
