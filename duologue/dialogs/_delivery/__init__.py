"""From a call to its mailbox, and the receipt back."""

# _post: the way in; _pending: what is not handled yet
# _receipts: what became of it; _replies: the same, in other processes
# _told: messages of other programs
# _tasks: tasks that outlive a turn; _unheard: errors nobody has heard
# _absences: chats that refuse the bot; _outage: an engine that does not answer
