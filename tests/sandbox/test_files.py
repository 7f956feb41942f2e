"""Files of users: what the bot gets, what is kept, and what is refused."""

from __future__ import annotations

import aiohttp
import pytest
from hypothesis import given, strategies as st

from duologue.errors import SandboxRefusalError
from duologue.transport.sandbox import Control, Sandbox
from duologue.transport.sandbox._world._files import NAME_LIMIT, safe_name

PNG = b"\x89PNG\r\n\x1a\n rest"
Json = dict[str, object]


async def _attachment(bot: aiohttp.ClientSession) -> Json:
    async with bot.get("/updates", params={"timeout": "0"}) as response:
        update = (await response.json())["updates"][-1]
    assert update["update_type"] == "message_created"
    found: Json = update["message"]["body"]["attachments"][0]
    return found


async def test_the_bot_gets_a_file_in_the_documented_shape(
    control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    await control.send_file(ann, "report.pdf", b"content", text="see this")

    attachment = await _attachment(bot)

    payload = attachment.pop("payload")
    assert attachment == {"type": "file", "filename": "report.pdf", "size": 7}
    assert isinstance(payload, dict)
    assert set(payload) == {"url", "token"}


@pytest.mark.parametrize(
    "data", [PNG, b"\xff\xd8\xff rest", b"GIF89a rest", b"RIFF1234WEBP rest"]
)
async def test_a_picture_is_known_by_its_first_bytes(
    control: Control, bot: aiohttp.ClientSession, ann: int, data: bytes
) -> None:
    await control.send_file(ann, "picture.txt", data)

    attachment = await _attachment(bot)

    payload = attachment["payload"]
    assert attachment["type"] == "image"
    assert isinstance(payload, dict)
    assert set(payload) == {"photo_id", "url", "token"}


async def test_the_bot_fetches_a_file_at_its_url_and_a_browser_only_saves_it(
    control: Control, bot: aiohttp.ClientSession, ann: int
) -> None:
    await control.send_file(ann, "page é.html", b"<script>alert(1)</script>")
    payload = (await _attachment(bot))["payload"]
    assert isinstance(payload, dict)

    async with (
        aiohttp.ClientSession() as session,
        session.get(payload["url"]) as response,
    ):
        data = await response.read()

    assert data == b"<script>alert(1)</script>"
    assert response.content_type == "application/octet-stream"
    disposition = response.headers["Content-Disposition"]
    assert disposition == "attachment; filename*=UTF-8''page%20%C3%A9.html"


async def test_a_file_stands_in_the_chat_with_its_text_and_reply(
    control: Control, ann: int
) -> None:
    group = await control.add_group("Team", [ann])
    said = await control.say(ann, "where is it?", chat_id=group)

    sent = await control.send_file(
        ann, "a.txt", b"a", chat_id=group, text="here", reply_to=said.message_id
    )

    shown = (await control.messages(group))[-1]
    assert (shown.message_id, shown.text) == (sent.message_id, "here")
    assert (shown.attachments, shown.reply_to) == (("file",), said.message_id)


async def test_a_file_over_the_limit_is_refused_with_advice() -> None:
    async with Sandbox(file_limit=10) as sandbox:
        control = sandbox.control()
        ann = await control.add_user("Ann")
        await control.send_file(ann, "fits", b"x" * 10)

        with pytest.raises(SandboxRefusalError, match="file_limit=") as caught:
            await control.send_file(ann, "does not", b"x" * 11)

        assert (caught.value.status, caught.value.code) == (413, "too.large")
        assert len(await control.log()) == 1


async def test_a_file_is_10_mib_at_most_unless_said_otherwise(
    control: Control, ann: int
) -> None:
    most = 10 * 1024 * 1024

    await control.send_file(ann, "fits", bytes(most))

    for much in (1, most):
        with pytest.raises(SandboxRefusalError, match=f"at most {most} bytes"):
            await control.send_file(ann, "does not", bytes(most + much))


async def test_the_oldest_files_make_room_and_say_that_they_are_gone() -> None:
    async with Sandbox(file_limit=10, files_total=25, limits=False) as sandbox:
        control = sandbox.control()
        ann = await control.add_user("Ann")
        headers = {"Authorization": sandbox.token}
        urls = []
        async with aiohttp.ClientSession(sandbox.url, headers=headers) as bot:
            for number in range(3):
                await control.send_file(ann, "f", bytes([number]) * 10)
                payload = (await _attachment(bot))["payload"]
                assert isinstance(payload, dict)
                urls.append(payload["url"])
        statuses = []
        async with aiohttp.ClientSession() as session:
            for url in [*urls, f"{sandbox.url}/files/never"]:
                async with session.get(url) as response:
                    statuses.append(response.status)

    assert statuses == [410, 200, 200, 404]


async def test_only_members_send_files_into_a_group(control: Control, ann: int) -> None:
    bob = await control.add_user("Bob")
    group = await control.add_group("Team", [ann])

    with pytest.raises(SandboxRefusalError, match="is not in chat"):
        await control.send_file(bob, "a.txt", b"a", chat_id=group)


def _form(*parts: tuple[str, str]) -> aiohttp.FormData:
    form = aiohttp.FormData()
    for name, value in parts:
        form.add_field(name, value, content_type="text/plain")
    return form


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (b"plain", "send multipart/form-data"),
        (_form(("user_id", "1001")), "in a part named file"),
        (_form(("file", "x")), "user_id: is missing"),
        (_form(("user_id", "Ann"), ("file", "x")), "user_id: is no integer"),
        (_form(("user_id", "1"), ("user_id", "1")), "there twice"),
        (_form(("file", "x"), ("file", "x")), "there twice"),
        (_form(("colour", "red")), "unknown"),
        (_form(("user_id", "1001"), ("text", "x" * 4001), ("file", "x")), "4000"),
    ],
)
async def test_a_malformed_form_is_refused_with_what_is_wrong(
    sandbox: Sandbox, ann: int, form: aiohttp.FormData | bytes, said: str
) -> None:
    assert ann == 1001
    headers = {"Authorization": f"Bearer {sandbox.control_token}"}

    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(sandbox.control_url + "/files", data=form) as response,
    ):
        problem = await response.json()

    assert (response.status, problem["code"]) == (400, "bad.request")
    assert said in problem["detail"]


async def test_a_broken_form_is_refused(sandbox: Sandbox) -> None:
    headers = {
        "Authorization": f"Bearer {sandbox.control_token}",
        "Content-Type": "multipart/form-data; boundary=b",
    }

    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(sandbox.control_url + "/files", data=b"nothing") as response,
    ):
        problem = await response.json()

    assert response.status == 400
    assert "the form cannot be read" in problem["detail"]


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\Ann\\a.txt", "a.txt"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("a\r\nb.txt", "ab.txt"),
        ("", "file"),
        ("...", "file"),
        ("x" * 200 + ".tar", "x" * 116 + ".tar"),
    ],
)
def test_a_file_name_is_made_fit_to_be_shown(raw: str, shown: str) -> None:
    assert safe_name(raw) == shown


@given(st.text(max_size=300))
def test_any_file_name_becomes_one_that_is_short_and_plain(raw: str) -> None:
    name = safe_name(raw)

    assert 1 <= len(name) <= NAME_LIMIT
    assert not set(name) & set("/\\\r\n\t\0\u202e\u2066\ud800")
    assert safe_name(name) == name
