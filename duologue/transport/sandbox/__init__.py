"""A local messenger that speaks the MAX Bot API, for development, demos and tests."""

from __future__ import annotations

# _sandbox: one that runs; _cli: its command; _access: port and tokens
# _world: what users and bots do; _bot_api: the side of the bot
# _people: the page of the users; _control: the side of tests
from duologue.transport.sandbox._bot_api._faults import Fault, FaultKind
from duologue.transport.sandbox._control._client import Control
from duologue.transport.sandbox._control._reports import (
    BotInfo,
    ChatInfo,
    Position,
    QueuedUpdate,
    RequestCount,
    UserInfo,
    VisibleMessage,
    WebhookInfo,
)
from duologue.transport.sandbox._sandbox import Sandbox
from duologue.transport.sandbox._world._actions import (
    Action,
    AddGroup,
    AddUser,
    ChangeDialog,
    ChangeRights,
    Click,
    Duplicate,
    Forge,
    Freeze,
    Inject,
    Outcome,
    Say,
    Start,
    Stop,
)
from duologue.transport.sandbox._world._log import LogEntry, LogKind
from duologue.transport.sandbox._world._subscriptions import Delivery, DeliveryState
from duologue.transport.sandbox._world._traffic import (
    Exchange,
    MessageTraffic,
    TracedUpdate,
)
from duologue.transport.sandbox._world._values import (
    DialogChange,
    NoMarker,
    OmittedField,
    Profile,
)

__all__ = [
    "Action",
    "AddGroup",
    "AddUser",
    "BotInfo",
    "ChangeDialog",
    "ChangeRights",
    "ChatInfo",
    "Click",
    "Control",
    "Delivery",
    "DeliveryState",
    "DialogChange",
    "Duplicate",
    "Exchange",
    "Fault",
    "FaultKind",
    "Forge",
    "Freeze",
    "Inject",
    "LogEntry",
    "LogKind",
    "MessageTraffic",
    "NoMarker",
    "OmittedField",
    "Outcome",
    "Position",
    "Profile",
    "QueuedUpdate",
    "RequestCount",
    "Sandbox",
    "Say",
    "Start",
    "Stop",
    "TracedUpdate",
    "UserInfo",
    "VisibleMessage",
    "WebhookInfo",
]
