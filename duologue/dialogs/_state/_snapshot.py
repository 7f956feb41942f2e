"""The state of one address: what a turn reads first and writes last."""

from __future__ import annotations

import hashlib
import logging
from base64 import b64encode
from collections.abc import Callable

from duologue.dialogs._chat._data import Json, check, dump, dump_bytes, load
from duologue.dialogs._state._stack import Context, Keys, Screen, Stack
from duologue.dialogs._state._states import State
from duologue.errors import SnapshotVersionError, UnknownStateError

_FORMAT = 1
_RING_SIZE = 128
_HASH_LENGTH = 8
_logger = logging.getLogger("duologue.dialogs")

StateByName = Callable[[str], State]


def view_digest(*parts: Json) -> str:
    """Name a view: equal for equal parts, different for different ones."""
    written = dump_bytes(parts)
    return b64encode(hashlib.blake2b(written, digest_size=9).digest()).decode()


class Ring:
    """The newest update ids, to recognise those that are delivered again.

    Ids are kept as short hashes in one string, which costs almost nothing to
    read and write.
    """

    __slots__ = ("text",)

    def __init__(self, text: str = "") -> None:
        self.text: str = text

    def add(self, update_id: str) -> bool:
        """Note an id.

        Returns:
            Whether it was new.
        """
        mark = self._mark(update_id)
        place = self.text.find(mark)
        while place >= 0:
            if place % _HASH_LENGTH == 0:
                return False
            place = self.text.find(mark, place + 1)
        self.text = (self.text + mark)[-_RING_SIZE * _HASH_LENGTH :]
        return True

    @staticmethod
    def _mark(update_id: str) -> str:
        written = update_id.encode(errors="surrogatepass")
        digest = hashlib.blake2b(written, digest_size=6).digest()
        return b64encode(digest).decode()


class Snapshot:
    """A working copy of the state of one address.

    Contexts are decoded when they are first needed and encoded again only then.

    Args:
        text: What the last commit wrote; None for an address without state.
        state_by_name: Finds the state objects that contexts name.

    Raises:
        SnapshotVersionError: A newer version of the program wrote it.
    """

    __slots__ = (
        "_open",
        "_state_by_name",
        "_texts",
        "ring",
        "stacks",
        "version",
        "who",
    )

    def __init__(self, text: bytes | None, state_by_name: StateByName) -> None:
        self._state_by_name = state_by_name
        self._open: dict[str, Context] = {}
        data: dict[str, Json] = {} if text is None else load(text)
        if data.get("v", _FORMAT) != _FORMAT:
            raise SnapshotVersionError(data["v"], _FORMAT)
        self.version: int = data.get("n", 0)
        self.ring: Ring = Ring(data.get("ring", ""))
        self.who: list[Json] = data.get("who", [])
        self._texts: dict[str, str] = data.get("contexts", {})
        self.stacks: dict[str, Stack] = {
            name: _load_stack(name, stack)
            for name, stack in data.get("stacks", {}).items()
        }

    def stack(self, stack_id: str) -> Stack:
        """The stack of this name; a new and empty one if there is none."""
        found = self.stacks.get(stack_id)
        if found is None:
            found = self.stacks[stack_id] = Stack(stack_id)
        return found

    def has(self, intent_id: str) -> bool:
        """Tell whether a dialog is open."""
        return intent_id in self._open or intent_id in self._texts

    def context(self, intent_id: str) -> Context | None:
        """The context of an open dialog; None if it is closed.

        A dialog whose window the program does not have any more is closed.
        """
        found = self._open.get(intent_id)
        if found is None and intent_id in self._texts:
            found = self._load(intent_id)
        return found

    def top(self, stack: Stack) -> Context | None:
        """The context that is seen of a stack; None if it is empty."""
        while stack.intents:
            found = self.context(stack.intents[-1])
            if found is not None:
                return found
        return None

    def push(self, context: Context) -> None:
        """Open a dialog on top of its stack."""
        self.stack(context.stack_id).intents.append(context.id)
        self._open[context.id] = context

    def drop(self, intent_id: str, stack: Stack) -> None:
        """Forget a dialog."""
        stack.intents.remove(intent_id)
        self._open.pop(intent_id, None)
        self._texts.pop(intent_id, None)

    def _load(self, intent_id: str) -> Context | None:
        stack_id, state_name, *data = load(self._texts[intent_id])
        try:
            state = self._state_by_name(state_name)
        except UnknownStateError as error:
            # The program no longer has its window: nobody could ever use it again.
            _logger.warning("an open dialog is closed: %s", error)
            self.drop(intent_id, self.stack(stack_id))
            return None
        found = Context(intent_id, stack_id, state, *data)
        self._open[intent_id] = found
        return found

    def encode(self) -> bytes:
        """Write the state as the next version.

        Raises:
            UnserialisableDataError: A dialog holds what JSON cannot.
        """
        for intent_id, context in self._open.items():
            self._texts[intent_id] = _dump_context(context)
        data = {
            "v": _FORMAT,
            "n": self.version + 1,
            "ring": self.ring.text,
            "who": self.who,
            "stacks": {
                name: _dump_stack(stack)
                for name, stack in self.stacks.items()
                if not stack.empty or stack.default
            },
            "contexts": self._texts,
        }
        return dump_bytes(data)


def _load_stack(name: str, data: Json) -> Stack:
    intents, message_id, digest, drawn, pending = data
    screen = Screen(
        message_id,
        digest,
        None if drawn is None else Keys(*drawn),
        [Keys(*keys) for keys in pending],
    )
    return Stack(name, intents, screen)


def _dump_stack(stack: Stack) -> Json:
    screen = stack.screen
    return [
        stack.intents,
        screen.message_id,
        screen.digest,
        None if screen.drawn is None else _dump_keys(screen.drawn),
        [_dump_keys(keys) for keys in screen.pending],
    ]


def _dump_keys(keys: Keys) -> Json:
    return [keys.revision, keys.intent, keys.items]


def _dump_context(context: Context) -> str:
    start_data, dialog_data = context.start_data, context.dialog_data
    widget_data = context.widget_data
    check(start_data, "start_data")
    check(dialog_data, "dialog_data")
    check(widget_data, "widget_data")
    state = context.state.state
    return dump([context.stack_id, state, start_data, dialog_data, widget_data])
