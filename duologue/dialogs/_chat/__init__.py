"""Users, chats, messages, updates and addresses; the port to messengers."""

# _chat: people, places, messages, views; _updates, _comments: what happened
# _address: which mailbox; _ports: what a messenger must offer
# _data: JSON as authors keep it
# _message, _sent: what came, and what handlers send, edit and delete
# _views: views of what handlers give, all of it checked
# _calls: what a messenger is asked to do
