"""The page of all public names has them all, as they are."""

from __future__ import annotations

from pathlib import Path

from tests.docs.api_index import index

PAGE = Path(__file__).parents[2] / "docs/api.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == index(), "type: make api-index"
