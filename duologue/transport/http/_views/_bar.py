"""The progress bar of a page, drawn on the server: it works before any script does."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from typing import cast

from duologue.transport.http._actions._calls import Reply
from duologue.transport.http._problems import FRESH

STOP_POLLING = 286
"""What tells htmx to ask no more."""


class BackgroundOperationBar:
    """The progress bar of m3, as an `<operation-bar>` in the HTML of a page.

    `str(bar)` is the element, for templates without further escaping. The page loads
    `operation-bar.js` from the door; there the element has `start(parameters)`,
    `ping()` and `stop()`. Without scripts it shows a link to the present state.

    Args:
        label: What the operation is.
        text: What it says before the first start.
        value: How far it is then, from 0 to 1.
        interval: Milliseconds between two questions, where there is no stream.
        url: Where the operation is: see `get_action_url`.
        boundary: The name under which it runs; one for all pages of an owner when empty.

    Attributes:
        client_id: The id of the element in the page.
    """

    def __init__(  # noqa: PLR0917  # as m3 has it
        self,
        label: str = "",
        text: str = "",
        value: float | None = None,
        interval: int = 1000,
        url: str = "",
        boundary: str = "",
    ) -> None:
        self.label = label
        self.text = text
        self.value = value
        self.interval = interval
        self.url = url
        self.boundary = boundary
        words = re.findall(r"\w+", f"{url} {boundary}", re.ASCII)
        self.client_id: str = "-".join(["operation", *words])

    def __str__(self) -> str:
        value = _share(self.value)
        attributes = {
            "id": self.client_id,
            "src": self.url,
            "label": self.label,
            "text": self.text,
            "value": value,
            "interval": str(self.interval),
            "boundary": self.boundary,
        }
        listed = "".join(
            f' {name}="{escape(given)}"' for name, given in attributes.items() if given
        )
        place = f"{self.url}?boundary={self.boundary}" if self.boundary else self.url
        return (
            f"<operation-bar{listed}><label><span>{escape(self.label)}</span>"
            f'<progress max="1" value="{value or 0}"></progress></label>'
            f"<output>{escape(self.text)}</output>"
            f'<a href="{escape(place)}">↻</a></operation-bar>'
        )

    def __html__(self) -> str:
        """The element, as template engines ask for what needs no escaping."""
        return str(self)

    def start(self) -> str:
        """The statement that starts the operation, for a script of the page."""
        return self._calls("start")

    def ping(self) -> str:
        """The statement that asks how far it is, for a script of the page."""
        return self._calls("ping")

    def stop(self) -> str:
        """The statement that stops it, for a script of the page."""
        return self._calls("stop")

    def _calls(self, method: str) -> str:
        return f'document.getElementById("{self.client_id}").{method}()'


def fragment(
    form: Mapping[str, object], headers: Mapping[str, str], *, is_htmx: bool
) -> Reply:
    """An operation as a piece of HTML.

    htmx swaps it for the next one, until its end says 286. A browser without scripts
    loads it again by itself, until the end.

    Args:
        form: The operation, as it is sent in JSON.
        headers: More headers.
        is_htmx: Whether htmx asks.
    """
    is_active = bool(form["isActive"])
    asks, stop = _links(form, is_htmx=is_htmx) if is_active else ("", "")
    value = "" if is_active and form["indeterminate"] else f' value="{form["value"]}"'
    text = escape(str(form["text"] or form["state"]))
    body = (
        f'<div class="operation" data-state="{form["state"]}"{asks}>'
        f"<label>{escape(str(form['name']))} "
        f'<progress max="1"{value}></progress></label> '
        f"<output>{text}</output>{stop}</div>\n"
    )
    more = {"Content-Type": "text/html; charset=utf-8", **_SAFE, **headers}
    status = HTTPStatus.OK.value
    if is_htmx and not is_active:
        status, more["HX-Trigger"] = STOP_POLLING, "operation-done"
    elif not is_htmx and is_active:
        more["Refresh"] = "2"
    return Reply(status, body.encode(), {**FRESH, **more})


def _links(form: Mapping[str, object], *, is_htmx: bool) -> tuple[str, str]:
    """What lets htmx ask again, and the button that stops the operation."""
    if not is_htmx:
        return "", ""
    links = cast("Mapping[str, str]", form["links"])
    place, cancel = escape(links["self"]), escape(links["cancel"])
    asks = f' hx-get="{place}" hx-trigger="every 1s" hx-swap="outerHTML"'
    stop = f' hx-post="{cancel}" hx-target="closest .operation" hx-swap="outerHTML"'
    return asks, f' <button type="button"{stop}>Stop</button>'


_SAFE = {"Content-Security-Policy": "default-src 'none'", "Vary": "Accept, HX-Request"}


def _share(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return ""
    return f"{min(1.0, max(0.0, value)):g}"
