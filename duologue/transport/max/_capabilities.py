"""What MAX can do, and what it calls its updates and actions."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from duologue.dialogs import Capabilities
from duologue.transport.max._requests import TEXT_LIMIT

# Source: dev.max.ru, schema of July 2026 and the page on keyboards. How long a
# press can be answered is not documented; people give up after some seconds.
CAPABILITIES = Capabilities(
    answer_carries_view=True,
    text_limit=TEXT_LIMIT,
    payload_limit=1024,
    button_text_limit=128,
    max_rows=30,
    max_columns=7,
    max_buttons=210,
    answer_deadline=5.0,
    max_columns_with_link=3,
)

# Source: the list of actions of the schema of July 2026.
ACTIONS = {
    "typing": "typing_on",
    "upload_photo": "sending_photo",
    "upload_video": "sending_video",
    "record_video": "sending_video",
    "upload_voice": "sending_audio",
    "record_voice": "sending_audio",
    "upload_document": "sending_file",
}

# By the names that routers know; `types` of a poll takes them by those of MAX, with
# commas between several.
UPDATE_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "message": "message_created",
        "edited_message": "message_edited",
        "removed_message": "message_removed",
        "callback_query": "message_callback",
        "bot_started": "bot_started",
        "bot_stopped": "bot_stopped",
        "bot_added": "bot_added",
        "bot_removed": "bot_removed",
        "user_added": "user_added",
        "user_removed": "user_removed",
        "chat_title_changed": "chat_title_changed",
        "dialog_cleared": "dialog_cleared",
        "dialog_muted": "dialog_muted",
        "dialog_unmuted": "dialog_unmuted",
        "dialog_removed": "dialog_removed",
        "bot_admin_permissions_changed": "bot_admin_permissions_changed",
        "unreadable_message": "message_created",
        # To webhooks only. They came as messages at first, and may still do.
        "comment": "comment_created,message_created",
        "edited_comment": "comment_edited,message_edited",
        "removed_comment": "comment_removed",
    }
)
