from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from duologue.dialogs import (
    Attachment,
    BotAdded,
    BotAdminPermissionsChanged,
    BotRemoved,
    BotStarted,
    BotStopped,
    Callback,
    CallbackButton,
    Chat,
    ChatTitleChanged,
    ChatType,
    CommentCreated,
    CommentEdited,
    CommentRemoved,
    DialogCleared,
    DialogMuted,
    DialogRemoved,
    DialogUnmuted,
    LinkButton,
    MessageCreated,
    MessageEdited,
    MessageRemoved,
    UnreadableMessage,
    Update,
    User,
    UserAdded,
    UserRemoved,
)
from duologue.errors import (
    DuologueError,
    MalformedUpdateError,
    UnboundMessageError,
    UnknownUpdateError,
)
from duologue.transport.max import Bot
from duologue.transport.max._requests import SHARED_MARK

Json = dict[str, object]

BOT = Bot("token")
STAMP = 1775025604499
ANN = User(id=11, name="Ann Lee")
ANN_RAW: Json = {
    "user_id": 11,
    "first_name": "Ann",
    "last_name": "Lee",
    "is_bot": False,
    "last_activity_time": STAMP,
    "name": "Ann Lee",
}
GROUP = -70801090403050


def message(**changes: object) -> Json:
    return {
        "recipient": {"chat_id": 182, "chat_type": "dialog", "user_id": 99},
        "timestamp": STAMP - 1000,
        "body": {"mid": "mid.1", "seq": 1, "text": "hi bot"},
        "sender": ANN_RAW,
        **changes,
    }


def created(**changes: object) -> Json:
    return {
        "update_type": "message_created",
        "timestamp": STAMP,
        "user_locale": "ru",
        "message": message(),
        **changes,
    }


def callback(**press: object) -> Json:
    buttons = [
        [
            {"type": "callback", "text": "A", "payload": "a", "intent": "default"},
            {"type": "request_contact", "text": "me"},
            "nonsense",
        ],
        [{"type": "request_geo_location", "text": "here"}],
        [{"type": "link", "text": "B", "url": "https://b.example"}],
    ]
    keyboard = {"type": "inline_keyboard", "payload": {"buttons": buttons}}
    body = {"mid": "mid.2", "seq": 2, "text": "Hello", "attachments": [keyboard]}
    sender = {"user_id": 99, "first_name": "Bot", "username": "bot", "is_bot": True}
    return {
        "update_type": "message_callback",
        "timestamp": STAMP,
        "callback": {
            "timestamp": STAMP + 5,
            "callback_id": "press-1",
            "payload": "a",
            "user": ANN_RAW,
            **press,
        },
        "message": message(body=body, sender=sender),
    }


def event(update_type: str, **more: object) -> Json:
    return {
        "update_type": update_type,
        "timestamp": STAMP,
        "chat_id": GROUP,
        "user": ANN_RAW,
        "is_channel": False,
        **more,
    }


def holding(*attachments: object) -> Json:
    body = {"mid": "mid.1", "seq": 1, "text": "", "attachments": list(attachments)}
    return created(message=message(body=body))


def comment(kind: str) -> Json:
    recipient = {"chat_id": -5, "chat_type": "channel", "post_id": "mid.0"}
    return {**created(message=message(recipient=recipient)), "update_type": kind}


VCARD = "BEGIN:VCARD\r\nVERSION:3.0\r\nTEL:+7\r\nFN;CHARSET=UTF-8:Bob\r\nEND:VCARD"
CONTACT: Json = {
    "type": "contact",
    "payload": {"max_info": ANN_RAW, "vcf_info": VCARD},
}
EVERY_TYPE: Mapping[type[Update], Json] = {
    BotAdded: event("bot_added"),
    BotAdminPermissionsChanged: event(
        "bot_admin_permissions_changed",
        user_id=11,
        is_admin=True,
        permissions=["write", 5, "pin_message"],
    ),
    BotRemoved: event("bot_removed"),
    BotStarted: event("bot_started", chat_id=182, payload="deep"),
    BotStopped: event("bot_stopped", chat_id=182),
    Callback: callback(),
    ChatTitleChanged: event("chat_title_changed", title="Look at me"),
    CommentCreated: comment("comment_created"),
    CommentEdited: comment("comment_edited"),
    CommentRemoved: event(
        "comment_removed", message_id="mid.1", post_id="mid.0", user_id=11
    ),
    DialogCleared: event("dialog_cleared", chat_id=182),
    DialogMuted: event("dialog_muted", chat_id=182, muted_until=STAMP),
    DialogRemoved: event("dialog_removed", chat_id=182),
    DialogUnmuted: event("dialog_unmuted", chat_id=182),
    MessageCreated: created(),
    MessageEdited: {**holding(CONTACT), "update_type": "message_edited"},
    MessageRemoved: event("message_removed", message_id="mid.1", user_id=11),
    UserAdded: event("user_added", inviter_id=5),
    UserRemoved: event("user_removed", admin_id=5),
}


def test_a_message_is_read_from_its_json() -> None:
    update = BOT.parse(created())

    assert isinstance(update, MessageCreated)
    assert (update.text, update.chat) == ("hi bot", Chat(182))
    assert update.user == replace(ANN, language_code="ru")
    assert update.timestamp == datetime(2026, 4, 1, 6, 40, 4, 499000, UTC)
    assert (update.message.id, update.message.keyboard) == ("mid.1", ())
    assert update.raw == created()


@pytest.mark.parametrize("kind", ["message_created", "message_callback", "bot_started"])
@pytest.mark.parametrize("locale", ["en", None])
def test_an_update_tells_the_language_of_who_acts(
    kind: str, locale: str | None
) -> None:
    raws: dict[str, Json] = {
        "message_created": created(),
        "message_callback": callback(),
        "bot_started": event("bot_started"),
    }
    raw = raws[kind] | {"user_locale": locale}

    user = BOT.parse(raw).user

    assert user is not None
    assert user.language_code == locale


@pytest.mark.parametrize("kind", ["message_created", "comment_created"])
async def test_a_comment_is_no_message_of_its_channel(kind: str) -> None:
    update = BOT.parse(comment(kind))

    assert type(update) is CommentCreated
    assert (update.post_id, update.text, update.chat_id) == ("mid.0", "hi bot", -5)
    assert update.user_id == ANN.id
    assert update.attachments == ()
    with pytest.raises(UnboundMessageError):
        await update.message.answer("this would be a post")


@pytest.mark.parametrize("kind", ["message_edited", "comment_edited"])
def test_a_comment_that_was_changed_is_no_message_either(kind: str) -> None:
    update = BOT.parse(comment(kind))

    assert type(update) is CommentEdited
    assert (update.post_id, update.text) == ("mid.0", "hi bot")


def test_a_press_is_read_with_the_message_that_holds_the_button() -> None:
    update = BOT.parse(callback())

    assert isinstance(update, Callback)
    assert (update.callback_id, update.payload) == ("press-1", "a")
    assert (update.user, update.chat_id) == (ANN, 182)
    assert update.message is not None
    assert update.message.sender == User(99, "Bot", "bot", is_bot=True)
    assert update.message.keyboard == (
        (CallbackButton("A", "a"),),
        (LinkButton("B", "https://b.example"),),
    )


HELD: list[tuple[Json, Attachment]] = [
    (
        {
            "type": "file",
            "payload": {"url": "https://f.example/1", "token": "t"},
            "filename": "report.pdf",
            "size": 1200,
        },
        Attachment("file", "report.pdf", 1200, "https://f.example/1", "t"),
    ),
    (
        {
            "type": "image",
            "payload": {"photo_id": 1, "token": "t", "url": "https://i.example/1"},
        },
        Attachment("image", None, None, "https://i.example/1", "t"),
    ),
    (
        {"type": "video", "payload": {"url": "u", "token": "t"}, "duration": 5},
        Attachment("video", None, None, "u", "t"),
    ),
    (
        {"type": "audio", "payload": {"url": "u", "token": "t"}},
        Attachment("audio", None, None, "u", "t"),
    ),
    (
        {"type": "sticker", "payload": {"url": "u", "code": "c"}, "width": 5},
        Attachment("sticker", None, None, "u", "c"),
    ),
    (CONTACT, Attachment("contact", ANN.name)),
    (
        {"type": "contact", "payload": {"vcf_info": VCARD}},
        Attachment("contact", "Bob"),
    ),
    (
        {"type": "contact", "payload": {"vcf_info": "item1.FN:Bob\r\nFNX:Eve"}},
        Attachment("contact", "Bob"),
    ),
    ({"type": "contact", "payload": {}}, Attachment("contact")),
    ({"type": "location", "latitude": 1.5, "longitude": 2}, Attachment("location")),
    (
        {"type": "share", "payload": {"url": "u"}, "title": "News"},
        Attachment("share", "News", url="u"),
    ),
    ({"type": "hologram", "depth": 3}, Attachment("hologram")),
    (
        {"type": "file", "payload": ["odd"], "filename": 5, "size": True},
        Attachment("file"),
    ),
]


def held_by(raw: Json) -> tuple[Attachment, ...]:
    update = BOT.parse(raw)
    assert isinstance(update, MessageCreated)
    assert update.attachments == update.message.attachments
    return update.attachments


@pytest.mark.parametrize(("raw", "attachment"), HELD)
def test_each_kind_of_attachment_is_read(raw: Json, attachment: Attachment) -> None:
    (found,) = held_by(holding(raw))

    assert found == attachment
    assert found.raw == raw


def test_all_attachments_are_read_in_their_order_without_keyboard_and_nonsense() -> (
    None
):
    raws = [raw for raw, _ in HELD]
    keyboard = {"type": "inline_keyboard", "payload": {"buttons": []}}

    found = held_by(holding("nonsense", keyboard, {"type": 5}, {}, *raws))

    assert found == tuple(attachment for _, attachment in HELD)


def test_an_edited_message_holds_attachments_too() -> None:
    update = BOT.parse({**holding(CONTACT), "update_type": "message_edited"})

    assert isinstance(update, MessageEdited)
    assert update.attachments == (Attachment("contact", ANN.name),)


def test_the_attachments_of_a_forwarded_message_are_read() -> None:
    raw, attachment = HELD[0]
    linked = {"mid": "mid.9", "seq": 9, "text": "", "attachments": [raw]}
    link = {"type": "forward", "sender": ANN_RAW, "message": linked}

    assert held_by(created(message=message(body=None, link=link))) == (attachment,)


def test_a_reply_does_not_hold_the_attachments_of_what_it_answers() -> None:
    raw, attachment = HELD[0]
    linked = {"mid": "mid.9", "seq": 9, "text": "", "attachments": [raw]}
    link = {"type": "reply", "sender": ANN_RAW, "message": linked}

    update = BOT.parse(created(message=message(link=link)))

    assert isinstance(update, MessageCreated)
    assert update.attachments == ()
    assert update.message.reply_to is not None
    assert update.message.reply_to.attachments == (attachment,)


def test_secrets_of_an_attachment_are_not_printed() -> None:
    raw, attachment = HELD[0]

    printed = [repr(attachment), repr(BOT.parse(holding(raw)))]

    assert all("report.pdf" in each for each in printed)
    assert not any("f.example" in each for each in printed)


@pytest.mark.parametrize("kind", EVERY_TYPE)
def test_every_documented_update_is_read_as_its_type(kind: type[Update]) -> None:
    update = BOT.parse(EVERY_TYPE[kind])

    assert type(update) is kind
    assert update.bot is BOT
    assert update.user_id == 11


def test_the_wire_names_for_polling_are_those_of_the_updates_that_are_read() -> None:
    readable = {raw["update_type"] for raw in EVERY_TYPE.values()}

    assert set(",".join(Bot.update_types.values()).split(",")) == readable


def test_a_deep_link_brings_its_payload() -> None:
    with_payload, without = (
        BOT.parse(event("bot_started", **more)) for more in ({"payload": "x"}, {})
    )

    assert isinstance(with_payload, BotStarted)
    assert isinstance(without, BotStarted)
    assert (with_payload.payload, without.payload) == ("x", None)


@pytest.mark.parametrize(
    ("recipient", "expected"),
    [
        ({"chat_id": 1, "chat_type": "dialog"}, Chat(1, ChatType.PRIVATE)),
        ({"chat_id": -1, "chat_type": "chat"}, Chat(-1, ChatType.GROUP)),
        ({"chat_id": -1, "chat_type": "channel"}, Chat(-1, ChatType.CHANNEL)),
        ({"chat_id": -1, "chat_type": "new"}, Chat(-1, ChatType.GROUP)),
        ({"chat_id": 1, "chat_type": "new"}, Chat(1, ChatType.PRIVATE)),
    ],
)
def test_a_message_tells_its_kind_of_chat(recipient: Json, expected: Chat) -> None:
    assert BOT.parse(created(message=message(recipient=recipient))).chat == expected


@pytest.mark.parametrize(
    ("chat_id", "is_channel", "expected"),
    [
        (1, False, ChatType.PRIVATE),
        (-1, False, ChatType.GROUP),
        (-1, True, ChatType.CHANNEL),
    ],
)
def test_other_updates_tell_their_kind_of_chat(
    chat_id: int,
    is_channel: bool,  # noqa: FBT001 - a column of the table
    expected: ChatType,
) -> None:
    update = BOT.parse(event("bot_added", chat_id=chat_id, is_channel=is_channel))

    assert update.chat.type is expected


def test_a_post_in_a_channel_has_no_author() -> None:
    raw = message(recipient={"chat_id": -5, "chat_type": "channel"})
    del raw["sender"]

    assert BOT.parse(created(message=raw)).user is None


def test_a_reply_holds_the_message_that_it_answers() -> None:
    link = {
        "type": "reply",
        "sender": {"user_id": 99, "name": "Old Bot"},
        "message": {"mid": "mid.0", "seq": 0, "text": "question"},
    }

    update = BOT.parse(created(message=message(link=link)))

    assert isinstance(update, MessageCreated)
    assert update.message.reply_to is not None
    assert update.message.reply_to.id == "mid.0"
    assert update.message.reply_to.sender == User(99, "Old Bot")
    assert update.message.reply_to.text == "question"
    assert update.text == "hi bot"


@pytest.mark.parametrize("body", [None, {"mid": "mid.3", "text": ""}])
def test_a_forwarded_message_has_the_text_that_was_forwarded(body: object) -> None:
    link = {"type": "forward", "message": {"mid": "mid.0", "text": "news"}}

    update = BOT.parse(created(message=message(body=body, link=link)))

    assert isinstance(update, MessageCreated)
    assert (update.text, update.message.reply_to) == ("news", None)


@pytest.mark.parametrize(
    ("text", "is_bot", "expected"),
    [
        ("question", True, ("question", False)),
        ("question" + SHARED_MARK, True, ("question", True)),
        ("question" + SHARED_MARK, False, ("question" + SHARED_MARK, False)),
    ],
)
def test_a_reply_tells_whether_it_answers_what_a_chat_shares(
    text: str, expected: tuple[str, bool], *, is_bot: bool
) -> None:
    sender = {**ANN_RAW, "is_bot": is_bot}
    linked = {"mid": "mid.0", "seq": 1, "text": text}
    link = {"type": "reply", "sender": sender, "message": linked}

    update = BOT.parse(created(message=message(link=link)))

    assert isinstance(update, MessageCreated)
    answered = update.message.reply_to
    assert answered is not None
    assert (answered.text, answered.is_shared) == expected


def test_a_link_to_a_message_that_is_gone_is_no_reply() -> None:
    update = BOT.parse(created(message=message(link={"type": "reply"})))

    assert isinstance(update, MessageCreated)
    assert update.message.reply_to is None


@pytest.mark.parametrize("kind", EVERY_TYPE)
def test_a_repeated_delivery_has_the_same_id(kind: type[Update]) -> None:
    raw = EVERY_TYPE[kind]

    again = json.loads(json.dumps(raw))

    assert BOT.parse(raw).id == BOT.parse(again).id


def test_different_events_have_different_ids() -> None:
    bodiless = [
        created(message=message(body=None, sender={"user_id": who})) for who in (1, 2)
    ]
    raws = [
        *EVERY_TYPE.values(),
        created(message=message(body={"mid": "mid.9"})),
        created(update_type="message_edited", timestamp=STAMP + 1),
        callback(payload="b"),
        callback(timestamp=STAMP + 6),
        callback(callback_id="press-2"),
        callback(user={**ANN_RAW, "user_id": 12}),
        event("user_added", user={**ANN_RAW, "user_id": 12}),
        event("user_added", chat_id=-5),
        event("user_added", timestamp=STAMP + 1),
        *bodiless,
    ]

    assert len({BOT.parse(raw).id for raw in raws}) == len(raws)


@pytest.mark.parametrize(
    ("message_id", "than", "is_newer"),
    [
        (
            "mid.00000000000000070000000000000002",
            "mid.00000000000000070000000000000001",
            True,
        ),
        (
            "mid.00000000000000070000000000000001",
            "mid.00000000000000070000000000000001",
            False,
        ),
        (
            "mid.00000000000000070000000000000001",
            "mid.00000000000000070000000000000002",
            False,
        ),
        (
            "mid.00000000000000080000000000000002",
            "mid.00000000000000070000000000000001",
            False,
        ),
        ("mid.2", "mid.1", False),
        ("mid.00000000000000070000000000000002", "1", False),
    ],
)
def test_of_two_messages_of_a_chat_the_newer_one_is_known_by_its_id(
    message_id: str, than: str, *, is_newer: bool
) -> None:
    assert BOT.is_newer(message_id, than) is is_newer


def test_the_id_of_a_press_is_short_however_long_its_payload() -> None:
    assert len(BOT.parse(callback(payload="x" * 1024)).id) < 60


def test_what_a_press_does_not_need_is_read_when_somebody_asks() -> None:
    raw = callback(user={"user_id": 11, "first_name": 5})

    update = BOT.parse(raw)

    assert isinstance(update, Callback)
    assert (update.chat_id, update.user_id, update.message_id) == (182, 11, "mid.2")
    with pytest.raises(MalformedUpdateError, match=r"callback\.user\.first_name"):
        _ = update.user


def test_a_press_that_is_read_in_parts_equals_one_that_is_read_at_once() -> None:
    in_parts = BOT.parse(callback())
    raw = {**callback(), "message": {**message(), "recipient": None}}
    known = copy.copy(in_parts)

    assert known == in_parts
    assert hash(in_parts.id) == hash(known.id)
    assert repr(known) == repr(in_parts)
    with pytest.raises(AttributeError):
        _ = in_parts.nonsense  # type: ignore[attr-defined]  # that is the point
    with pytest.raises(MalformedUpdateError, match=r"message\.recipient"):
        BOT.parse(raw)


def test_a_copy_of_a_press_reads_its_other_fields_too() -> None:
    update = BOT.parse(callback())
    assert isinstance(update, Callback)

    other = update.copy(payload="b")

    assert (other.payload, other.id, other.message_id) == ("b", update.id, "mid.2")
    assert other.message is update.message
    assert other.user is update.user


def test_a_press_on_a_deleted_message_is_read_where_its_chat_is_named() -> None:
    raw = {**callback(), "message": None, "chat_id": 182}

    update = BOT.parse(raw)

    assert isinstance(update, Callback)
    assert (update.message, update.message_id, update.chat_id) == (None, None, 182)


NAMELESS = {"chat_id": None, "chat_type": "dialog", "user_id": 99}


@pytest.mark.parametrize("held", [None, message(recipient=NAMELESS)])
def test_a_press_without_a_chat_belongs_to_the_private_chat_of_its_user(
    held: object,
) -> None:
    bot = Bot("token")
    raw = {**callback(), "message": held}

    unknown = bot.parse(raw)
    bot.parse(created())
    known = bot.parse(raw)

    assert unknown.chat == Chat(11)
    assert known.chat == Chat(182)
    assert known.id == unknown.id


def test_a_private_message_without_a_chat_belongs_to_the_chat_of_its_author() -> None:
    bot = Bot("token")
    bot.parse(created())

    update = bot.parse(created(message=message(recipient=NAMELESS)))

    assert update.chat == Chat(182)


def test_private_chats_are_not_remembered_without_end() -> None:
    bot = Bot("token")
    bot.parse(created())

    for number in range(10_001):
        who = {**ANN_RAW, "user_id": 1000 + number}
        bot.parse(callback(user=who))

    assert bot.parse({**callback(), "message": None}).chat == Chat(11)


def test_a_message_that_bots_may_not_see_is_an_update_of_its_own() -> None:
    raw = created()
    del raw["message"]

    update = BOT.parse(raw)

    assert type(update) is UnreadableMessage
    assert (update.user, update.chat_id) == (None, 0)


def test_a_bot_may_be_added_by_nobody() -> None:
    raw = event("bot_added")
    del raw["user"]

    update = BOT.parse(raw)

    assert type(update) is BotAdded
    assert (update.user, update.chat_id) == (None, GROUP)


def test_what_is_new_in_an_update_is_read() -> None:
    muted = BOT.parse(EVERY_TYPE[DialogMuted])
    for_good = BOT.parse(event("dialog_muted"))
    changed = BOT.parse(EVERY_TYPE[BotAdminPermissionsChanged])

    assert isinstance(muted, DialogMuted)
    assert isinstance(for_good, DialogMuted)
    assert isinstance(changed, BotAdminPermissionsChanged)
    assert (muted.until, for_good.until) == (muted.timestamp, None)
    assert (changed.is_admin, changed.permissions) == (True, ("write", "pin_message"))


def test_a_type_from_the_future_is_unknown() -> None:
    with pytest.raises(UnknownUpdateError, match="poll_closed"):
        BOT.parse(event("poll_closed"))


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ({}, "update_type"),
        (created(message="gone"), "message must"),
        (created(update_type="message_edited", message=None), "message must"),
        (created(timestamp="now"), "timestamp must"),
        (created(timestamp=True), "timestamp must"),
        (created(timestamp=10**30), "timestamp"),
        (created(message=message(body={"text": "x"})), "message.body.mid"),
        (created(message=message(body={"mid": "m", "text": 5})), "message.body.text"),
        (
            created(message=message(body={"mid": "m", "attachments": {}})),
            "message.body.attachments must be a list",
        ),
        (created(message=message(recipient=[])), "message.recipient"),
        (created(message=message(sender={})), "message.sender.user_id"),
        (callback(user=None), "callback.user must"),
        (callback(timestamp=10**30), r"callback\.timestamp is not a time"),
        (
            {**callback(), "message": message(recipient={"chat_type": "chat"})},
            "chat_id must",
        ),
        ({**callback(), "message": "gone"}, "message must be an object"),
        (event("chat_title_changed"), "title must be text and is missing"),
    ],
)
def test_a_malformed_update_names_the_place(raw: Json, path: str) -> None:
    with pytest.raises(MalformedUpdateError, match=path):
        BOT.parse(raw)


def test_an_error_does_not_repeat_what_the_user_wrote() -> None:
    raw = created(message=message(body={"mid": ["secret"], "text": "secret"}))

    with pytest.raises(MalformedUpdateError) as caught:
        BOT.parse(raw)

    assert "secret" not in str(caught.value)


def paths(
    value: object, prefix: tuple[str | int, ...] = ()
) -> list[tuple[str | int, ...]]:
    children: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    return [
        prefix,
        *(p for key, child in children for p in paths(child, (*prefix, key))),
    ]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.text(max_size=5), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(data=st.data(), kind=st.sampled_from(list(EVERY_TYPE)))
def test_whatever_stands_in_a_field_an_update_is_read_or_refused(
    data: st.DataObject, kind: type[Update]
) -> None:
    raw = copy.deepcopy(EVERY_TYPE[kind])
    *parents, last = data.draw(st.sampled_from(paths(raw)[1:]))
    place: object = raw
    for key in parents:
        place = place[key]  # type: ignore[index] # a path through this very value
    place[last] = data.draw(JSON_VALUES)  # type: ignore[index] # as above

    try:
        update: Update | DuologueError = BOT.parse(raw)
        assert str(update)  # reads all of it
    except (MalformedUpdateError, UnknownUpdateError) as error:
        update = error

    assert isinstance(update, Update | DuologueError)
