"""A text that shows how far the operation of a dialog is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from duologue.dialogs._chat._data import Json
from duologue.dialogs._manager._manager import DialogManager
from duologue.dialogs.widgets._operations._found import Known, operation_of
from duologue.dialogs.widgets._progress import Progress
from duologue.dialogs.widgets._text import Const, Format, Text, check_text
from duologue.dialogs.widgets._widget import When, Widget, WidgetData, check_key

_STATES: Final[Mapping[str, Text]] = {
    "pending": Const("waiting"),
    "input_required": Format("{operation[question]}"),
    "retrying": Format("trying again: {operation[error]}"),
    "cancelling": Const("stopping"),
    "succeeded": Const("done"),
    "failed": Format("failed: {operation[error]}"),
    "cancelled": Const("stopped"),
    "timed_out": Const("stopped: it took too long"),
    "lost": Format("lost: {operation[reason]}"),
}
_WORDS: Final = Format("{operation[text]}")


class OperationProgress(Text):
    """A bar, the words of an operation, and what has become of it.

    It shows the operation that `workers.start(..., show=manager.bg(), name=...)` has
    started here, as it is when the window is drawn: also when the dialog was covered
    meanwhile, and when the process that ran it has died. Nothing is shown before the
    first start.

    Args:
        name: The name of the operation in the dialog.
        text: The words under the bar, with `{operation[…]}`: `text`, `percent`, `current`,
            `total`, `unit`, `stage`, `eta`, `attempt`, `reason`, `question`, `error`; None for none.
        states: What is said of a state, in the place of the usual words: `pending`,
            `running`, `input_required`, `retrying`, `cancelling`, `succeeded`, `failed`,
            `cancelled`, `timed_out`, `lost`.
        width: How many signs the bar has; 0 for no bar.
        filled: The sign for what is done.
        empty: The sign for what is left.
        when: When it is visible.

    Raises:
        WidgetError: Something else was given.
    """

    def __init__(
        self,
        name: str = "progress",
        *,
        text: Text | None = _WORDS,
        states: Mapping[str, Text] | None = None,
        width: int = 10,
        filled: str = "█",
        empty: str = "░",
        when: When = None,
    ) -> None:
        super().__init__(when)
        check_key(name, "OperationProgress")
        if text is not None:
            check_text(text, "OperationProgress", "text")
        for state, words in (states or {}).items():
            check_text(words, "OperationProgress", f"states[{state!r}]")
        self.name = name
        self.text = text
        self.states: Mapping[str, Text] = {**_STATES, **(states or {})}
        self._bar = Progress("percent", width, filled, empty) if width else None

    def __repr__(self) -> str:
        return f"OperationProgress({self.name!r})"

    def parts(self) -> tuple[Widget, ...]:
        """The texts."""
        words = () if self.text is None else (self.text,)
        return (*words, *self.states.values())

    async def _render_text(self, data: WidgetData, manager: DialogManager) -> str:
        known = await operation_of(manager, self.name)
        if known is None:
            return ""
        seen = {**data, "operation": _Fields(known)}
        texts = (self.text, self.states.get(str(known["state"])))
        lines = [
            await self._bar_of(known, manager),
            *[await text.render_text(seen, manager) for text in texts if text],
        ]
        return "\n".join(line for line in lines if line)

    async def _bar_of(self, known: Known, manager: DialogManager) -> str:
        if self._bar is None or known["state"] == "pending":
            return ""
        return await self._bar.render_text({"percent": known["percent"]}, manager)


class _Fields(dict[str, Json]):
    """What is known; what an older program has not kept is empty, as what is None."""

    def __init__(self, known: Known) -> None:
        super().__init__(
            (key, "" if value is None else value) for key, value in known.items()
        )

    def __missing__(self, key: str) -> Json:
        return ""
