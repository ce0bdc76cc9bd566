"""One strict Settings: defaults, then ``rag.toml`` in the working folder, then ``RAG_*``, then what is passed.

An unknown key is an error that names the key and the allowed ones, so that a typo never silently does nothing.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from rag.errors import SettingsError

CONFIG_FILE = "rag.toml"
DEFAULT_ENCODER = "all-MiniLM-L6-v2"


class Settings(BaseSettings):
    """Everything a user may set. Environment: ``RAG_`` + the name in capitals, e.g. ``RAG_INDEX``."""

    model_config = SettingsConfigDict(
        env_prefix="RAG_", env_ignore_empty=True, extra="forbid", frozen=True, toml_file=CONFIG_FILE
    )

    index: Path = Field(Path("index/seeds"), description="the index's folder")
    encoder: str = Field(
        DEFAULT_ENCODER,
        description="all-MiniLM-L6-v2 (built in), or any sentence-transformers model name or folder",
    )
    reader: Literal["auto", "none"] = Field(
        "auto",
        description="auto: the shipped reader; none: similarity and rules only, refusals get less sure",
    )
    chunk_tokens: int = Field(
        200, ge=16, le=8192, description="target size of a chunk in the encoder's own tokens"
    )
    chunk_overlap: int = Field(1, ge=0, le=10, description="sentences a chunk repeats from the one before")
    candidates: int = Field(
        100, ge=1, le=10_000, description="passages each of the dense and the lexical search proposes"
    )
    weight_dense: float = Field(1.5, ge=0, le=10, description="weight of the normalised dense score")
    weight_lexical: float = Field(1.0, ge=0, le=10, description="weight of the normalised lexical score")
    weight_sentence: float = Field(
        2.0, ge=0, le=10, description="weight of the normalised best-sentence score"
    )
    k: int = Field(5, ge=1, le=1000, description="passages that search shows")
    generator: str = Field(
        "extractive",
        description="extractive: sentences of the articles; openai:MODEL, ollama:MODEL, anthropic:MODEL or gguf:FILE: "
        "a language model words the answer, and what it says is checked",
    )
    generator_url: str | None = Field(
        None, description="address of the OpenAI-compatible, Ollama or Anthropic server; None: its usual one"
    )
    generator_key_file: Path | None = Field(
        None, description="file that holds the provider's key, readable by its owner only; None: environment"
    )
    generators: str = Field(
        "",
        exclude=True,
        description="further models to choose from on the page, with commas, each as generator; KIND:MODEL@URL for one "
        "at a server of its own",
    )
    generator_window: int = Field(
        4096, ge=512, le=2_000_000, description="tokens the model takes, prompt and answer together"
    )
    generator_tokens: int = Field(400, ge=16, le=32_768, description="tokens an answer may have")
    generator_timeout: float = Field(
        120.0, gt=0, le=3600, description="seconds to wait for the model's next token"
    )
    generator_retries: int = Field(
        2, ge=0, le=10, description="how often a request is repeated that the server was too busy for"
    )
    generator_threads: int = Field(
        0, ge=0, le=1024, description="threads a GGUF file is run with; 0: one per core"
    )
    unverified: Literal["hide", "show"] = Field(
        "hide", description="what a model said and no article supports: left out, or shown struck through"
    )
    # the service; excluded from dumps, since how a question is asked is no part of what answers it
    serve_token: SecretStr | None = Field(
        None,
        exclude=True,
        description="what requests to rag serve must carry; None: this machine only, no token",
    )
    serve_token_file: Path | None = Field(
        None, exclude=True, description="file that holds the token, readable by its owner only"
    )
    serve_hosts: str = Field(
        "", exclude=True, description="further names, with commas, that the service may be called by"
    )
    serve_rate: int = Field(
        600, ge=0, le=1_000_000, exclude=True, description="requests a minute and client; 0: no limit"
    )
    serve_workers: int = Field(
        0,
        ge=0,
        le=256,
        exclude=True,
        description="requests computed at once; 0: one per core, 8 with a model",
    )
    serve_queue: int = Field(
        64, ge=0, le=10_000, exclude=True, description="requests that may wait for their turn"
    )
    serve_upload_mb: int = Field(64, ge=1, le=4096, exclude=True, description="MiB an upload may have")
    serve_read_only: bool = Field(
        False, exclude=True, description="articles cannot be added or removed through the service"
    )
    serve_log_questions: bool = Field(False, exclude=True, description="questions stand in the service's log")

    @field_validator("index", "generator_key_file", "serve_token_file")
    @classmethod
    def _expand(cls, value: Path | None) -> Path | None:
        return value.expanduser() if value is not None else None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is passed wins over the environment, which wins over the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load(**overrides: Any) -> Settings:
    """Read the settings; overrides that are None are ignored, so a caller can pass its options through.

    Raises:
        SettingsError: naming the setting, the value given, and what is allowed.
    """
    known = {f"RAG_{name.upper()}" for name in Settings.model_fields}
    for name in sorted(os.environ):
        if name.upper().startswith("RAG_") and name.upper() not in known:
            raise SettingsError(
                f"unknown setting {name} in the environment; allowed: {', '.join(sorted(known))}"
            )
    try:
        return Settings(**{key: value for key, value in overrides.items() if value is not None})
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            name = ".".join(str(part) for part in problem["loc"])
            if problem["type"] == "extra_forbidden":
                allowed = ", ".join(sorted(Settings.model_fields))
                lines.append(f"unknown setting {name!r} in {CONFIG_FILE}; allowed: {allowed}")
            else:
                lines.append(f"setting {name!r} = {problem['input']!r}: {problem['msg']}")
        raise SettingsError("; ".join(lines)) from error
    except ValueError as error:  # a rag.toml that is not TOML
        raise SettingsError(f"{CONFIG_FILE} cannot be read: {error}; correct or remove it") from error
