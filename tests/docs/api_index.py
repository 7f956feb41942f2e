"""Writes the list of all public names: `make api-index` keeps docs/api.md with it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from types import ModuleType

import duologue

HEAD = """# All public names

By the module that they are imported from; `help()` of each says the rest. `make api-index` writes
this page.
"""


def index() -> str:
    """Write the page."""
    return "\n".join([HEAD, *("\n".join(_section(module)) for module in _modules())])


def _modules() -> Iterator[ModuleType]:
    yield duologue
    for _, name, _ in pkgutil.walk_packages(duologue.__path__, "duologue."):
        if not any(part.startswith("_") for part in name.split(".")):
            yield importlib.import_module(name)


def _section(module: ModuleType) -> Iterator[str]:
    yield f"## {module.__name__}\n"
    yield f"{_first_line(module)}\n"
    names: list[str] = list(module.__all__)
    if names:
        yield "| name | what it is |\n|---|---|"
    for name in names:
        yield f"| `{name}` | {_words(name, getattr(module, name))} |"
    yield ""


def _words(name: str, value: object) -> str:
    """What a name stands for: its own first line, or its kind."""
    if inspect.isclass(value) or inspect.isroutine(value):
        return _first_line(value).replace("|", "\\|")
    if name.isupper():
        return "a constant" if len(name) > 1 else f"a `{type(value).__name__}`"
    return "a type"


def _first_line(value: object) -> str:
    return (inspect.getdoc(value) or "").partition("\n")[0]


if __name__ == "__main__":
    sys.stdout.write(index())
