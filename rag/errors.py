"""The few errors a person at the keyboard may meet. Each message names what failed, the value, and the next step."""

from __future__ import annotations


class RagError(Exception):
    """Something the user can mend; the command line prints the message and exits 2, never a traceback."""


class InputError(RagError):
    """A file, folder or question that cannot be used as given."""


class SettingsError(RagError):
    """A setting that is unknown, malformed or out of range."""


class ModelError(RagError):
    """Weights that are missing, damaged or not what they claim to be."""


class IndexUnusableError(RagError):
    """An index that is damaged, busy, or cannot be written."""


class IndexMismatchError(IndexUnusableError):
    """An index made by another encoder, chunker or schema than the ones in use."""


class MissingExtraError(RagError):
    """An optional part is asked for whose packages are not installed.

    Args:
        feature: what was asked for, as the user would call it.
        extra: the extra's name in this project's metadata.
    """

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs packages that are not installed; next step: "
            f'pip install -c constraints.txt -e ".[{extra}]"'
        )
        self.feature = feature
        self.extra = extra
