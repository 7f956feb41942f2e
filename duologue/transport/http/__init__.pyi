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
from duologue.transport.http._prometheus import PrometheusObserver
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
    "PrometheusObserver",
    "Reading",
    "actions_application",
    "allow_actions",
    "operations_application",
]
