"""Conversations: dialogs, windows, widgets, and the turns that they live in."""

from __future__ import annotations

# From what users see to what makes it:
# _description, widgets: dialogs and windows, as authors declare them
# routing: handlers, filters, middlewares
# _manager: what handlers work with; _progress: workers that a dialog shows
# _turns: one message, from opening to release; _handling: what it does
# _state: what a turn reads and writes
# _screen: drawing; _delivery: mail, receipts, tasks
# _chat: messages, updates, and what a messenger must offer
from duologue.dialogs._chat._address import (
    Address,
    bot_key,
)
from duologue.dialogs._chat._calls import CallKind, Capabilities, MessengerCalls
from duologue.dialogs._chat._chat import (
    Attachment,
    CallbackButton,
    Chat,
    ChatType,
    ContentType,
    InlineButton,
    Keyboard,
    LinkButton,
    User,
    View,
)
from duologue.dialogs._chat._comments import (
    CommentCreated,
    CommentEdited,
    CommentRemoved,
)
from duologue.dialogs._chat._message import Message
from duologue.dialogs._chat._ports import (
    Batch,
    Bot,
    Update,
    UpdateSource,
)
from duologue.dialogs._chat._sent import Sent
from duologue.dialogs._chat._updates import (
    BotAdded,
    BotAdminPermissionsChanged,
    BotRemoved,
    BotStarted,
    BotStopped,
    Callback,
    CallbackAnswers,
    ChatTitleChanged,
    ChatUpdate,
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
from duologue.dialogs._chat._views import Buttons
from duologue.dialogs._delivery._receipts import (
    Committed,
    Covered,
    Duplicate,
    Outcome,
    Receipt,
)
from duologue.dialogs._delivery._tasks import (
    TaskGroup,
    TaskHandle,
)
from duologue.dialogs._description._dialog import (
    Dialog,
)
from duologue.dialogs._description._dispatcher import (
    BG_FACTORY_KEY,
    Dispatcher,
    setup_dialogs,
)
from duologue.dialogs._description._getters import (
    Getter,
)
from duologue.dialogs._description._window import (
    Window,
)
from duologue.dialogs._handling._notices import Notices
from duologue.dialogs._manager._factory import BgManagerFactory
from duologue.dialogs._manager._foreground import Foreground
from duologue.dialogs._manager._manager import BgManager, DialogManager, DialogProtocol
from duologue.dialogs._manager._protocol import BaseDialogManager
from duologue.dialogs._manager._schedule import ScheduledCalls
from duologue.dialogs._progress._progress import progress_data, show_progress
from duologue.dialogs._progress._workers import DialogWorkers
from duologue.dialogs._state._commands import (
    CloseDialog,
    DialogCommand,
    LendTurn,
    MessageRefused,
    StartDialog,
    SwitchWindow,
    UpdateData,
    ViewRefused,
)
from duologue.dialogs._state._events import DialogUpdate, ErrorEvent, MessageTold
from duologue.dialogs._state._modes import (
    DEFAULT_STACK_ID,
    GROUP_STACK_ID,
    LaunchMode,
    ShowMode,
    StartMode,
)
from duologue.dialogs._state._recurrence import Daily
from duologue.dialogs._state._stack import (
    Context,
    Stack,
)
from duologue.dialogs._state._states import (
    State,
    StatesGroup,
)
from duologue.dialogs._state._timer import Cancellation, Timer
from duologue.dialogs._turns._conversations import Conversations
from duologue.dialogs._turns._settings import Settings
from duologue.dialogs.routing._router import DIALOG_EVENT_NAME

__all__ = [
    "BG_FACTORY_KEY",
    "DEFAULT_STACK_ID",
    "DIALOG_EVENT_NAME",
    "GROUP_STACK_ID",
    "Address",
    "Attachment",
    "BaseDialogManager",
    "Batch",
    "BgManager",
    "BgManagerFactory",
    "Bot",
    "BotAdded",
    "BotAdminPermissionsChanged",
    "BotRemoved",
    "BotStarted",
    "BotStopped",
    "Buttons",
    "CallKind",
    "Callback",
    "CallbackAnswers",
    "CallbackButton",
    "Cancellation",
    "Capabilities",
    "Chat",
    "ChatTitleChanged",
    "ChatType",
    "ChatUpdate",
    "CloseDialog",
    "CommentCreated",
    "CommentEdited",
    "CommentRemoved",
    "Committed",
    "ContentType",
    "Context",
    "Conversations",
    "Covered",
    "Daily",
    "Dialog",
    "DialogCleared",
    "DialogCommand",
    "DialogManager",
    "DialogMuted",
    "DialogProtocol",
    "DialogRemoved",
    "DialogUnmuted",
    "DialogUpdate",
    "DialogWorkers",
    "Dispatcher",
    "Duplicate",
    "ErrorEvent",
    "Foreground",
    "Getter",
    "InlineButton",
    "Keyboard",
    "LaunchMode",
    "LendTurn",
    "LinkButton",
    "Message",
    "MessageCreated",
    "MessageEdited",
    "MessageRefused",
    "MessageRemoved",
    "MessageTold",
    "MessengerCalls",
    "Notices",
    "Outcome",
    "Receipt",
    "ScheduledCalls",
    "Sent",
    "Settings",
    "ShowMode",
    "Stack",
    "StartDialog",
    "StartMode",
    "State",
    "StatesGroup",
    "SwitchWindow",
    "TaskGroup",
    "TaskHandle",
    "Timer",
    "UnreadableMessage",
    "Update",
    "UpdateData",
    "UpdateSource",
    "User",
    "UserAdded",
    "UserRemoved",
    "View",
    "ViewRefused",
    "Window",
    "bot_key",
    "progress_data",
    "setup_dialogs",
    "show_progress",
]
