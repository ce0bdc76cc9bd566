"""What the service may be told, and what it refuses to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.apps.service.config import configured, is_loopback
from rag.errors import InputError, SettingsError
from rag.settings import load

GOOD = "0123456789abcdef0123"


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "::1", "[::1]"])
def test_this_machine_alone_needs_no_token(host: str) -> None:
    assert is_loopback(host)
    assert configured(load(), host).token is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "example.org"])
def test_elsewhere_needs_one_and_the_reason_is_told(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    with pytest.raises(
        InputError, match=r"without a token anybody there could read.*next step: set RAG_SERVE_TOKEN"
    ):
        configured(load(), host)
    monkeypatch.setenv("RAG_SERVE_TOKEN", GOOD)
    assert configured(load(), host).token == GOOD


def test_a_token_file_is_read_if_nobody_else_may(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{GOOD}\n")
    file.chmod(0o644)
    with pytest.raises(SettingsError, match=r"'serve_token_file': others may read .*chmod 600"):
        configured(load(serve_token_file=file))
    file.chmod(0o600)
    assert configured(load(serve_token_file=file)).token == GOOD
    file.write_text("")
    with pytest.raises(SettingsError, match="is empty"):
        configured(load(serve_token_file=file))


def test_a_token_in_the_settings_file_is_as_open_as_the_file(tmp_path: Path) -> None:
    file = tmp_path / "rag.toml"
    file.write_text(f'serve_token = "{GOOD}"\n')
    file.chmod(0o644)
    with pytest.raises(SettingsError, match=r"others may read rag\.toml"):
        configured(load())
    file.chmod(0o600)
    assert configured(load()).token == GOOD


@pytest.mark.parametrize(("token", "why"), [("short", "can be guessed"), ("späte-" * 5, "printable ASCII")])
def test_a_token_that_will_not_do(monkeypatch: pytest.MonkeyPatch, token: str, why: str) -> None:
    monkeypatch.setenv("RAG_SERVE_TOKEN", token)
    with pytest.raises(SettingsError, match=why) as raised:
        configured(load())
    assert token not in str(raised.value)


def test_a_token_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_SERVE_TOKEN", GOOD)
    settings = load()
    assert GOOD not in repr(settings) + settings.model_dump_json() + repr(configured(settings))


def test_settings_become_the_services(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_SERVE_HOSTS", "News.example, other.example")
    monkeypatch.setenv("RAG_SERVE_UPLOAD_MB", "2")
    config = configured(load(serve_workers=3, serve_read_only=True))
    assert config.hosts == ("news.example", "other.example")
    assert (config.upload_bytes, config.workers, config.read_only) == (2 * 1024 * 1024, 3, True)
    assert configured(load(), read_only=True).read_only
    assert configured(load(generator="ollama:x")).workers >= 8
