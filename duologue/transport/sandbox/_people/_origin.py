"""Who may use what is made for people: loopback names, the own origin, safe pages."""

from __future__ import annotations

from ipaddress import ip_address

from aiohttp import web

from duologue.errors import SandboxRefusalError

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
DEFAULT_PORT = 80
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": CONTENT_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def own_hosts(address: str, port: int) -> frozenset[str]:
    """List what a browser on this machine may call the sandbox in ``Host``."""
    is_own = ":" not in address and ip_address(address).is_loopback
    names = LOOPBACK_NAMES | {address} if is_own else LOOPBACK_NAMES
    hosts = frozenset(f"{name}:{port}" for name in names)
    return hosts | names if port == DEFAULT_PORT else hosts


def check_names(request: web.Request) -> None:
    """Refuse a request that was meant for another host or made by another site.

    A site that lets its own name point at 127.0.0.1 is kept out by the host, a form
    or a script of another site by the origin.
    """
    transport = request.transport
    arrived = None if transport is None else transport.get_extra_info("sockname")
    address, port = arrived[:2] if arrived else ("127.0.0.1", 0)
    if request.host not in own_hosts(address, port):
        raise SandboxRefusalError(
            403, "foreign.host", f"use http://127.0.0.1:{port}{request.path}"
        )
    origins = request.headers.getall("Origin", [])
    if origins not in ([], [f"http://{request.host}"]):
        origin = " and ".join(origins)
        raise SandboxRefusalError(
            403, "foreign.origin", f"pages of {origin} may not use the sandbox"
        )


def problem(status: int, code: str, detail: str) -> web.Response:
    """Make a problem document (RFC 9457)."""
    return web.json_response(
        {"type": "about:blank", "status": status, "code": code, "detail": detail},
        status=status,
        content_type="application/problem+json",
    )


async def protect(_: web.Request, response: web.StreamResponse) -> None:
    """Add the headers that keep a browser from storing, guessing and framing."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
