"""Keys of model providers: from the environment or from a file only its owner can read; never shown."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from rag.errors import SettingsError


def read_key(variable: str, file: Path | None, setting: str = "generator_key_file") -> str | None:
    """The key in ``file`` when one is set, else in the environment's ``variable``; None when there is neither.

    Args:
        variable: of the environment.
        file: holds the key and nothing else.
        setting: what ``file`` is called in the settings.

    Raises:
        SettingsError: the file cannot be read, is empty, or others than its owner may read it.
    """
    if file is None:
        return os.environ.get(variable, "").strip() or None
    try:
        mode = file.stat().st_mode
        key = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"setting {setting!r}: {file} cannot be read ({error})") from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SettingsError(f"setting {setting!r}: others may read {file}; next step: chmod 600 {file}")
    if not key:
        raise SettingsError(f"setting {setting!r}: {file} is empty; put the key in it, nothing else")
    return key


def without_secrets(text: str, secrets: tuple[str, ...]) -> str:
    """A message with every secret in it blotted out."""
    for secret in secrets:
        text = text.replace(secret, "***") if len(secret) >= 4 else text
    return text
