"""What happened, counted."""

from __future__ import annotations

from duologue.actors import Counts


def test_what_happened_is_counted_by_name_and_reason() -> None:
    counts = Counts()

    counts.count("turns", reason="committed")
    counts.count("turns", reason="committed")
    counts.count("turns", reason="failed")
    counts.count("starts")

    assert counts.of("turns", "committed") == 2
    assert counts.of("turns") == 3
    assert counts.of("starts", "") == 1
    assert counts.of("never") == 0
