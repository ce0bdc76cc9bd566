"""From the setting to a generator: ``openai:MODEL``, ``ollama:MODEL``, ``anthropic:MODEL``, ``gguf:FILE``

Cheap: libraries are imported and servers started at the first token.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.answering.generators import gguf
from rag.answering.generators.keys import read_key
from rag.answering.generators.llama_index_llm import LlamaIndexGenerator
from rag.answering.generators.protocol import Generator
from rag.errors import MissingExtraError, SettingsError

if TYPE_CHECKING:
    from rag.settings import Settings

EXTRACTIVE = "extractive"
KINDS = {
    "openai": "any OpenAI-compatible server (OpenAI, vLLM, LM Studio, llama.cpp); generator_url says which",
    "ollama": "a model that a local or remote Ollama serves",
    "anthropic": "a model of Anthropic",
    "gguf": "a model file, run on this machine",
}
_MODULES = {
    "openai": ("llama_index.llms.openai_like",),
    "ollama": ("llama_index.llms.ollama",),
    "anthropic": ("llama_index.llms.anthropic",),
    "gguf": ("xllamacpp", "llama_index.llms.openai_like"),
}
OPENAI_URL = "https://api.openai.com/v1"
OLLAMA_URL = "http://127.0.0.1:11434"
NO_KEY = "none"  # servers on one's own machine want no key, but their client wants something to send


def load_generator(settings: Settings) -> Generator | None:
    """The generator that the settings ask for; None for ``extractive``.

    Raises:
        SettingsError: the setting is malformed, or a key is needed and missing.
        InputError: the GGUF file is not usable.
        MissingExtraError: its packages are not installed; names the pip line.
    """
    if settings.generator == EXTRACTIVE:
        return None
    kind, _, model = settings.generator.partition(":")
    if kind not in KINDS or not model.strip():
        forms = ", ".join(
            [EXTRACTIVE, *(f"{known}:{'FILE' if known == 'gguf' else 'MODEL'}" for known in KINDS)]
        )
        raise SettingsError(f"setting 'generator' = {settings.generator!r}; allowed: {forms}")
    if not all(map(_is_installed, _MODULES[kind])):
        raise MissingExtraError(f"the generator {settings.generator}", kind)
    make = {"openai": _openai, "ollama": _ollama, "anthropic": _anthropic, "gguf": _gguf}[kind]
    return make(settings, model.strip())


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _generator(settings: Settings, make: Any, raised: Any, secrets: tuple[str, ...] = ()) -> Generator:
    return LlamaIndexGenerator(
        settings.generator,
        make,
        raised,
        window=settings.generator_window,
        most_tokens=settings.generator_tokens,
        timeout=settings.generator_timeout,
        retries=settings.generator_retries,
        secrets=secrets,
    )


def _openai(settings: Settings, model: str) -> Generator:
    url = settings.generator_url or OPENAI_URL
    key = read_key("OPENAI_API_KEY", settings.generator_key_file)
    if key is None and url == OPENAI_URL:
        raise SettingsError(
            f"the generator {settings.generator} needs a key: set OPENAI_API_KEY or generator_key_file, or set "
            "generator_url to a server of your own"
        )

    def make(most_tokens: int) -> Any:
        return _openai_like(settings, model, url, key or NO_KEY, most_tokens)

    return _generator(settings, make, _openai_errors, (key,) if key else ())


def _openai_like(settings: Settings, model: str, url: str, key: str, most_tokens: int) -> Any:
    import httpx
    import openai.resources.chat  # noqa: F401 - loaded by the first request otherwise, within its time-out
    from llama_index.llms.openai_like import OpenAILike

    client = httpx.Client(
        timeout=settings.generator_timeout
    )  # it reads certificates, which takes a while too
    llm = OpenAILike(
        http_client=client,
        model=model,
        api_base=url,
        api_key=key,
        is_chat_model=True,
        context_window=settings.generator_window,
        max_tokens=most_tokens,
        temperature=0.0,
        max_retries=0,
        timeout=settings.generator_timeout,
    )
    weakref.finalize(llm, client.close)
    return llm


def _openai_errors() -> Sequence[type[Exception]]:
    import httpx
    from openai import OpenAIError

    return (OpenAIError, httpx.HTTPError)


def _ollama(settings: Settings, model: str) -> Generator:
    url = settings.generator_url or OLLAMA_URL

    def make(most_tokens: int) -> Any:
        from llama_index.llms.ollama import Ollama

        return Ollama(
            model=model,
            base_url=url,
            temperature=0.0,
            context_window=settings.generator_window,
            request_timeout=settings.generator_timeout,
            additional_kwargs={"num_predict": most_tokens},
        )

    return _generator(settings, make, _ollama_errors)


def _ollama_errors() -> Sequence[type[Exception]]:
    import httpx
    from ollama import RequestError, ResponseError

    return (RequestError, ResponseError, httpx.HTTPError)


def _anthropic(settings: Settings, model: str) -> Generator:
    key = read_key("ANTHROPIC_API_KEY", settings.generator_key_file)
    if key is None:
        raise SettingsError(
            f"the generator {settings.generator} needs a key: set ANTHROPIC_API_KEY or generator_key_file"
        )

    def make(most_tokens: int) -> Any:
        from llama_index.llms.anthropic import Anthropic

        return Anthropic(
            model=model,
            base_url=settings.generator_url,
            api_key=key,
            max_tokens=most_tokens,
            temperature=0.0,
            max_retries=0,
            timeout=settings.generator_timeout,
        )

    return _generator(settings, make, _anthropic_errors, (key,))


def _anthropic_errors() -> Sequence[type[Exception]]:
    import httpx
    from anthropic import AnthropicError

    return (AnthropicError, httpx.HTTPError)


def _gguf(settings: Settings, model: str) -> Generator:
    file = Path(model).expanduser()
    gguf.check(file)

    def make(most_tokens: int) -> Any:
        served = gguf.serve(file, settings.generator_window, settings.generator_threads)
        return _openai_like(settings, file.stem, f"{served.address}/v1", served.key, most_tokens)

    return _generator(settings, make, _gguf_errors)


def _gguf_errors() -> Sequence[type[Exception]]:
    from rag.errors import RagError

    return (*_openai_errors(), RagError)
