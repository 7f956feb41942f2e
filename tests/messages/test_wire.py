"""The envelope, refs and signatures, against the vectors of `tests/wire`.

The vectors are never changed: other programs hold to them.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from duologue.errors import (
    DuologueError,
    EnvelopeError,
    InvalidRefError,
    MessageTooLargeError,
    SecretTooShortError,
    SignatureError,
)
from duologue.messages import (
    MOST_BYTES,
    Event,
    Ref,
    Signer,
    dialog_ref,
    read_batch,
    read_event,
    write_event,
)
from duologue.messages._events import check_batch
from duologue.messages._limits import parse
from duologue.messages._refs import shard_of
from duologue.messages._signatures import check_time, sign, signed_content
from duologue.transport.redis._keys import Names, unit_of

WIRE = Path(__file__).parents[1] / "wire"
Vector = dict[str, Any]  # type: ignore[explicit-any]  # of a file


def vectors(name: str) -> list[Vector]:
    found: list[Vector] = json.loads((WIRE / f"{name}.json").read_text("utf-8"))
    return found


def an_event(**fields: object) -> bytes:
    return json.dumps(
        {
            "specversion": "1.0",
            "id": "1",
            "source": "//shop",
            "type": "shop.order_paid.v1",
            "subject": "dialog/max.42:5:5",
            "data": {"order": 1},
            **fields,
        }
    ).encode()


def test_the_vectors_of_a_release_are_in_all_later_ones() -> None:
    frozen = json.loads((WIRE / "frozen.json").read_text("utf-8"))

    for release, files in frozen.items():
        for name, (number, digest) in files.items():
            text = json.dumps(vectors(name)[:number], sort_keys=True).encode()
            assert hashlib.sha256(text).hexdigest() == digest, (
                f"{name}.json has changed since {release}; put new vectors at its end"
            )


@pytest.mark.parametrize("vector", vectors("events"), ids=lambda one: str(one["name"]))
def test_an_event_is_written_as_it_was_in_every_release(vector: Vector) -> None:
    event = read_event(json.dumps(vector["event"]).encode())

    assert write_event(event) == str(vector["written"]).encode()
    assert read_event(write_event(event)) == event


@pytest.mark.parametrize("vector", vectors("refused"), ids=lambda one: str(one["name"]))
def test_what_is_no_event_is_refused_with_its_attribute(vector: Vector) -> None:
    with pytest.raises((EnvelopeError, InvalidRefError)) as caught:
        read_event(json.dumps(vector["event"]).encode())

    assert type(caught.value).__name__ == vector["error"]
    assert getattr(caught.value, "attribute", "subject") == vector["attribute"]


@pytest.mark.parametrize(
    "vector", vectors("shards"), ids=lambda one: f"{one['ref']} of {one['shards']}"
)
def test_a_ref_has_the_shard_that_other_programs_compute(vector: Vector) -> None:
    ref, shards = str(vector["ref"]), int(vector["shards"])

    assert shard_of(ref, shards) == vector["shard"]
    assert Names("main", shards).shard_of(unit_of(ref)) == vector["shard"]


@pytest.mark.parametrize(
    "vector", vectors("signatures"), ids=lambda one: str(one["name"])
)
def test_a_signature_is_that_of_standard_webhooks(vector: Vector) -> None:
    secret, body = str(vector["secret"]), str(vector["body"]).encode()
    content = body
    if "id" in vector:
        content = signed_content(str(vector["id"]), str(vector["timestamp"]), body)

    assert sign(secret, content) == vector["signature"]
    signer = Signer("shop", ["an older secret of many bytes", secret])
    assert signer.has_signed(content, f"v1,no {vector['signature']}")
    assert not signer.has_signed(content + b" ", str(vector["signature"]))


def test_a_ref_is_a_value_that_is_written_and_read() -> None:
    ref = dialog_ref("max.42", chat_id=-5, user_id=7)

    assert str(ref) == "dialog/max.42:-5:7"
    assert Ref.parse(str(ref)) == ref
    assert str(dialog_ref("max.42", chat_id=5)) == "dialog/max.42:5:"
    assert str(dialog_ref("max.42", chat_id=5, thread_id=3)) == "dialog/max.42:5::3"


@pytest.mark.parametrize(
    "text", ["", "dialog", "/5", "a b/1", "dialog/é", "a/" + "x" * 200]
)
def test_what_is_no_ref_is_refused(text: str) -> None:
    with pytest.raises(InvalidRefError):
        Ref.parse(text)


def test_a_bot_has_a_messenger_and_a_number() -> None:
    with pytest.raises(InvalidRefError):
        dialog_ref("max", chat_id=5)


def test_a_message_of_one_byte_too_many_is_refused() -> None:
    room = MOST_BYTES - len(an_event(data=""))

    assert read_event(an_event(data="x" * room)).data == "x" * room
    with pytest.raises(MessageTooLargeError) as caught:
        read_event(an_event(data="x" * (room + 1)))
    assert (caught.value.size, caught.value.limit) == (65537, 65536)


def test_a_message_that_becomes_too_large_in_its_envelope_is_not_written() -> None:
    event = Event(
        id="1", source="s", type="a.v1", subject=Ref("A", "1"), data="x" * 65536
    )

    with pytest.raises(MessageTooLargeError):
        write_event(event)


def test_a_batch_is_for_one_actor_and_has_at_most_a_hundred_events() -> None:
    one, other = json.loads(an_event()), json.loads(an_event(subject="A/1"))

    assert len(read_batch(json.dumps([one] * 100).encode())) == 100
    with pytest.raises(EnvelopeError, match="at most 100"):
        read_batch(json.dumps([one] * 101).encode())
    with pytest.raises(EnvelopeError, match="array"):
        read_batch(b"{}")
    with pytest.raises(EnvelopeError, match="one actor"):
        check_batch(read_batch(json.dumps([one, other]).encode()))


def test_the_path_says_to_whom_an_event_is() -> None:
    bare = json.loads(an_event())
    del bare["subject"]
    known = Ref("dialog", "max.42:9:9")

    assert read_event(json.dumps(bare).encode(), subject=known).subject == known
    with pytest.raises(EnvelopeError, match="the path says"):
        read_event(an_event(), subject=known)


@pytest.mark.parametrize("body", [b"", b"\xff", b"NaN", b"[" * 60_000, b'{"a":}'])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(EnvelopeError):
        parse(body)


@given(st.binary(max_size=200) | st.builds(an_event, id=st.text(), time=st.text()))
def test_whatever_bytes_come_they_are_an_event_or_refused(body: bytes) -> None:
    try:
        event = read_event(body)
    except DuologueError:
        return
    assert read_event(write_event(event)) == event


@pytest.mark.parametrize("secret", ["short", "whsec_c2hvcnQ=", "whsec_?", "x" * 23])
def test_a_secret_that_is_too_short_is_refused(secret: str) -> None:
    with pytest.raises(SecretTooShortError):
        Signer("shop", [secret])
    with pytest.raises(SecretTooShortError):
        Signer("shop", secret)
    assert "x" * 24 not in repr(Signer("shop", "x" * 24))


def test_a_message_is_signed_within_five_minutes() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC).timestamp()

    check_time(now - 300, now)
    with pytest.raises(SignatureError, match="301 s old"):
        check_time(now - 301, now)
    with pytest.raises(SignatureError, match="future"):
        check_time(now + 301, now)
