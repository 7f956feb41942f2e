from __future__ import annotations

import asyncio
import json
import os
import pickle
import stat
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from duologue.actors import MemoryEngine
from duologue.errors import (
    BotNotStartedError,
    EngineUnavailableError,
    MarkerFileError,
)
from duologue.transport.max import Bot
from duologue.transport.polling._markers import (
    EngineMarkers,
    MarkerFile,
    Position,
    marker_path,
)
from duologue.transport.sandbox import Sandbox

KEPT = Position(None, ({"update_type": "message_created", "text": "привет"},), 12)


@pytest.mark.parametrize("position", [Position(), Position(5), KEPT])
async def test_a_saved_position_is_found_by_the_next_run(
    position: Position, tmp_path: Path
) -> None:
    path = tmp_path / "deep" / "bot.json"
    first = MarkerFile(path)
    await first.load()

    await first.save(Position(1))
    await first.save(position)

    assert await MarkerFile(path).load() == position


async def test_before_the_first_save_there_is_no_marker(tmp_path: Path) -> None:
    assert await MarkerFile(tmp_path / "bot.json").load() == Position()


async def test_the_file_is_for_its_owner_only_and_alone(tmp_path: Path) -> None:
    path = tmp_path / "bot.json"

    await MarkerFile(path).save(KEPT)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["bot.json"]  # noqa: PTH208 - names are what matters


async def test_a_save_that_was_cut_short_leaves_the_old_position(
    tmp_path: Path,
) -> None:
    path = tmp_path / "bot.json"
    await MarkerFile(path).save(Position(5))
    path.with_name("bot.json.new").write_text('{"version": 1, "mar', encoding="ascii")

    found = await MarkerFile(path).load()
    await MarkerFile(path).save(Position(6))

    assert found == Position(5)
    assert await MarkerFile(path).load() == Position(6)


async def test_of_saves_at_the_same_time_the_last_one_stays(tmp_path: Path) -> None:
    store = MarkerFile(tmp_path / "bot.json")

    await asyncio.gather(*(store.save(Position(number)) for number in range(20)))

    assert await store.load() == Position(19)


def test_a_save_that_comes_late_does_not_undo_a_newer_one(tmp_path: Path) -> None:
    store = MarkerFile(tmp_path / "bot.json")

    # Which of two threads comes first is up to the system, so no threads here.
    store._save(Position(2), 2)
    store._save(Position(1), 1)

    assert asyncio.run(store.load()) == Position(2)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b"[]",
        b"{}",
        b'{"version": 2, "marker": 5, "kept": [], "after": null}',
        b'{"version": 1, "marker": "5", "kept": [], "after": null}',
        b'{"version": 1, "marker": true, "kept": [], "after": null}',
        b'{"version": 1, "marker": 5, "kept": null, "after": null}',
    ],
)
async def test_a_damaged_file_is_refused_by_name_and_left_alone(
    content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "bot.json"
    path.write_bytes(content)

    with pytest.raises(MarkerFileError, match="delete it") as caught:
        await MarkerFile(path).load()

    assert caught.value.path == str(path)
    assert path.read_bytes() == content
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 - made here


async def test_a_file_that_is_far_too_large_is_not_read_into_memory(
    tmp_path: Path,
) -> None:
    path = tmp_path / "bot.json"
    with path.open("wb") as file:
        file.truncate(10 * 1024**4)

    with pytest.raises(MarkerFileError, match="larger than"):
        await MarkerFile(path).load()


async def test_a_folder_that_cannot_be_made_is_reported_before_anything_is_lost(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(MarkerFileError, match="check the disk") as caught:
        await MarkerFile(tmp_path / "file" / "bot.json").load()

    assert caught.value.problem == f"{tmp_path}/file is no folder"


async def test_a_disk_that_does_not_take_the_marker_is_reported(tmp_path: Path) -> None:
    (tmp_path / "bot.json").mkdir()

    with pytest.raises(MarkerFileError, match="check the disk") as caught:
        await MarkerFile(tmp_path / "bot.json").save(Position(1))

    assert caught.value.problem == "Is a directory"


@given(
    marker=st.none() | st.integers(0, 2**63),
    after=st.none() | st.integers(0, 2**63),
    texts=st.lists(st.text()),
)
def test_every_position_survives_the_disk(
    marker: int | None,
    after: int | None,
    texts: list[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    kept = tuple({"text": text} for text in texts)
    position = Position(marker, kept, after)
    path = tmp_path_factory.mktemp("markers") / "bot.json"

    async def round_trip() -> Position:
        await MarkerFile(path).save(position)
        return await MarkerFile(path).load()

    assert asyncio.run(round_trip()) == position
    assert json.loads(path.read_bytes())["version"] == 1


async def test_a_sandbox_has_a_marker_file_of_its_own(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    async with Sandbox() as other:
        bots = [
            Bot(sandbox.token, base_url=sandbox.url),
            Bot(sandbox.token, base_url=sandbox.url + "/"),
            Bot(other.token, base_url=other.url),
        ]
        for bot in bots:
            await bot.start()

        here, same, elsewhere = (marker_path(tmp_path, bot) for bot in bots)

        for bot in bots:
            await bot.close()
    assert here == same != elsewhere
    assert here.name.startswith(f"max-{sandbox.bot_id}-")


def test_the_marker_file_of_a_bot_without_an_id_has_no_name(tmp_path: Path) -> None:
    with pytest.raises(BotNotStartedError):
        marker_path(tmp_path, Bot("token"))


@pytest.mark.parametrize("name", ["bot.json", "bot.json.new"])
async def test_a_pipe_in_the_place_of_the_file_is_refused_and_holds_nobody_up(
    tmp_path: Path, name: str
) -> None:
    os.mkfifo(tmp_path / name)
    markers = MarkerFile(tmp_path / "bot.json")

    async def use() -> None:
        await markers.load()
        await markers.save(Position(1))

    with pytest.raises(MarkerFileError, match=r"no file, but a pipe|No such device"):
        await use()


async def test_a_device_in_the_place_of_the_file_is_refused() -> None:
    with pytest.raises(MarkerFileError, match="it is no file, but a pipe or a device"):
        await MarkerFile(Path("/dev/zero")).load()


@pytest.mark.parametrize("digits", [20, 4000, 5000])
async def test_a_marker_that_no_messenger_gives_is_refused(
    tmp_path: Path, digits: int
) -> None:
    path = tmp_path / "bot.json"
    marker = "9" * digits
    path.write_text(f'{{"version": 1, "marker": {marker}, "kept": [], "after": null}}')

    with pytest.raises(MarkerFileError, match=r"right types|no JSON") as caught:
        await MarkerFile(path).load()

    assert len(str(caught.value)) < 500


class Away(MemoryEngine):
    """An engine of several processes, which is away at times."""

    def __init__(self) -> None:
        super().__init__()
        self.refusing = 0
        self.held: list[float] = []

    @property
    def shared(self) -> bool:
        return True

    async def hold(
        self, name: str, token: str, seconds: float, *, value: bytes | None = None
    ) -> bytes | None:
        if self.refusing:
            self.refusing -= 1
            raise EngineUnavailableError(name, "it is restarted")
        self.held.append(asyncio.get_running_loop().time())
        return await super().hold(name, token, seconds, value=value)


async def test_who_polls_stays_so_though_the_engine_did_not_answer_once(
    tmp_path: Path,
) -> None:
    engine = Away()
    markers = EngineMarkers(
        engine, "poller/max-1", MarkerFile(tmp_path / "marker.json")
    )
    await markers.load()

    engine.refusing = 1
    await asyncio.sleep(20)

    pauses = [later - earlier for earlier, later in pairwise(engine.held)]
    assert len(pauses) >= 5
    assert max(pauses) < 8  # seconds after which another process would poll
    engine.refusing = 1
    await markers.release()
    await asyncio.sleep(20)
    assert len(engine.held) == len(pauses) + 1
