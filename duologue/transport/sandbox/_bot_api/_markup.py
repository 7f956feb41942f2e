"""Formatted text: HTML becomes plain text with markup elements."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser

from duologue.transport.sandbox._bot_api._fields import malformed
from duologue.transport.sandbox._world._values import JsonObject, JsonView

STYLES = {
    "b": "strong",
    "strong": "strong",
    "i": "emphasized",
    "em": "emphasized",
    "s": "strikethrough",
    "del": "strikethrough",
    "u": "underline",
    "ins": "underline",
    "code": "monospaced",
    "pre": "monospaced",
    "mark": "highlighted",
    "h1": "heading",
    "blockquote": "quote",
    "a": "link",
}
VOID = frozenset({"br", "hr", "img", "input", "meta", "link", "wbr"})


@dataclass(frozen=True, slots=True)
class Shown:
    """Text as users see it; ``from`` and ``length`` of markup are UTF-16 units."""

    text: str
    markup: tuple[JsonView, ...] = ()


def read_text(text: str, style: str | None) -> Shown:
    """Turn what a bot sent into what users see.

    HTML is parsed: known tags become markup, all others are stripped, a tag that is
    not closed is refused (MAX documentation and observations of its live service).
    Markdown and plain text are shown as they were sent.
    """
    if style != "html":
        return Shown(text)
    reader = _Reader()
    reader.feed(text)
    reader.close()
    if reader.open:
        raise malformed(f"text: the tag <{reader.open[-1][0]}> is not closed")
    return Shown("".join(reader.parts), tuple(reader.markup))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.markup: list[JsonObject] = []
        self.open: list[tuple[str, int, str | None]] = []
        self._units = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append((tag, self._units, dict(attrs).get("href")))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open[-1][0] != tag:
            raise malformed(f"text: the tag </{tag}> closes nothing")
        name, start, url = self.open.pop()
        length = self._units - start
        if name in STYLES and length:
            self.markup.append(_element(STYLES[name], start, length, url))

    def handle_data(self, data: str) -> None:
        self.parts.append(data)
        self._units += len(data.encode("utf-16-le", "surrogatepass")) // 2


def _element(kind: str, start: int, length: int, url: str | None) -> JsonObject:
    element: JsonObject = {"type": kind, "from": start, "length": length}
    if kind == "link":
        element["url"] = url or ""
    return element
