"""The page scaling.md: its program takes over from another one, on the same server."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from duologue.transport.redis import RedisEngine
from duologue.transport.sandbox import Control, Sandbox
from tests.docs.conftest import running
from tests.servers import RedisServer, server, valkey_program

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/scaling.md").read_text("utf-8")
ENGINES = (ROOT / "docs/engines.md").read_text("utf-8")
(PROGRAM,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
URL = "redis://localhost/0"

pytestmark = pytest.mark.real_time


@pytest.fixture(scope="module")
def valkey() -> RedisServer:
    return server(valkey_program())


async def _shown(control: Control, text: str) -> str:
    """Wait for a view and give the id of its message."""
    entry = await control.wait_for(
        lambda entry: entry.kind in {"message", "edit"} and entry.text == text,
        timeout=60,
    )
    assert entry.message_id is not None
    return entry.message_id


async def test_a_second_program_of_the_page_takes_over_from_the_first(
    tmp_path: Path, valkey: RedisServer
) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    (first, *_) = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    (tmp_path / "bot.py").write_text(first, "utf-8")
    assert PROGRAM.count(URL) == 1
    url = f"{valkey.url}?namespace={tmp_path.name}"
    (tmp_path / "many.py").write_text(PROGRAM.replace(URL, url), "utf-8")

    async with Sandbox() as sandbox:
        control = sandbox.control()
        ann = await control.add_user("Ann")
        async with running(tmp_path, "many.py", sandbox=sandbox) as old:
            await control.say(ann, "/start")
            message = await _shown(control, "You pressed 0 times.")
            async with running(tmp_path, "many.py", sandbox=sandbox) as new:
                await control.click(ann, message, text="Press")
                await _shown(control, "You pressed 1 times.")
                old.terminate()
                _, errors = await old.communicate()
                assert old.returncode == 0, errors.decode()
                await control.click(ann, message, text="Press")
                assert await _shown(control, "You pressed 2 times.") == message
                new.terminate()
                _, errors = await new.communicate()

    assert new.returncode == 0, errors.decode()
    assert f"state in {valkey.url}; Ctrl+C ends it" in errors.decode()


def test_what_the_pages_say_of_the_settings_is_so() -> None:
    given = inspect.signature(RedisEngine).parameters
    defaults = {name: one.default for name, one in given.items()}

    assert defaults["durability"] == "fast"
    assert f"`namespace` | `{defaults['namespace']}`" in ENGINES
    assert f"A lease lasts {defaults['lease']:g} s (`lease=`)" in PAGE
    assert f"{defaults['linger']:g} s after the last event (`linger=`)" in PAGE
