"""What type checkers know of proxies, as far as `pykka.typing` goes; never run."""

from __future__ import annotations

from typing import Any, assert_type, cast

import pykka
from pykka.typing import ActorMemberMixin, proxy_field, proxy_method

from duologue.actors import AsyncActor, AsyncFuture


class Circle(AsyncActor):
    """A field, and methods of both kinds."""

    name: str = "circle"

    def area(self, radius: float) -> float:
        return 3 * radius**2

    async def rename(self, name: str) -> int:
        self.name = name
        return len(name)


class CircleProxy(ActorMemberMixin, pykka.ActorProxy[Circle]):
    """The same, as its proxy shows it."""

    name = proxy_field(Circle.name)
    area = proxy_method(Circle.area)


def what_a_proxy_is() -> None:
    assert_type(Circle.start().proxy(), pykka.ActorProxy[Circle])
    assert_type(Circle.start().proxy().area(2.0), Any)


async def what_a_typed_proxy_is() -> None:
    proxy = cast("CircleProxy", Circle.start().proxy())

    _ = assert_type(proxy.name, pykka.Future[str])
    assert_type(proxy.name.get(), str)
    _ = assert_type(proxy.area(2.0), pykka.Future[float])
    assert_type(await proxy.area(2.0), float)
    assert_type(await AsyncFuture.of(proxy.area(2.0)), float)


def what_is_an_error() -> None:
    proxy = cast("CircleProxy", Circle.start().proxy())

    _ = proxy.area("wide")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # a number
    length: str = proxy.name  # type: ignore[assignment] # pyright: ignore[reportAssignmentType] # a future
    print(length)  # noqa: T201 # it is used
