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
from duologue.transport.http._prometheus import PrometheusObserver
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
    "PrometheusObserver",
    "Reading",
    "actions_application",
    "actions_cookie",
    "allow_actions",
    "get_action_url",
    "get_acton_url",
    "operations_application",
    "refs_application",
]
