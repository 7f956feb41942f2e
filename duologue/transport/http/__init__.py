"""HTTP doors: metrics and health for operators, actions for pages.

`prometheus_client` is imported when it is needed: by programs with metrics.
"""

# _actions: long operations, for pages and programs; _views: how they are shown
# _gallery: a page with all of it
# _tokens: what other programs may do; _token_command: `duologue token`
# _refs: messages of other programs
# _operations: metrics and health of a runtime; _door: where they are shown
# _catalogue: every metric; _prometheus, _series, _exposition: their numbers
# _registry: what can be said without Prometheus; _health: alive, ready; _problems: errors

from __future__ import annotations

from duologue.transport.http._actions._application import actions_application
from duologue.transport.http._actions._asgi import ActionsASGI
from duologue.transport.http._actions._finding import HasWorkers
from duologue.transport.http._actions._offers import AsyncAction
from duologue.transport.http._actions._urls import get_action_url, get_acton_url
from duologue.transport.http._actions._visitors import actions_cookie, allow_actions
from duologue.transport.http._catalogue import CATALOGUE, LABELS, Kind, Metric
from duologue.transport.http._door import operations_application
from duologue.transport.http._health import HealthProbe, Polling, Problem
from duologue.transport.http._operations import Operations
from duologue.transport.http._refs._door import refs_application
from duologue.transport.http._registry import MetricsRegistry, Reading
from duologue.transport.http._tokens import AccessToken, AccessTokenFile, AccessTokens
from duologue.transport.http._views._bar import BackgroundOperationBar

__all__ = [
    "CATALOGUE",
    "LABELS",
    "AccessToken",
    "AccessTokenFile",
    "AccessTokens",
    "ActionsASGI",
    "AsyncAction",
    "BackgroundOperationBar",
    "HasWorkers",
    "HealthProbe",
    "Kind",
    "Metric",
    "MetricsRegistry",
    "Operations",
    "Polling",
    "Problem",
    "PrometheusObserver",  # pyright: ignore[reportUnsupportedDunderAll]  # see __init__.pyi
    "Reading",
    "actions_application",
    "actions_cookie",
    "allow_actions",
    "get_action_url",
    "get_acton_url",
    "operations_application",
    "refs_application",
]


def __getattr__(name: str) -> object:
    if name == "PrometheusObserver":
        from duologue.transport.http import _prometheus  # noqa: PLC0415

        return _prometheus.PrometheusObserver
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
