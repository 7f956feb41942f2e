# pyright: reportPrivateUsage=false
# Pykka names what a proxy needs of a ref and of another proxy with an underscore.
"""The proxy of a loop-hosted actor: Pykka's, which looks only at what is asked for.

Pykka's proxy looks at every attribute of an actor when it is made and again when it
does not know a name. This one looks up single names, by the same rules.
"""

from __future__ import annotations

import logging
from typing import Any, TypeAlias, TypeVar, cast

from pykka import Actor, ActorDeadError, ActorProxy, ActorRef, CallableProxy
from pykka.messages import ProxyGetAttr, ProxySetAttr

from duologue.actors._futures._blocking import refuse_to_block

A = TypeVar("A", bound=Actor)

# The attributes of an actor are the user's own data.
Attribute: TypeAlias = Any  # type: ignore[explicit-any] # as in Pykka, see above
Path: TypeAlias = tuple[str, ...]

logger = logging.getLogger("pykka")


class AsyncActorProxy(ActorProxy[A]):
    """The attributes and methods of an actor, used by messages.

    All that Pykka says of proxies holds. Making one costs next to nothing, and one
    outlives a restart of its actor.

    Args:
        actor_ref: The actor.
        attr_path: The way from the actor to a traversable object.

    Raises:
        pykka.ActorDeadError: If the actor has stopped.
    """

    def __init__(  # pyright: ignore[reportMissingSuperCall] # it would look at everything
        self, *, actor_ref: ActorRef[A], attr_path: Path | None = None
    ) -> None:
        actor = actor_ref._actor_weakref()  # noqa: SLF001 - as Pykka's proxy does
        if actor is None or not actor_ref.is_alive():
            raise ActorDeadError(f"{actor_ref} not found")
        self.actor_ref = actor_ref
        self._actor = actor
        self._attr_path = attr_path or ()
        self._parts: dict[str, ActorProxy[A] | CallableProxy[A]] = {}
        if attr_path is None:
            self._warn_of_loops()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ActorProxy) and (
            _identity(self) == _identity(cast("ActorProxy[Actor]", other))
        )

    def __hash__(self) -> int:
        return hash(_identity(self))

    def __dir__(self) -> list[str]:
        try:
            owner = _follow(self._root(), self._attr_path)
        except AttributeError:
            owner = None
        public = (name for name in dir(owner) if not name.startswith("_"))
        return sorted({*object.__dir__(self), *public})

    def __getattr__(self, name: str) -> Attribute:
        """A future of a field, a callable method, or a proxy of a traversable object.

        Raises:
            AttributeError: If the actor has no such attribute or it is private.
        """
        if name == "actor_ref" or name.startswith("_"):
            # One that copy.copy() makes has no attributes yet, and so no name.
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        known = self._parts.get(name)
        if known is not None:
            return known
        path = (*self._attr_path, name)
        attribute = self._look_up(path)
        if callable(attribute):
            part = CallableProxy(actor_ref=self.actor_ref, attr_path=path)
            return self._parts.setdefault(name, part)
        if _is_traversable(attribute):
            nested = AsyncActorProxy(actor_ref=self.actor_ref, attr_path=path)
            return self._parts.setdefault(name, nested)
        return self.actor_ref.ask(ProxyGetAttr(attr_path=path), block=False)

    def __setattr__(self, name: str, value: object) -> None:
        """Set a field of the actor and wait until it has been done.

        Raises:
            BlockingCallError: On a thread that runs actors; the error names the
                message to send instead.
        """
        if name == "actor_ref" or name.startswith("_"):
            object.__setattr__(self, name, value)
            return
        path = (*self._attr_path, name)
        refuse_to_block(
            f"proxy.{name} = ...",
            instead=(
                "await proxy.actor_ref.ask("
                f"pykka.messages.ProxySetAttr({path!r}, value), block=False)"
            ),
        )
        self.actor_ref.ask(ProxySetAttr(attr_path=path, value=value))

    def _root(self) -> object:
        """The actor as it is now: a restart makes another."""
        actor = self.actor_ref._actor_weakref()  # noqa: SLF001 - as above
        return self._actor if actor is None else actor

    def _look_up(self, path: Path) -> object:
        try:
            attribute = _attribute(_follow(self._root(), path[:-1]), path[-1])
        except AttributeError:
            raise AttributeError(f"{self} has no attribute {path[-1]!r}") from None
        if self == attribute:
            self._warn(path)
            raise AttributeError(f"{self} has no attribute {path[-1]!r}")
        return attribute

    def _warn_of_loops(self) -> None:
        # A copy, because the actor may be setting attributes in its own thread.
        for name, attribute in vars(self._actor).copy().items():
            if not name.startswith("_") and self == attribute:
                self._warn((name,))

    def _warn(self, path: Path) -> None:
        logger.warning(
            "%s attribute %r is a proxy to itself."
            " Consider making it private by renaming it to %r.",
            self._root(),
            ".".join(path),
            f"_{path[-1]}",
        )


def _identity(proxy: ActorProxy[A]) -> tuple[ActorRef[A], Path]:
    # By the ref, not by the actor as Pykka does: a restart makes another.
    return proxy.actor_ref, proxy._attr_path  # noqa: SLF001 - Pykka's name for it


def _follow(root: object, path: Path) -> object:
    for name in path:
        root = getattr(root, name)
    return root


def _attribute(owner: object, name: str) -> object:
    """An attribute as it was set, so that no property is run.

    Raises:
        AttributeError: If there is none of that name.
    """
    if name in (own := getattr(owner, "__dict__", {})):
        return own[name]
    kind = owner if isinstance(owner, type) else type(owner)
    for base in kind.__mro__:
        if name in vars(base):
            return vars(base)[name]
    raise AttributeError(name)


def _is_traversable(attribute: object) -> bool:
    """Whether it is marked so; one that is a proxy would have to ask its actor."""
    return not isinstance(attribute, ActorProxy) and (
        getattr(attribute, "_pykka_traversable", False) is True
        or getattr(attribute, "pykka_traversable", False) is True
    )
