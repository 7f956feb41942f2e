"""Widgets that render text."""

from __future__ import annotations

from duologue.dialogs._manager import DialogManager
from duologue.dialogs.widgets._widget import When, Widget, WidgetData
from duologue.errors import WidgetError


class Text(Widget):
    """A widget that renders text. Subclasses override `_render_text`."""

    async def render_text(self, data: WidgetData, manager: DialogManager) -> str:
        """Render the text; empty if the widget is not visible.

        Args:
            data: What the getters returned, and the data of the dialog.
            manager: The manager of the turn.
        """
        if not self.is_visible(data, manager):
            return ""
        return await self._render_text(data, manager)

    async def _render_text(self, data: WidgetData, manager: DialogManager) -> str:
        raise NotImplementedError

    def __add__(self, other: Text | str) -> Text:
        return Multi(self, _as_text(other), sep="")

    def __radd__(self, other: str) -> Text:
        return Multi(_as_text(other), self, sep="")

    def __or__(self, other: Text | str) -> Text:
        return _Or(self, _as_text(other))

    def __ror__(self, other: str) -> Text:
        return _Or(_as_text(other), self)


class Const(Text):
    """Always the same text.

    Args:
        text: The text.
        when: When it is visible.
    """

    def __init__(self, text: str, when: When = None) -> None:
        super().__init__(when)
        self.text = text

    async def _render_text(self, data: WidgetData, manager: DialogManager) -> str:  # noqa: ARG002  # the hook's signature
        return self.text


class Format(Text):
    """Text with fields in braces, as `str.format_map` fills them from the data.

    Args:
        text: The text, such as `"Hello, {name}!"`.
        when: When it is visible.
    """

    def __init__(self, text: str, when: When = None) -> None:
        super().__init__(when)
        self.text = text

    async def _render_text(self, data: WidgetData, manager: DialogManager) -> str:  # noqa: ARG002  # the hook's signature
        try:
            return self.text.format_map(data)
        except (KeyError, IndexError, AttributeError, ValueError) as error:
            known = ", ".join(sorted(key for key in data if key.isidentifier()))
            problem = f"cannot be filled: {error!r}; the getters gave: {known}"
            raise WidgetError(f"Format({self.text!r})", problem) from error


class Multi(Text):
    """Several texts, one after another; those that are empty are left out.

    Args:
        texts: The texts.
        sep: What stands between them.
        when: When they are visible.
    """

    def __init__(self, *texts: Text, sep: str = "\n", when: When = None) -> None:
        super().__init__(when)
        self.texts = texts
        self.sep = sep

    def parts(self) -> tuple[Widget, ...]:
        """The texts."""
        return self.texts

    async def _render_text(self, data: WidgetData, manager: DialogManager) -> str:
        rendered = [await text.render_text(data, manager) for text in self.texts]
        return self.sep.join(text for text in rendered if text)


class _Or(Text):
    """The first of its texts that is not empty."""

    def __init__(self, *texts: Text) -> None:
        super().__init__()
        self.texts = texts

    async def _render_text(self, data: WidgetData, manager: DialogManager) -> str:
        for text in self.texts:
            rendered = await text.render_text(data, manager)
            if rendered:
                return rendered
        return ""


def _as_text(text: Text | str) -> Text:
    return Format(text) if isinstance(text, str) else text
