"""The language models that are configured: what they are, in words, and each made once for whoever chooses it.

``generator`` of the settings is the first; ``generators`` names more, with commas, each at a server of its own where it
says so: ``ollama:llama3.2, openai:qwen2.5@http://127.0.0.1:8000/v1, gguf:models/small.gguf``.

The first one's address and key file serve others of its kind that name no server; a key in the environment goes, as
always, to whatever server of that kind is named.
"""

from __future__ import annotations

import ipaddress
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rag.answering.generators.configured import EXTRACTIVE, OLLAMA_URL, OPENAI_URL, load_generator
from rag.errors import RagError

if TYPE_CHECKING:
    from rag.answering.generators.protocol import Generator
    from rag.settings import Settings

_AT = re.compile(r"(?P<name>.+?)@(?P<url>https?://\S+)")
_USUAL = {"openai": OPENAI_URL, "ollama": OLLAMA_URL, "anthropic": "https://api.anthropic.com"}
_MAKERS = {"api.openai.com": "OpenAI", "api.anthropic.com": "Anthropic"}


@dataclass(frozen=True, slots=True)
class Model:
    """A configured model in words; nothing of its address but the host, and nothing of a key.

    Attributes:
        key: what it is chosen by.
        label: what a person calls it.
        where: what runs it.
        is_remote: what it is asked leaves this machine.
        problem: why it cannot be used; '' where nothing is known against it.
    """

    key: str
    label: str
    where: str
    is_remote: bool = False
    problem: str = ""


class Models:
    """The models that the settings name, the one that answers by default first. Safe to use from several threads.

    Args:
        settings: None where an engine was made without them; ``known`` is then all there is.
        known: a generator that is there already.
        load: makes a generator from settings that name it.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        known: Generator | None = None,
        load: Callable[[Settings], Generator | None] = load_generator,
    ) -> None:
        self._load = load
        self._guard = threading.Lock()
        self._configured = _by_key(settings) if settings is not None else {}
        self._made: dict[str, Generator] = {}
        if known is not None:
            self._made[known.name] = known
        first = settings.generator if settings is not None else known.name if known else EXTRACTIVE
        self.default = "" if first == EXTRACTIVE else first

    def listed(self) -> tuple[Model, ...]:
        """Every model; those that cannot even be set up say why. No server is asked."""
        return tuple(map(self._told, dict.fromkeys([*self._configured, *self._made])))

    def get(self, key: str) -> Generator | None:
        """The generator of that key, or of the default where it names none that is configured; None for quotes only.

        Raises:
            RagError: it cannot be set up, with the next step.
        """
        known = key in self._configured or key in self._made
        wanted = key if known else self.default
        if not wanted:
            return None
        with self._guard:
            if (
                wanted not in self._made
            ):  # what failed is tried anew: a key may have been put in its place meanwhile
                made = self._load(self._configured[wanted])
                assert made is not None, "only models are configured"
                self._made[wanted] = made
            return self._made[wanted]

    def _told(self, key: str) -> Model:
        problem = ""
        try:
            self.get(key)
        except RagError as error:
            problem = str(error)
        settings = self._configured.get(key)
        label, where, is_remote = _in_words(
            settings.generator if settings is not None else key,
            settings.generator_url if settings is not None else None,
        )
        return Model(key, label, where, is_remote, problem)


def configured(settings: Settings) -> list[Settings]:
    """The settings of every model that is named, each as if it were the only one; the first one's first."""
    kind = settings.generator.partition(":")[0]
    found = [settings] if settings.generator != EXTRACTIVE else []
    for entry in filter(None, map(str.strip, settings.generators.split(","))):
        at = _AT.fullmatch(entry)
        name, url = (at["name"].strip(), at["url"]) if at else (entry, None)
        own: dict[str, object] = {"generator": name, "generator_url": url, "generator_key_file": None}
        if url is None and name.partition(":")[0] == kind:
            own = {"generator": name}
        if name != EXTRACTIVE:
            found.append(settings.model_copy(update=own))
    return found


def _by_key(settings: Settings) -> dict[str, Settings]:
    """Each model's settings; a name that two servers have is told apart by the host."""
    keyed: dict[str, Settings] = {}
    for one in configured(settings):
        known = keyed.get(one.generator)
        if known is None:
            keyed[one.generator] = one
        elif known.generator_url != one.generator_url:
            keyed[f"{one.generator}@{_host(one.generator_url or '')}"] = one
    return keyed


def _host(url: str) -> str:
    """Host and port of an address, without what may stand before them (a password)."""
    try:
        parts = urlsplit(url)
        return f"{parts.hostname or url}:{parts.port}" if parts.port else parts.hostname or ""
    except ValueError:  # a port that is no number
        return ""


def _in_words(name: str, url: str | None) -> tuple[str, str, bool]:
    """What a person calls it, what runs it, and whether that is elsewhere."""
    kind, _, model = name.partition(":")
    if kind == "gguf":
        return (
            model.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".gguf"),
            "a file, run on this machine",
            False,
        )
    if not model or kind not in _USUAL:
        return name, "", False
    host = _host(url or _USUAL[kind])
    bare = host.rsplit(":", 1)[0]
    runs = "Ollama" if kind == "ollama" else "a server"
    if _is_here(bare):
        return model, f"{runs} on this machine", False
    return model, _MAKERS.get(bare, f"{runs} at {host}" if host else runs), True


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
