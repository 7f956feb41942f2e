"""A Django view that tells a dialog of a bot in another program that an order is paid.

BOT_URL=https://bot.internal/refs BOT_TOKEN=… python examples/remote_django.py runserver --noreload
curl -X POST localhost:8000/paid/88123/dialog/max.42:5:5
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from duologue.errors import NoContextError, RemoteUnavailableError
from duologue.remote import RemoteRuntime, message

bot = RemoteRuntime(
    os.environ["BOT_URL"], token=os.environ["BOT_TOKEN"], source="//shop/django"
).blocking()


@message("shop.order_paid.v1")
@dataclass(frozen=True)
class OrderPaid:
    order: int


@csrf_exempt  # type: ignore[untyped-decorator] # Django has no types
@require_POST  # type: ignore[untyped-decorator] # nor here
def paid(_: HttpRequest, order: int, ref: str) -> JsonResponse:
    try:
        accepted = bot.ref(ref).tell(OrderPaid(order), id=f"order-{order}-paid")
    except NoContextError:
        return JsonResponse({"status": "nobody is there"}, status=409)
    except RemoteUnavailableError:
        return JsonResponse({"status": "later"}, status=503)
    return JsonResponse({"status": "told", "id": accepted.id})


urlpatterns = [path("paid/<int:order>/<path:ref>", paid)]

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["localhost", "127.0.0.1"],
        ROOT_URLCONF=__name__,
        SECRET_KEY=os.urandom(32).hex(),
    )

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
