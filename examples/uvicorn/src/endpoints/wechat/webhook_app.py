"""A small ASGI application that shows its version and its release."""

import json
from pathlib import Path

VERSION = "1"
RELEASE = Path(__file__).resolve().parents[3].name


async def app(scope, receive, send):
    """Answer /health with JSON for the health check, and / with one line of text."""
    if scope["type"] != "http":
        return
    if scope["path"] == "/health":
        body = json.dumps({"status": "healthy", "release": RELEASE, "version": VERSION})
        await answer(send, 200, "application/json", body)
    elif scope["path"] == "/":
        await answer(send, 200, "text/plain", f"version {VERSION}, release {RELEASE}\n")
    else:
        await answer(send, 404, "text/plain", "not found\n")


async def answer(send, status, kind, text):
    """Send a complete response."""
    headers = [(b"content-type", kind.encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})
