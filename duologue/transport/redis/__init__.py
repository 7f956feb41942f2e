"""Mailboxes and state in Redis or Valkey, for as many processes as it takes."""

from __future__ import annotations

# What lies where: `_engine` is the engine, on `_turns`, which handles alone what `_suspects`
# says. What this process has leased is in memory as `_units`, with `_boxes` like those of
# any engine of one process: `_leases` finds units that are ready, `_upkeep` keeps them and
# lets them go, `_attendance` does both all the time, and `_mail` carries mail to other
# units and fires letters for later. All of it is scripts on `_keys`;
# `_wire` brings them to the `_server`. `_inspect` looks at all of it from outside, for the
# terminal command of `_cli`; `_watch` tells metrics of it. What other
# programs write comes in through `_ingress`.
from duologue.transport.redis._engine import RedisEngine

__all__ = ["RedisEngine"]
