"""The listings are those of the pages, but for the edits that are allowed.

Allowed are: other import lines, and an `async def listing()` around statements that
await. The pages lie outside of the project; where they are not there, the hashes
stand for them.
"""

from __future__ import annotations

import ast
import re
import textwrap
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

LISTINGS = Path(__file__).with_name("listings")
PAGES = Path(__file__).parents[3] / "shared" / "seeds"
BACKGROUND = "000_f22ab29f5e88250a.txt"
MANAGERS = "001_01cb7a146337509e.txt"
STATE = "002_40a1cacda36540e4.txt"
POLLING = "003_55476604393f4d2c.txt"

# The second page has lost its line breaks: this is what follows its listings.
PROSE = (
    "Or you can enter",
    "Obtaining BgManagerFactory",
    "In middleware.",
    "As a result of",
    "In aiogram dialog handlers",
    "Getting a BgManager",
    "Using ``BgManagerFactory``",
    "Dealing with middlewares",
    "Classes and signatures",
)


@dataclass(frozen=True)
class Listing:
    """Which listing of which page a file holds."""

    name: str
    page: str
    number: int
    digest: str


ALL = [
    Listing("background_job", BACKGROUND, 0, "c5ee1b340ba1a4ef"),
    Listing("timer", BACKGROUND, 1, "aac8b24ba52aceca"),
    Listing("calls", MANAGERS, 0, "e8be648502d2ca71"),
    Listing("foreground", MANAGERS, 1, "c3b07e1c6356d042"),
    Listing("factory_in_handler", MANAGERS, 2, "a1bcb5d10d56a03c"),
    Listing("factory_in_middleware", MANAGERS, 3, "398c19e8825d1f24"),
    Listing("factory_from_setup", MANAGERS, 4, "09ffa8aaff394a88"),
    Listing("factory_in_dialog", MANAGERS, 5, "1d4424b7dfe0875b"),
    Listing("bg_from_manager", MANAGERS, 6, "e88c51cf144e48d2"),
    Listing("bg_from_factory", MANAGERS, 7, "a809cc03efc6c81a"),
    Listing("dialog_events", MANAGERS, 8, "da40261baf7335be"),
    Listing("state", STATE, 0, "41aabac0054a20df"),
    Listing("polling", POLLING, 0, "323eab9742f1749c"),
    Listing("polling_options", POLLING, 1, "53e304940ef6c8ad"),
    Listing("polling_drop", POLLING, 2, "0c59188e30d5873e"),
]
COUNTS = {BACKGROUND: 2, MANAGERS: 9, POLLING: 3}


def _source(listing: Listing) -> str:
    return (LISTINGS / f"{listing.name}.txt").read_text(encoding="utf-8")


def _statements(source: str) -> list[ast.stmt]:
    """The statements of a listing without the allowed edits."""
    found = [
        statement
        for statement in ast.parse(source).body
        if not isinstance(statement, ast.Import | ast.ImportFrom)
    ]
    match found:
        case [ast.AsyncFunctionDef(name="listing", body=body)]:
            return body
        case _:
            return found


def _tree(source: str) -> str:
    """The syntax tree, written the same way by every version of Python."""
    return "\n".join(ast.unparse(statement) for statement in _statements(source))


def _words(source: str) -> list[str]:
    """The text of a listing without the allowed edits and without its layout."""
    segments = [
        ast.get_source_segment(source, statement) or ""
        for statement in _statements(source)
    ]
    return " ".join(segments).split()


def _blocks(page: str) -> list[str]:
    """The listings of a page."""
    if "```python" in page:
        return re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    if "\n" in page.strip():
        found = re.findall(r"\.\. code-block:: python\n\n((?:    .*\n|\n)+)", page)
        return [textwrap.dedent(block) for block in found]
    ends = "|".join(re.escape(words) for words in PROSE)
    return re.findall(rf"\.\. code-block:: python (.*?) (?={ends})", page)


@pytest.mark.parametrize("listing", ALL, ids=lambda listing: listing.name)
def test_a_listing_is_the_one_of_its_page(listing: Listing) -> None:
    source = _source(listing)

    digest = sha256(_tree(source).encode()).hexdigest()[:16]

    assert digest == listing.digest
    if not PAGES.exists():
        return
    block = _blocks((PAGES / listing.page).read_text(encoding="utf-8"))[listing.number]
    if listing.page == MANAGERS:
        bare = re.sub(r"from \S+ import \S+ ", "", block)
        assert _words(source) == bare.split()
    else:
        assert _tree(source) == _tree(block)


@pytest.mark.parametrize("page", COUNTS)
def test_no_listing_of_a_page_is_left_out(page: str) -> None:
    numbers = [listing.number for listing in ALL if listing.page == page]

    assert numbers == list(range(COUNTS[page]))
    if PAGES.exists():
        blocks = _blocks((PAGES / page).read_text(encoding="utf-8"))
        assert len(blocks) == COUNTS[page]
