"""The world of the sandbox: users, chats, messages, files, and what users do."""

# _values, _world: what there is; _files, _log, _queue, _traffic: what is kept
# _actions, _acting: what users do; _service: all that one running sandbox holds
# _subscriptions, _courier: webhooks, and what is sent to them
