"""States name the windows of a dialog; a group holds those of one dialog."""

from __future__ import annotations

from duologue.errors import NotAStateError, StateClassError, StateNotNamedError

_MEANT = (
    "duologue.dialogs.State names a window and keeps no values, so it has no scope; "
    "derive it from duologue.state.AsyncState"
)


class State:
    """The name of one window. Declare it in the body of a `StatesGroup`."""

    __slots__ = ("_full_name", "_group", "_name")

    def __init__(self) -> None:
        self._group: type[StatesGroup] | None = None
        self._name = ""
        self._full_name: str | None = None

    def __init_subclass__(cls, **wanted: object) -> None:
        """Say what is meant where values are to be kept.

        Raises:
            StateClassError: It is given a scope, as State that tasks share is.
        """
        if wanted:
            raise StateClassError(cls.__name__, _MEANT)
        super().__init_subclass__()

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name
        if issubclass(owner, StatesGroup):
            self._group = owner

    @property
    def group(self) -> type[StatesGroup]:
        """The group that declares it.

        Raises:
            StateNotNamedError: It stands outside a group.
        """
        if self._group is None:
            raise StateNotNamedError
        return self._group

    @property
    def state(self) -> str:
        """The full name, such as `Order:address`.

        Raises:
            StateNotNamedError: It stands outside a group.
        """
        if self._full_name is None:  # the group has its name after its states
            self._full_name = f"{self.group.__full_name__}:{self._name}"
        return self._full_name

    def __repr__(self) -> str:
        return (
            f"<State {self._name or '?'}>"
            if self._group is None
            else (f"<State {self.state}>")
        )


class StatesGroup:
    """The states of one dialog.

    The name of a group is written into snapshots: renaming it makes open
    conversations unreadable. Groups nested in a class carry its name too.
    """

    __full_name__: str = "StatesGroup"
    __states__: tuple[State, ...] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.__full_name__ = cls.__qualname__.rpartition("<locals>.")[2]
        cls.__states__ = tuple(
            value for value in vars(cls).values() if isinstance(value, State)
        )

    @classmethod
    def states(cls) -> tuple[State, ...]:
        """The states of this group, in the order of declaration."""
        return cls.__states__


def checked_state(given: object, where: str) -> State:
    """Give back what must be a state.

    Args:
        given: What somebody has given.
        where: What it was given to, for the error.

    Raises:
        NotAStateError: It is none.
    """
    if not isinstance(given, State):
        raise NotAStateError(repr(given), where)
    return given
