"""What the service may be told: where it listens, who may ask, and how much."""

from __future__ import annotations

import ipaddress
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from rag.answering.generators.keys import read_key
from rag.errors import InputError, SettingsError
from rag.settings import CONFIG_FILE, Settings

TOKEN_VARIABLE = "RAG_SERVE_TOKEN"
SHORTEST_TOKEN = 16  # characters: beyond guessing at the pace wrong tokens are answered
MEBIBYTE = 1024 * 1024
_MAKE_ONE = 'make one with: python -c "import secrets; print(secrets.token_urlsafe(32))"'
_STREAMS = 8  # requests at once where a language model, not this machine's cores, is what is waited for


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """How one service behaves.

    Attributes:
        host: the address it listens on.
        token: what every request but those for health must carry; None lets everybody on this machine ask.
        hosts: names it may be called by besides its own address, for a machine with a name or behind a proxy.
        read_only: articles cannot be added or removed.
        rate: requests a minute and client; 0 for no limit.
        workers: requests that are computed at once.
        queue: requests that may wait for their turn.
        patience: seconds a request waits for its turn.
        body_bytes: size of a request other than an upload.
        upload_bytes: size of an upload.
        upload_seconds: how long a request's body may take to arrive.
        log_questions: questions stand in the log.
    """

    host: str = "127.0.0.1"
    token: str | None = field(default=None, repr=False)
    hosts: tuple[str, ...] = ()
    read_only: bool = False
    rate: int = 600
    workers: int = 2
    queue: int = 64
    patience: float = 30.0
    body_bytes: int = MEBIBYTE
    upload_bytes: int = 64 * MEBIBYTE
    upload_seconds: float = 60.0
    log_questions: bool = False


def configured(settings: Settings, host: str = "127.0.0.1", read_only: bool = False) -> ServiceConfig:
    """The service that the settings describe.

    Args:
        settings: those with names that begin with ``serve_``.
        host: the address to listen on.
        read_only: articles cannot be added or removed, whatever the settings say.

    Raises:
        SettingsError: the token is too short, or others than its owner may read it.
        InputError: the address can be reached from elsewhere and there is no token.
    """
    token = _token(settings)
    if token is None and not is_loopback(host):
        raise InputError(
            f"{host} can be reached from other machines, and without a token anybody there could read, add and remove "
            f"articles; next step: set {TOKEN_VARIABLE} or serve_token_file ({_MAKE_ONE}), or leave --host out"
        )
    return ServiceConfig(
        host=host,
        token=token,
        hosts=tuple(name.strip().lower() for name in settings.serve_hosts.split(",") if name.strip()),
        read_only=read_only or settings.serve_read_only,
        rate=settings.serve_rate,
        workers=settings.serve_workers or _workers(settings),
        queue=settings.serve_queue,
        upload_bytes=settings.serve_upload_mb * MEBIBYTE,
        log_questions=settings.serve_log_questions,
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address; a name counts as reachable, except ``localhost``."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _workers(settings: Settings) -> int:
    from rag.models.onnx_encoder import usable_cores

    return usable_cores() if settings.generator == "extractive" else max(_STREAMS, usable_cores())


def _token(settings: Settings) -> str | None:
    token = None
    if settings.serve_token_file is not None:
        token = read_key(TOKEN_VARIABLE, settings.serve_token_file, "serve_token_file")
    elif settings.serve_token is not None:
        token = settings.serve_token.get_secret_value().strip()
        if TOKEN_VARIABLE not in os.environ:
            _check_private(Path(CONFIG_FILE))
    if token is not None and len(token) < SHORTEST_TOKEN:
        raise SettingsError(
            f"setting 'serve_token': {len(token)} characters can be guessed, {SHORTEST_TOKEN} are the least; "
            f"next step: {_MAKE_ONE}"
        )
    if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
        raise SettingsError(
            "setting 'serve_token': a header can carry printable ASCII without spaces only; "
            f"next step: {_MAKE_ONE}"
        )
    return token


def _check_private(file: Path) -> None:
    """A token in ``rag.toml`` is as open as that file."""
    try:
        mode = file.stat().st_mode
    except OSError:
        return  # it came from a caller of this function
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SettingsError(
            f"setting 'serve_token': others may read {file}; next step: chmod 600 {file}, or use "
            f"{TOKEN_VARIABLE} or serve_token_file"
        )
