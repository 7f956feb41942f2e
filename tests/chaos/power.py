"""A power cut: a server begins again with what was on its disk some seconds before."""

from __future__ import annotations

from pathlib import Path


def forget_since(when: float, folder: Path) -> int:
    """Cut the end off the file of a server that does not run.

    Args:
        when: The time from which on it forgets all; of its second, all.
        folder: Where the server keeps its files, with `aof-timestamp-enabled yes`.

    Returns:
        How many bytes are gone.
    """
    file = max((folder / "appendonlydir").glob("*.incr.aof"), key=_number)
    data = file.read_bytes()
    after = int(when)
    at = 0
    while (at := data.find(b"#TS:", at)) >= 0:
        end = data.index(b"\r\n", at)
        said = data[at + 4 : end]
        # A note stands at the start of a line; elsewhere it is what a user has said.
        if (
            said.isdigit()
            and data[at - 2 : at] in (b"\r\n", b"")
            and int(said) >= after
        ):
            break
        at = end
    if at < 0:
        return 0
    file.write_bytes(data[:at])
    return len(data) - at


def _number(file: Path) -> int:
    return int(file.name.split(".")[-3])
