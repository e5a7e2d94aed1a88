from pathlib import Path

VERSION = "1"
RELEASE = Path(__file__).resolve().parent.name


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body = f"version {VERSION}, release {RELEASE}\n".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": body})
