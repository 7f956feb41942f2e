"""Files go to the bot, come back to disk, and never leave their bounds."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect

from duologue.transport.sandbox import Sandbox
from tests.browser import Watch
from tests.sandbox.page.conftest import FoundTown, Town

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9Q"
    "DwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
def town(found_town: FoundTown) -> Town:
    return found_town(Sandbox(limits=False, file_limit=1000, files_total=1500))


def _attach(page: Page, name: str, data: bytes) -> None:
    file: FilePayload = {"name": name, "mimeType": "text/plain", "buffer": data}
    with page.expect_file_chooser() as choice:
        page.get_by_role("button", name="Attach a file").click()
    choice.value.set_files(files=[file])
    expect(page.get_by_text(f"{name} (")).to_be_visible()


def _send(page: Page, text: str = "") -> None:
    field = page.get_by_role("textbox", name="Message")
    field.fill(text)
    field.press("Enter")


def test_a_file_reaches_the_bot_and_comes_back_as_it_was(
    town: Town, page: Page, tmp_path: Path
) -> None:
    _attach(page, "notes.txt", b"remember")
    _send(page, "my notes")
    sent = page.get_by_role("article", name="You")
    expect(sent).to_contain_text("my notes")

    with page.expect_download() as coming:
        sent.get_by_role("button", name="Download notes.txt").click()
    coming.value.save_as(tmp_path / "notes.txt")

    assert coming.value.suggested_filename == "notes.txt"
    assert (tmp_path / "notes.txt").read_bytes() == b"remember"
    message = town.updates()[0]["message"]
    assert isinstance(message, dict)
    assert message["body"]["attachments"][0]["filename"] == "notes.txt"


def test_a_picture_is_shown(page: Page) -> None:
    _attach(page, "dot.png", PNG)
    _send(page)

    picture = page.get_by_role("img", name="Picture from Ann")

    expect(picture).to_be_visible()
    assert picture.evaluate("async node => (await node.decode(), node.naturalWidth)")


def test_a_file_that_is_too_large_stays_with_an_advice(
    town: Town, page: Page, watch: Watch
) -> None:
    watch.expected.append("413")
    _attach(page, "big.bin", b"x" * 1001)
    expect(page.get_by_text("more than the 1000 B this sandbox takes")).to_be_visible()

    _send(page, "take it")

    toast = page.get_by_role("status").filter(has_text="--file-limit")
    expect(toast).to_contain_text("a file has at most 1000 bytes here")
    expect(page.get_by_role("textbox", name="Message")).to_have_value("take it")
    assert town.updates() == []


def test_a_file_that_made_room_for_newer_ones_says_so(page: Page, watch: Watch) -> None:
    watch.expected.append("410")
    for name in ("old.txt", "new.txt"):
        _attach(page, name, b"x" * 1000)
        _send(page)
        expect(page.get_by_role("button", name=f"Download {name}")).to_be_visible()

    page.get_by_role("button", name="Download old.txt").click()

    toast = page.get_by_role("status").filter(has_text="made room for newer ones")
    expect(toast).to_be_visible()


def test_an_attached_file_can_be_taken_away_again(town: Town, page: Page) -> None:
    _attach(page, "notes.txt", b"remember")

    page.get_by_role("textbox", name="Message").press("Escape")
    _send(page, "no file")

    expect(page.get_by_role("article", name="You")).to_contain_text("no file")
    message = town.updates()[0]["message"]
    assert isinstance(message, dict)
    assert "attachments" not in message["body"]
