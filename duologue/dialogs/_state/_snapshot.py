"""The state of one address: what a turn reads first and writes last.

As bytes it is a head (version, ring, who it is, stacks and their screens) and then one
line for each open dialog. A turn decodes the dialogs that it touches and encodes those
alone; the bytes of all others go on as they are.

What a commit wrote is kept taken apart (`Stored`) as long as the dialog actor lives. The
copy by which a line was checked becomes what the next turn works on, so data is decoded
once a turn, and no two turns ever share an object.
"""

from __future__ import annotations

import hashlib
import logging
from binascii import b2a_base64
from collections.abc import Callable
from dataclasses import dataclass, field

from duologue.dialogs._chat._data import Json, dump_bytes, load
from duologue.dialogs._state._stack import Context, Keys, KnownScreen, Stack
from duologue.dialogs._state._states import State
from duologue.dialogs._state._timers import Timers
from duologue.dialogs._state._values import Known, read, write, write_much
from duologue.errors import SnapshotVersionError, UnknownStateError

_FORMAT = 2
_RING_SIZE = 128
_HASH_LENGTH = 8
# Of marks that no messenger should ask for any more: one may still repeat itself.
_KEPT = 16
_LONG = 2000  # bytes of a line that is written piece by piece
_MAX_SENT = 64  # messages whose handles are kept in data
_NAMES = ("stack", "state", "start_data", "dialog_data", "widget_data")
_KNOWN = frozenset(
    ("v", "n", "ring", "heard", "who", "stacks", "dialogs", "sent", "schema", "timers")
)
_logger = logging.getLogger("duologue.dialogs")

StateByName = Callable[[str], State]


def digest(text: str) -> str:
    """Name a text: equal for equal ones, different for different ones."""
    written = text.encode("utf-8", "surrogatepass")
    return b2a_base64(
        hashlib.blake2b(written, digest_size=9).digest(), newline=False
    ).decode()


class Ring:
    """The newest update ids, to recognise those that are delivered again.

    Ids are kept as short hashes in one string, which costs almost nothing to read and
    write. An update that was polled should come again only until its batch is
    acknowledged, and the next batch says that it was; so with the first update of a
    later batch the marks of polled updates go, but for the newest few.

    Args:
        text: The marks.
        batch: The batch that they belong to; None for updates that were not polled.
    """

    __slots__ = ("batch", "text")

    def __init__(self, text: str = "", batch: int | None = None) -> None:
        self.text: str = text
        self.batch: int | None = batch

    def add(self, update_id: str, batch: int | None = None) -> bool:
        """Note an id.

        Args:
            update_id: The id.
            batch: Which batch of the poller it came in.

        Returns:
            Whether it was new.
        """
        if batch != self.batch:
            if self.batch is not None and batch is not None:
                self.text = self.text[-_KEPT * _HASH_LENGTH :]
            self.batch = batch
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
        return b2a_base64(
            hashlib.blake2b(written, digest_size=6).digest(), newline=False
        ).decode()


@dataclass(slots=True)
class Stored:
    """The state of an address as a commit wrote it, taken apart.

    Attributes:
        text: All of it.
        head: Everything but the dialogs, decoded.
        lines: The dialogs by their ids, encoded.
        copies: Those that are decoded already; the next turn takes them out.
        known: The large pieces of long ones.
    """

    text: bytes | None = None
    head: dict[str, Json] = field(default_factory=dict)
    lines: dict[str, bytes] = field(default_factory=dict)
    copies: dict[str, list[Json]] = field(default_factory=dict)
    known: dict[str, Known] = field(default_factory=dict)

    @property
    def unknown(self) -> dict[str, Json]:
        """What this version does not know of the head."""
        head = self.head
        if head.keys() <= _KNOWN:
            return {}
        return {name: head[name] for name in head if name not in _KNOWN}


def take_apart(text: bytes | None) -> Stored:
    """Read what a commit wrote; None for an address without state.

    Raises:
        SnapshotVersionError: Another version of the program wrote it.
    """
    if text is None:
        return Stored()
    first, *lines = text.split(b"\n")
    head: dict[str, Json] = load(first)
    if head.get("v") != _FORMAT:
        raise SnapshotVersionError(head.get("v", 0), _FORMAT)
    return Stored(text, head, dict(zip(head["dialogs"], lines, strict=True)))


def screen_in(text: bytes | None, stack_id: str) -> KnownScreen | None:
    """What the state of an address knows of the screen of a stack.

    Args:
        text: What a commit wrote; None for an address without state.
        stack_id: The stack.

    Returns:
        The screen; None if no dialog of the stack is open.
    """
    data = take_apart(text).head.get("stacks", {}).get(stack_id)
    if data is None:
        return None
    stack = _load_stack(stack_id, data)
    return stack.screen if stack.intents else None


class Snapshot:
    """A working copy of the state of one address.

    Args:
        stored: What the last commit wrote.
        state_by_name: Finds the state objects that contexts name.

    Attributes:
        before: The windows that these dialogs had when the turn began.
        open: The dialogs that have been decoded in this turn.
        open_timers: The calls that wait for their time, if the turn has asked for them.
        ring: The newest update ids.
        sent: The ids of messages by the tokens of their handles, the newest last.
        stacks: The stacks by their names.
        version: How many commits there have been.
        who: The type of the chat, and name, user name and language of the user.
    """

    __slots__ = (
        "_heard",
        "_lines",
        "_state_by_name",
        "_stored",
        "before",
        "open",
        "open_timers",
        "ring",
        "sent",
        "stacks",
        "version",
        "who",
    )

    def __init__(self, stored: Stored, state_by_name: StateByName) -> None:
        head = stored.head
        self._stored = stored
        self._state_by_name = state_by_name
        self.open: dict[str | None, Context] = {}
        self.before: dict[str, State] = {}
        self._lines: dict[str, bytes] = stored.lines.copy()
        self.open_timers: Timers | None = None
        self.version: int = head.get("n", 0)
        self.ring: Ring = Ring(*head.get("ring", ()))
        self._heard: str = head.get("heard", "")
        self.who: list[Json] = head.get("who", [])
        self.sent: dict[str, str] = head.get("sent", {})
        self.stacks: dict[str, Stack] = {
            name: _load_stack(name, stack)
            for name, stack in head.get("stacks", {}).items()
        }

    def hear(self, name: str) -> bool:
        """Note a message of another program; tell whether it is new."""
        ring = Ring(self._heard)
        is_new = ring.add(name)
        self._heard = ring.text
        return is_new

    @property
    def timers(self) -> Timers:
        """The calls that wait for their time."""
        if self.open_timers is None:
            self.open_timers = Timers(self._stored.head.get("timers", ()))
        return self.open_timers

    def stack(self, stack_id: str) -> Stack:
        """The stack of this name; a new and empty one if there is none."""
        found = self.stacks.get(stack_id)
        if found is None:
            found = self.stacks[stack_id] = Stack(stack_id)
        return found

    def has(self, intent_id: str) -> bool:
        """Tell whether a dialog is open."""
        return intent_id in self.open or intent_id in self._lines

    def context(self, intent_id: str) -> Context | None:
        """The context of an open dialog; None if it is closed.

        A dialog whose window the program does not have any more is closed.
        """
        found = self.open.get(intent_id)
        if found is None and intent_id in self._lines:
            found = self._load(intent_id)
        return found

    def top(self, stack: Stack) -> Context | None:
        """The context that is seen of a stack; None if it is empty."""
        intents = stack.intents
        while intents:
            found = self.open.get(intents[-1]) or self.context(intents[-1])
            if found is not None:
                return found
        return None

    def push(self, context: Context) -> None:
        """Open a dialog on top of its stack."""
        self.stack(context.stack_id).intents.append(context.id)
        self.open[context.id] = context

    def note_sent(self, token: str, message_id: str) -> None:
        """Note the id of a message whose handle is kept; forget the oldest."""
        newest = list(self.sent.items())[-_MAX_SENT + 1 :]
        self.sent = {**dict(newest), token: message_id}

    def drop(self, intent_id: str, stack: Stack) -> None:
        """Forget a dialog, and the calls for later that end with it."""
        if self.open_timers is not None or "timers" in self._stored.head:
            self.timers.close(intent_id)
        stack.intents.remove(intent_id)
        self.open.pop(intent_id, None)
        self._lines.pop(intent_id, None)

    def _load(self, intent_id: str) -> Context | None:
        copy = self._stored.copies.pop(intent_id, None)
        stack_id, state_name, *data = copy or read(self._lines[intent_id])
        try:
            state = self._state_by_name(state_name)
        except UnknownStateError as error:
            # The program no longer has its window: nobody could ever use it again.
            _logger.warning("an open dialog is closed: %s", error)
            self.drop(intent_id, self.stack(stack_id))
            return None
        found = Context(intent_id, stack_id, state, *data)
        self.before[intent_id] = state
        self.open[intent_id] = found
        return found

    def encode(self, schema: int = 0) -> Stored:
        """Write the state as the next version.

        What another version of the program has put into the head stays there.

        Args:
            schema: Which version of the author's program writes it.

        Raises:
            UnserialisableDataError: A dialog holds what cannot be stored.
        """
        lines = self._lines
        copies: dict[str, list[Json]] = {}
        known: dict[str, Known] = {}
        for context in self.open.values():
            values = (
                context.stack_id,
                context.state.state,
                context.start_data,
                context.dialog_data,
                context.widget_data,
            )
            name = context.id
            if len(lines.get(name, b"")) < _LONG:
                lines[name], copies[name] = write(values, _NAMES)
            else:
                before = self._stored.known.get(name, {})
                lines[name], copies[name], known[name] = write_much(
                    values, _NAMES, before
                )
        head = {
            **self._stored.unknown,
            "v": _FORMAT,
            "n": self.version + 1,
            "ring": [self.ring.text, self.ring.batch],
            "who": self.who,
            "stacks": {
                name: _dump_stack(stack)
                for name, stack in self.stacks.items()
                if stack.intents or stack.default()
            },
            "dialogs": list(lines),
        }
        if self._heard:
            head["heard"] = self._heard
        if self.sent:
            head["sent"] = self.sent
        timers = self._stored.head.get("timers")
        if self.open_timers is not None:
            timers = self.open_timers.stored()
        if timers:
            head["timers"] = timers
        if schema:
            head["schema"] = schema
        text = b"\n".join((dump_bytes(head), *lines.values()))
        return Stored(text, head, lines, copies, known)


def _load_stack(name: str, data: Json) -> Stack:
    intents, message_id, digest, drawn, pending = data
    screen = KnownScreen(
        message_id,
        digest,
        None if drawn is None else Keys(*drawn),
        [Keys(*keys) for keys in pending],
    )
    return Stack(name, intents.copy(), screen)


def _dump_stack(stack: Stack) -> Json:
    screen = stack.screen
    return [
        stack.intents.copy(),
        screen.message_id,
        screen.digest,
        None if screen.drawn is None else _dump_keys(screen.drawn),
        [_dump_keys(keys) for keys in screen.pending],
    ]


def _dump_keys(keys: Keys) -> Json:
    return [keys.revision, keys.intent, keys.items]
