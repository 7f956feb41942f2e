from magic_filter import F

from duologue.dialogs import Dispatcher
from duologue.dialogs.routing import Router
from duologue.polling import LongPolling
from duologue.runtime import Runtime
from duologue.webhook import Webhook

__all__ = ["Dispatcher", "F", "LongPolling", "Router", "Runtime", "Webhook"]
__version__: str
