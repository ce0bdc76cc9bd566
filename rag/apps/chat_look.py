"""How the chat page is dressed and served: style, fonts, theme, and the headers that keep it to itself."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rag.apps.chat_gradio import load_gradio

ASSETS = Path(__file__).parent / "assets"
_FONTS = (
    ("Newsreader", 400, "newsreader-latin-400-normal.woff2"),
    ("Newsreader", 600, "newsreader-latin-600-normal.woff2"),
    ("Newsreader Ext", 400, "newsreader-latin-ext-400-normal.woff2"),
    ("Newsreader Ext", 600, "newsreader-latin-ext-600-normal.woff2"),
    ("Source Sans 3", 400, "source-sans-3-latin-400-normal.woff2"),
    ("Source Sans 3", 600, "source-sans-3-latin-600-normal.woff2"),
)


_STYLES = ("page", "talk", "under", "tools", "talks", "panel", "library")
_SCRIPTS = (
    "base",
    "thread",
    "panel",
    "library",
    "talks",
    "keys",
)  # one script: each may use what stands before it


def markup(name: str) -> str:
    """One of our pieces of HTML."""
    return (ASSETS / f"{name}.html").read_text("utf-8")


def script() -> str:
    """The page's script."""
    return "\n".join((ASSETS / f"{name}.js").read_text("utf-8") for name in _SCRIPTS)


def _font_face(family: str, weight: int, name: str) -> str:
    data = base64.b64encode((ASSETS / name).read_bytes()).decode("ascii")
    return (
        f'@font-face{{font-family:"{family}";font-weight:{weight};'
        f'src:url(data:font/woff2;base64,{data}) format("woff2")}}'
    )


def look() -> dict[str, Any]:
    """What Gradio takes when a page is served rather than built: theme, style, and no links of its own.

    The style and its fonts (six small files of ours, 107 kB) stand in the page itself: no request goes out for them,
    and the page looks the same wherever it is mounted.
    """
    load_gradio()
    from gradio.themes import Base
    from gradio.themes.utils import colors

    style = "".join(_font_face(*font) for font in _FONTS)
    style += "".join((ASSETS / f"{name}.css").read_text("utf-8") for name in _STYLES)
    return {
        "theme": Base(
            primary_hue=colors.stone,
            neutral_hue=colors.stone,
            font=["Source Sans 3", "system-ui", "sans-serif"],  # plain names: gradio fetches nothing for them
            font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"],
        ),
        "head": f'<meta name="referrer" content="no-referrer"><style>{style}</style>',
        "favicon_path": str(ASSETS / "favicon.svg"),
        "footer_links": [],
        "run_history": False,
        "pwa": False,
        "ssr_mode": False,
        "enable_monitoring": False,
        "max_file_size": 1,  # byte: nothing is uploaded here, but gradio's door for it stands open
    }


class Guard:
    """Keeps the page to itself, from both sides.

    Headers: even markup that got through could load nothing from elsewhere. And no page from elsewhere may have things
    done here: a browser lets any site send requests to this machine, and says only in headers who sent them.

    Args:
        app: what is guarded.
        hosts: the names this server is called by; None leaves that to whoever mounted the page. A site whose name is
            made to mean this machine (DNS rebinding) is told by its name.
    """

    POLICY = (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'; "
        "frame-ancestors 'none'"
    )

    def __init__(self, app: Any, hosts: frozenset[str] | None = None) -> None:
        self.app, self._hosts = app, hosts

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on and add the headers to its answer, or refuse it."""

        async def headed(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", []),
                    (b"content-security-policy", self.POLICY.encode()),
                    (b"x-content-type-options", b"nosniff"),
                    (b"referrer-policy", b"no-referrer"),
                ]
            await send(message)

        if scope["type"] == "http" and self._is_foreign(scope):
            await headed({"type": "http.response.start", "status": 403, "headers": []})
            await headed({"type": "http.response.body", "body": b"not from here"})
            return
        await self.app(scope, receive, headed)

    def _is_foreign(self, scope: Any) -> bool:
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if self._hosts is not None and urlsplit(f"//{host}").hostname not in self._hosts:
            return True
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return False
        origin = headers.get(b"origin")
        if headers.get(b"sec-fetch-site") in (b"cross-site", b"same-site"):
            return True
        return origin is not None and urlsplit(origin.decode("latin-1").lower()).netloc != host


def own_names(host: str) -> frozenset[str] | None:
    """What a server that listens on ``host`` may be called; None where other machines can reach it, by any name."""
    here = frozenset(("localhost", "127.0.0.1", "::1"))
    return here if host.strip("[]").lower() in here else None
