"""Addresses: which mailbox an update, a payload or a call belongs to."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from duologue.dialogs import (
    Address,
    BotStarted,
    Callback,
    CallbackButton,
    Chat,
    ChatType,
    Keyboard,
    LinkButton,
    Message,
    MessageCreated,
    MessageEdited,
    Update,
    User,
)
from duologue.dialogs._chat._address import (
    Payload,
    key_of,
    new_id,
    parse_payload,
)
from duologue.errors import InvalidAddressError
from duologue.testing import RecordingBot

BOT = RecordingBot(7)
GROUP = Chat(-5, ChatType.GROUP)
ANN = User(1, "Ann")
INTENT = "A" * 22
NOW = datetime(2026, 1, 1, tzinfo=UTC)

IDS = st.integers(min_value=-(2**63), max_value=2**63)
ADDRESSES = st.builds(
    Address,
    bot=st.just("max.42") | st.just("telegram.7"),
    chat_id=IDS,
    user_id=st.none() | st.integers(min_value=0, max_value=2**63),
    thread_id=st.none() | IDS,
    business_connection_id=st.none()
    | st.from_regex(r"[A-Za-z0-9_:-]+", fullmatch=True),
)


def wrote(
    text: str,
    *,
    user: User | None = ANN,
    keyboard: Keyboard = (),
    replies: bool = True,
    is_shared: bool = False,
    thread_id: int | None = None,
) -> MessageCreated:
    answered = Message("m1", GROUP, None, "the question", keyboard, is_shared=is_shared)
    message = Message("m2", GROUP, user, text, reply_to=answered if replies else None)
    return MessageCreated(
        id="1",
        bot=BOT,
        chat=GROUP,
        user=user,
        timestamp=NOW,
        raw={},
        thread_id=thread_id,
        message=message,
    )


def pressed(payload: str, user: User | None = ANN) -> Callback:
    return Callback(
        id="1",
        bot=BOT,
        chat=GROUP,
        user=user,
        timestamp=NOW,
        raw={},
        callback_id="c",
        payload=payload,
        message=None,
    )


@given(address=ADDRESSES)
def test_an_address_survives_being_written_as_a_key(address: Address) -> None:
    key = address.key

    assert Address.parse(key) == address


@given(one=ADDRESSES, other=ADDRESSES)
def test_different_addresses_have_different_keys(one: Address, other: Address) -> None:
    assert (one.key == other.key) == (one == other)


@pytest.mark.parametrize(
    ("address", "key"),
    [
        (Address("max.42", 5, 1), "dialog/max.42:5:1"),
        (Address("max.42", -5, None), "dialog/max.42:-5:"),
        (Address("max.42", 5, 1, 9), "dialog/max.42:5:1:9"),
        (Address("max.42", 5, 1, None, "b"), "dialog/max.42:5:1::b"),
    ],
)
def test_the_key_of_an_address_is_stable(address: Address, key: str) -> None:
    assert address.key == key


@pytest.mark.parametrize(
    "key", ["", "dialog/", "dialog/max:1:2", "worker/max.1:2:3", "dialog/max.1:2:3:x"]
)
def test_what_is_no_key_of_a_dialog_is_refused(key: str) -> None:
    with pytest.raises(InvalidAddressError) as caught:
        Address.parse(key)

    assert caught.value.key == key


def test_own_and_shared_addresses_mark_their_payloads() -> None:
    assert Address("max.42", 5, 1).scope == "u"
    assert Address("max.42", 5, None).scope == "g"


@pytest.mark.parametrize(
    ("text", "payload", "data"),
    [
        (f"u{INTENT}:plus", Payload("u", INTENT, "plus"), "plus"),
        (f"g{INTENT}:list:7", Payload("g", INTENT, "list:7"), "list:7"),
        (f"u{INTENT}:list:", Payload("u", INTENT, "list:"), "list:"),
        (f"u{INTENT}:l:a:b\nc", Payload("u", INTENT, "l:a:b\nc"), "l:a:b\nc"),
    ],
)
def test_a_payload_is_scope_intent_widget_and_item(
    text: str, payload: Payload, data: str
) -> None:
    parsed = parse_payload(text)

    assert parsed == payload
    assert payload.data == data


@pytest.mark.parametrize(
    "text",
    ["", "vote:yes", f"x{INTENT}:plus", f"u{INTENT}", f"u{INTENT}:", "uABC:plus"],
)
def test_payloads_of_others_are_not_those_of_dialogs(text: str) -> None:
    assert parse_payload(text) is None


def test_ids_are_unique_and_fit_a_payload() -> None:
    ids = {new_id() for _ in range(1000)}

    assert len(ids) == 1000
    assert all(parse_payload(f"u{each}:w") for each in ids)
    assert all(len(f"u{each}:") == 24 for each in ids)


def address_of(update: Update) -> Address:
    return Address.parse(key_of(update, "test.7"))


@pytest.mark.parametrize(
    ("update", "user_id"),
    [
        (pressed(f"u{INTENT}:w"), 1),
        (pressed(f"g{INTENT}:w"), None),
        (pressed("vote:yes"), 1),
        (wrote("hi", replies=False), 1),
        (wrote("hi"), 1),
        (wrote("hi", user=None), None),
        (wrote("hi", is_shared=True), None),
        (wrote("hi", is_shared=True, replies=False), 1),
        (wrote("hi", keyboard=((CallbackButton("+", f"g{INTENT}:w"),),)), None),
        (wrote("hi", keyboard=((CallbackButton("+", f"u{INTENT}:w"),),)), 1),
        (wrote("hi", keyboard=((CallbackButton("+", "vote:yes"),),)), 1),
        (wrote("hi", keyboard=((LinkButton("+", f"g{INTENT}:w"),),)), 1),
    ],
)
def test_one_update_has_one_address(update: Update, user_id: int | None) -> None:
    address = address_of(update)

    assert address == Address("test.7", -5, user_id)


def test_an_edited_reply_to_a_shared_message_belongs_to_the_chat() -> None:
    made = wrote("hi", keyboard=((CallbackButton("+", f"g{INTENT}:w"),),))
    edited = MessageEdited(
        id="1",
        bot=BOT,
        chat=GROUP,
        user=ANN,
        timestamp=NOW,
        raw={},
        message=made.message,
    )

    assert address_of(edited).user_id is None
    assert edited.text == "hi"


def test_other_updates_belong_to_the_user_they_name() -> None:
    started = BotStarted(
        id="1", bot=BOT, chat=Chat(5), user=ANN, timestamp=NOW, raw={}, payload="deep"
    )

    assert address_of(started) == Address("test.7", 5, 1)


def test_a_topic_is_an_address_of_its_own() -> None:
    update = wrote("hi", thread_id=3)

    assert address_of(update).thread_id == 3
    assert (update.chat_id, update.user_id) == (-5, 1)
