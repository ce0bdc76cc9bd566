"""Any other encoder, through sentence-transformers, with the model's own prompts.

Nothing is downloaded: a model that is neither a folder nor in the hub's local cache is an error that says
how to get it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import ModelError
from rag.models.encoder import Encoded, Passage
from rag.models.pooling import pool_sentences, unit

POOLING_VERSION = 1  # raise when what is made of the model's output changes

# passages handed to the model at a time; it sorts them by length itself
SLAB = 256
# what a model that states no limit is given
DEFAULT_WINDOW = 512
# what lies in a model's folder and does not shape its vectors
_IRRELEVANT_FOLDERS = {"onnx", "openvino", ".git", ".cache"}
_IRRELEVANT_SUFFIXES = {".md", ".txt.lock", ".h5", ".ot", ".msgpack", ".gitattributes", ".py", ".png"}


class SentenceTransformersEncoder:
    """A sentence-transformers model by hub name (already on this machine) or folder.

    Sentence vectors are means over the sentence's tokens where the model itself is a mean over tokens and
    gives their positions; for any other pooling such means would not lie in the space of the queries, so that
    each sentence is encoded on its own.
    """

    def __init__(self, name: str) -> None:
        """Args: name: as in the settings.

        Raises:
            ModelError: no such folder, and no such model in the local cache.
        """
        self.name = name
        self._folder = _find(name)

    @cached_property
    def fingerprint(self) -> str:
        """Hash over the content of the model's files: the same weights elsewhere are the same encoder."""
        digest = hashlib.sha256(f"sentence-transformers pooling {POOLING_VERSION}".encode())
        for file in sorted(self._folder.rglob("*")):
            relative = file.relative_to(self._folder)
            if (
                not file.is_file()
                or _IRRELEVANT_FOLDERS.intersection(relative.parts)
                or file.suffix in _IRRELEVANT_SUFFIXES
            ):
                continue
            with file.open("rb") as stream:
                content = hashlib.file_digest(stream, "sha256").hexdigest()
            digest.update(f"{relative.as_posix()} {content}\n".encode())
        return digest.hexdigest()[:32]

    @cached_property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._model.get_embedding_dimension())

    @cached_property
    def window(self) -> int:
        """Word pieces that fit beside the document prompt, counted as if there were two specials."""
        limit = self._model.max_seq_length or DEFAULT_WINDOW
        specials = self._tokenizer.num_special_tokens_to_add()
        prompt = self.count_tokens([self._document_prompt])[0]
        return int(limit - prompt - specials + 2)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Word pieces of each text, without specials."""
        if not texts:
            return []
        pieces = self._tokenizer(list(texts), add_special_tokens=False, truncation=False, verbose=False)
        return [len(ids) for ids in pieces["input_ids"]]

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, d) unit rows, in the order given; a text longer than the window is the mean of its parts."""
        parts: list[str] = []
        spans = []
        for text in texts:
            first = len(parts)
            parts += self._split(text)
            spans.append((first, len(parts)))
        if not parts:
            return np.empty((0, self.dimension), dtype=np.float32)
        vectors = self._model.encode_query(parts, show_progress_bar=False, convert_to_numpy=True)
        vectors = unit(np.asarray(vectors, dtype=np.float32))
        return unit(np.stack([vectors[first:last].mean(axis=0) for first, last in spans]))

    def encode_passages(
        self, passages: Sequence[Passage], progress: Callable[[int], None] | None = None
    ) -> list[Encoded]:
        """One Encoded for each passage, in the order given; ``progress`` hears how many are newly done."""
        results: list[Encoded] = []
        for base in range(0, len(passages), SLAB):
            slab = passages[base : base + SLAB]
            results += self._encode_slab(slab)
            if progress is not None:
                progress(len(slab))
        return results

    def _encode_slab(self, passages: Sequence[Passage]) -> list[Encoded]:
        outputs = self._model.encode_document(
            [passage.prefix + passage.text for passage in passages],
            output_value=None,
            show_progress_bar=False,
        )
        return [self._pool(passage, output) for passage, output in zip(passages, outputs, strict=True)]

    def _pool(self, passage: Passage, output: dict[str, Any]) -> Encoded:
        vector = unit(output["sentence_embedding"].float().cpu().numpy())
        located = self._token_starts(passage, output) if self._means_over_tokens else None
        if located is not None:
            starts, keep = located
            tokens = output["token_embeddings"].float().cpu().numpy()[keep]
            return pool_sentences(passage, starts, tokens, vector)
        if not passage.sentences:
            return Encoded(vector, np.empty((0, len(vector)), dtype=np.float16))
        texts = [passage.text[sentence.start : sentence.end] for sentence in passage.sentences]
        rows = self._model.encode_document(texts, show_progress_bar=False, convert_to_numpy=True)
        return Encoded(vector, unit(np.asarray(rows, dtype=np.float32)).astype(np.float16))

    def _token_starts(
        self, passage: Passage, output: dict[str, Any]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]] | None:
        """Where the output's tokens start in ``prefix + text``, and which rows those are; None if unknown."""
        if not self._tokenizer.is_fast or not {"input_ids", "attention_mask"} <= output.keys():
            return None
        prompt = self._document_prompt
        text = prompt + passage.prefix + passage.text
        pieces = self._tokenizer(text, return_offsets_mapping=True, truncation=False, verbose=False)
        present = output["attention_mask"].cpu().numpy().astype(bool)
        rows = output["input_ids"].cpu().numpy()
        # the model may strip, lower or cut its text first: only an identical run of pieces tells where they
        # stand
        if len(output["token_embeddings"]) != len(rows) or rows[present].tolist() != pieces["input_ids"]:
            return None
        offsets = np.array(pieces["offset_mapping"], dtype=np.int64)
        real = (offsets[:, 1] > offsets[:, 0]) & (offsets[:, 0] >= len(prompt))
        keep = present.copy()
        keep[present] = real
        return offsets[real, 0] - len(prompt), keep

    def _split(self, text: str) -> list[str]:
        """The text in parts that fit the window beside the query prompt."""
        room = self._model.max_seq_length or DEFAULT_WINDOW
        room -= self._tokenizer.num_special_tokens_to_add() + self.count_tokens([self._prompt("query")])[0]
        if self.count_tokens([text])[0] <= room:
            return [text]
        parts, current = [], ""
        for word in text.split():
            longer = f"{current} {word}" if current else word
            if current and self.count_tokens([longer])[0] > room:
                parts.append(current)
                longer = word
            current = longer
        return [*parts, current]

    @property
    def _document_prompt(self) -> str:
        return self._prompt("document", "passage", "corpus")

    def _prompt(self, *names: str) -> str:
        """The prompt sentence-transformers itself puts before such a text."""
        prompts = self._model.prompts
        for name in names:
            if name in prompts:
                return str(prompts[name])
        default = self._model.default_prompt_name
        return str(prompts[default]) if default in prompts else ""

    @cached_property
    def _means_over_tokens(self) -> bool:
        kinds = [type(module).__name__ for module in self._model]
        plain = kinds in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"])
        return plain and self._model[1].pooling_mode == "mean"

    @property
    def _tokenizer(self) -> Any:
        return self._model.tokenizer

    @cached_property
    def _model(self) -> Any:
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging as transformers_logging

        logging: Any = transformers_logging
        bars = logging.is_progress_bar_enabled()
        logging.disable_progress_bar()  # it would draw "Loading weights" over our own output
        try:
            return SentenceTransformer(str(self._folder), local_files_only=True)
        except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
            reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise ModelError(
                f"encoder {self.name!r} cannot be loaded from {self._folder}: {reason}; next step: check that "
                "the folder is a complete sentence-transformers model, or set the encoder to all-MiniLM-L6-v2"
            ) from error
        finally:
            if bars:
                logging.enable_progress_bar()


def _find(name: str) -> Path:
    """The folder of a model: itself, or its snapshot in the hub's local cache."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not any((folder / file).is_file() for file in ("modules.json", "config.json")):
            raise ModelError(
                f"encoder {name!r} is a folder without modules.json or config.json, so not a model; next "
                "step: name the folder that holds them, or set the encoder to all-MiniLM-L6-v2"
            )
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    # a bare name means the sentence-transformers organisation, as it does for sentence-transformers itself
    for repository in (name, f"sentence-transformers/{name}") if "/" not in name else (name,):
        try:
            return Path(snapshot_download(repository, local_files_only=True))
        except (LocalEntryNotFoundError, HFValidationError):
            continue
    raise ModelError(
        f"encoder {name!r} is neither a folder nor a model already on this machine, and nothing is "
        f"downloaded unasked; next step: fetch it once with `hf download {name}`, name a model's folder, or "
        "set the encoder to all-MiniLM-L6-v2"
    )
