"""How many tokens a text has, counted by tiktoken with the encoding file that llama-index-core ships: no network.

cl100k_base is one tokenizer among many. A model with another one needs more tokens for the same text (SmolLM2's about a
tenth more on news), so callers leave a margin.
"""

from __future__ import annotations

import base64
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import ModelError

if TYPE_CHECKING:
    from tiktoken import Encoding

_FILE = Path(
    "_static", "tiktoken_cache", "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"
)  # sha1 of its first address
_PATTERN = (
    r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]"""
    r"""|\s+(?!\S)|\s"""
)
MARGIN = 1.25  # how many tokens another tokenizer may need where this one counts 1


def count_tokens(text: str) -> int:
    """Tokens of a text; markers such as ``<|endoftext|>`` are counted as the plain text they are."""
    return len(_encoding().encode_ordinary(text))


@lru_cache(maxsize=1)
def _encoding() -> Encoding:
    import tiktoken

    spec = find_spec("llama_index")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    file = next((found for folder in folders if (found := Path(folder, "core", _FILE)).is_file()), None)
    if file is None:
        raise ModelError(
            "the token counter's file is missing from llama-index-core; next step: "
            "pip install --force-reinstall -c constraints.txt llama-index-core"
        )
    ranks = {
        base64.b64decode(token): int(rank)
        for token, rank in (line.split() for line in file.read_bytes().splitlines() if line)
    }
    return tiktoken.Encoding("cl100k_base", pat_str=_PATTERN, mergeable_ranks=ranks, special_tokens={})
