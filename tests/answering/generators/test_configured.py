from __future__ import annotations

import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from rag.answering.generators import configured
from rag.answering.generators.configured import load_generator
from rag.answering.generators.keys import read_key, without_secrets
from rag.answering.generators.tokens import count_tokens
from rag.errors import InputError, MissingExtraError, SettingsError
from rag.settings import Settings


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_extractive_is_no_generator() -> None:
    assert load_generator(Settings()) is None


@pytest.mark.parametrize("setting", ["gpt", "openai:", "openai: ", "bard:x", ":x", "Extractive"])
def test_a_malformed_setting_names_what_is_allowed(setting: str) -> None:
    with pytest.raises(
        SettingsError, match="extractive, openai:MODEL, ollama:MODEL, anthropic:MODEL, gguf:FILE"
    ):
        load_generator(Settings(generator=setting))


@pytest.mark.parametrize("kind", list(configured.KINDS))
def test_a_missing_package_names_the_pip_line(
    kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = importlib.util.find_spec

    def find(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name.startswith(("llama_index.llms", "xllamacpp")) else real(name, package)

    monkeypatch.setattr(configured, "find_spec", find)
    with pytest.raises(MissingExtraError, match=rf'pip install .*\.\[{kind}\]"'):
        load_generator(Settings(generator=f"{kind}:m"))


def test_openai_itself_needs_a_key_and_a_server_of_ones_own_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("llama_index.llms.openai_like", reason="needs the extra openai")
    with pytest.raises(SettingsError, match="OPENAI_API_KEY"):
        load_generator(Settings(generator="openai:m"))
    assert load_generator(Settings(generator="openai:m", generator_url="http://127.0.0.1:1/v1"))
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    generator = load_generator(Settings(generator="openai:m", generator_window=1000, generator_tokens=50))
    assert generator is not None
    assert (generator.name, generator.window, generator.most_tokens) == ("openai:m", 1000, 50)


@pytest.mark.parametrize(("content", "error"), [(None, "cannot be read"), (b"PK\x03\x04", "no GGUF file")])
def test_a_model_file_that_is_none(content: bytes | None, error: str, tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="needs the extra gguf")
    file = tmp_path / "model.gguf"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match=error):
        load_generator(Settings(generator=f"gguf:{file}"))


def test_a_key_file_is_read_only_when_nobody_else_can(tmp_path: Path) -> None:
    file = tmp_path / "key"
    with pytest.raises(SettingsError, match="cannot be read"):
        read_key("NOTHING", file)
    file.write_text("secret\n", "utf-8")
    file.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        read_key("NOTHING", file)
    file.chmod(0o600)
    assert read_key("NOTHING", file) == "secret"
    file.write_text("\n", "utf-8")
    with pytest.raises(SettingsError, match="empty"):
        read_key("NOTHING", file)


def test_secrets_are_blotted_out() -> None:
    assert without_secrets("key abcdef was refused", ("abcdef",)) == "key *** was refused"


def test_tokens_are_counted_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("no network")

    monkeypatch.setattr("socket.socket.connect", refuse)
    assert count_tokens("") == 0
    assert 8 <= count_tokens("The joint venture starts in March 2025.") <= 12
    assert count_tokens("<|endoftext|>") > 1
