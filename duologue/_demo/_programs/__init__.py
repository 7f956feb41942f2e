"""The programs that the demo starts: the messenger, bots, a server."""

from __future__ import annotations

# _program: one of them; _child: how it ends together with the demo
# _server: a server that keeps state; _copies: two bots behind it

__all__: list[str] = []
