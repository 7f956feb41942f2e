"""HTTP doors: metrics and health for operators, actions for pages.

`prometheus_client` is imported when it is needed: by programs with metrics.
"""

# _actions: operations of pages; _access: who may use them
# _tokens: what other programs may do; _token_command: `duologue token`
# _operations: metrics and health of a runtime; _door: where they are shown
# _catalogue: every metric; _prometheus, _series, _exposition: their numbers
# _registry: what can be said without Prometheus; _health: alive, ready; _problems: errors

from __future__ import annotations

from duologue.transport.http._access import allow_actions
from duologue.transport.http._actions import (
    AsyncAction,
    HasWorkers,
    actions_application,
)
from duologue.transport.http._catalogue import CATALOGUE, LABELS, Kind, Metric
from duologue.transport.http._door import operations_application
from duologue.transport.http._health import HealthProbe, Polling, Problem
from duologue.transport.http._operations import Operations
from duologue.transport.http._registry import MetricsRegistry, Reading
from duologue.transport.http._tokens import AccessToken, AccessTokenFile, AccessTokens

__all__ = [
    "CATALOGUE",
    "LABELS",
    "AccessToken",
    "AccessTokenFile",
    "AccessTokens",
    "AsyncAction",
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
    "allow_actions",
    "operations_application",
]


def __getattr__(name: str) -> object:
    if name == "PrometheusObserver":
        from duologue.transport.http import _prometheus  # noqa: PLC0415

        return _prometheus.PrometheusObserver
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
