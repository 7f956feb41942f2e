"""What routers call the updates of messengers."""

from __future__ import annotations

from collections.abc import Mapping

from duologue.dialogs._chat._comments import (
    CommentCreated,
    CommentEdited,
    CommentRemoved,
)
from duologue.dialogs._chat._ports import Update
from duologue.dialogs._chat._updates import (
    BotAdded,
    BotAdminPermissionsChanged,
    BotRemoved,
    BotStarted,
    BotStopped,
    Callback,
    ChatTitleChanged,
    DialogCleared,
    DialogMuted,
    DialogRemoved,
    DialogUnmuted,
    MessageCreated,
    MessageEdited,
    MessageRemoved,
    UnreadableMessage,
    UserAdded,
    UserRemoved,
)

EVENT_NAMES: Mapping[type[Update], str] = {
    MessageCreated: "message",
    MessageEdited: "edited_message",
    MessageRemoved: "removed_message",
    Callback: "callback_query",
    BotStarted: "bot_started",
    BotStopped: "bot_stopped",
    BotAdded: "bot_added",
    BotRemoved: "bot_removed",
    UserAdded: "user_added",
    UserRemoved: "user_removed",
    ChatTitleChanged: "chat_title_changed",
    DialogCleared: "dialog_cleared",
    DialogMuted: "dialog_muted",
    DialogUnmuted: "dialog_unmuted",
    DialogRemoved: "dialog_removed",
    BotAdminPermissionsChanged: "bot_admin_permissions_changed",
    UnreadableMessage: "unreadable_message",
    CommentCreated: "comment",
    CommentEdited: "edited_comment",
    CommentRemoved: "removed_comment",
}
