"""Which updates a messenger is asked for."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Set as AbstractSet
from typing import Protocol, runtime_checkable

from duologue.dialogs import Bot

_logger = logging.getLogger("duologue")


@runtime_checkable
class _Selective(Protocol):
    """A messenger that can be asked for some kinds of updates only."""

    @property
    def update_types(self) -> Mapping[str, str]: ...


def types_for(bot: Bot, used: AbstractSet[str]) -> tuple[str, ...] | None:
    """The types that somebody handles, in the messenger's words; None for all.

    Args:
        bot: Whose updates they are.
        used: The events that somebody handles.
    """
    if not isinstance(bot, _Selective):
        return None
    named = ",".join(bot.update_types[name] for name in used & bot.update_types.keys())
    wanted = sorted(set(named.split(",")) - {""})
    if not wanted:
        _logger.warning(
            "no handler is registered, so all updates are fetched in vain; include "
            "your routers and dialogs with dispatcher.include_router(...)"
        )
        return None
    idle = sorted(
        name
        for name, types in bot.update_types.items()
        if not set(types.split(",")) & set(wanted)
    )
    _logger.info(
        "not asked for, since no handler takes them: %s", ", ".join(idle) or "nothing"
    )
    return tuple(wanted)
