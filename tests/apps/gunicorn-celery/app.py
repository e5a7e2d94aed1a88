from pathlib import Path

from flask import Flask

from version import VERSION

RELEASE = Path(__file__).resolve().parent.name

app = Flask(__name__)


@app.get("/health")
def health():
    return {"status": "ok", "release": RELEASE}


@app.get("/")
def index():
    return f"version {VERSION}, release {RELEASE}\n"
