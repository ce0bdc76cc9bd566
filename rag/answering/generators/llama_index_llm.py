"""Any of llama-index's LLM classes as a generator: time-outs that hold, retries with backoff, one kind of error.

The library's own retries and time-outs differ from class to class, so they are switched off and done here: a thread
reads the stream, and whoever waits for the next token waits no longer than the time-out.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from rag.answering.generators.keys import without_secrets
from rag.answering.generators.protocol import GeneratorError, Prompt
from rag.errors import RagError

if TYPE_CHECKING:
    from llama_index.core.llms import LLM

_FIRST_WAIT = 0.5  # seconds before the first retry; doubled for each further one
_LONGEST_WAIT = 8.0
_LONGEST_LOAD = 600.0  # seconds for importing a library and loading a local model
_MOST_CHARACTERS = 12  # for each token asked for; a server that writes more does not count
_BUSY = (408, 409, 425, 429)
# What clients raise for a connection that breaks or an answer that is not what the protocol says
_BROKEN = (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, AssertionError)


@dataclass(frozen=True, slots=True)
class _Token:
    text: str


@dataclass(frozen=True, slots=True)
class _Loaded:
    """The library is imported, a local model is in memory; from here on the time-out counts."""


@dataclass(frozen=True, slots=True)
class _End:
    error: BaseException | None


_Item: TypeAlias = _Token | _Loaded | _End


class LlamaIndexGenerator:
    """Streams from a llama-index LLM.

    Args:
        name: as in the settings.
        make: makes the LLM for at most so many tokens of answer; imports its library, so it is called at first use.
        raised: the errors that library raises by itself, besides the usual ones.
        window, most_tokens: see `Generator`.
        timeout: seconds to wait for the next token.
        retries: how often a request that the server refused as too busy or broken is repeated.
        secrets: what no message may show.

    ``is_ready`` once its library has been imported and a local model is in memory.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[int], LLM],
        raised: Callable[[], Sequence[type[Exception]]],
        window: int,
        most_tokens: int,
        timeout: float,
        retries: int,
        secrets: tuple[str, ...] = (),
    ) -> None:
        self.name, self.window, self.most_tokens = name, window, most_tokens
        self._make, self._raised = make, raised
        self._timeout, self._retries, self._secrets = timeout, retries, secrets
        self.is_ready = False

    def stream(self, prompt: Prompt, most_tokens: int | None = None) -> Iterator[str]:
        """Yield tokens; a request is repeated only while nothing has come of it yet."""
        limit = most_tokens or self.most_tokens
        for attempt in range(self._retries + 1):
            started = False
            try:
                with closing(self._once(prompt, limit)) as tokens:
                    for token in tokens:
                        started = True
                        yield token
                return
            except _AttemptError as failure:
                if started or not failure.is_passing or attempt == self._retries:
                    raise self._told(failure, started) from failure
                wait = _FIRST_WAIT * 2**attempt if failure.wait is None else failure.wait
                time.sleep(min(wait, _LONGEST_WAIT))

    def _once(self, prompt: Prompt, limit: int) -> Generator[str]:
        arrived: queue.Queue[_Item] = queue.Queue()
        stop = threading.Event()
        threading.Thread(target=self._read, args=(prompt, limit, arrived, stop), daemon=True).start()
        written, patience = 0, _LONGEST_LOAD
        try:
            while written <= limit * _MOST_CHARACTERS:
                try:
                    item = arrived.get(timeout=patience)
                except queue.Empty:
                    raise _AttemptError.of_silence(patience) from None
                patience = self._timeout
                if isinstance(item, _Loaded):
                    self.is_ready = True
                    continue
                if isinstance(item, _End):
                    if item.error is not None:
                        raise _AttemptError.of(item.error, self._timeout) from item.error
                    return
                written += len(item.text)
                yield item.text
        finally:
            stop.set()

    def _read(self, prompt: Prompt, limit: int, arrived: queue.Queue[_Item], stop: threading.Event) -> None:
        error: Exception | None = None
        expected: tuple[type[Exception], ...] = (*_BROKEN, ImportError, RagError)
        try:
            expected += tuple(self._raised())
            from llama_index.core.llms import ChatMessage, MessageRole

            messages = [
                ChatMessage(role=MessageRole.SYSTEM, content=prompt.system),
                ChatMessage(role=MessageRole.USER, content=prompt.user),
            ]
            llm = self._make(limit)
            arrived.put(_Loaded())
            for response in llm.stream_chat(messages):
                if response.delta:
                    arrived.put(_Token(response.delta))
                if stop.is_set():
                    break
        except expected as failure:
            error = failure
        finally:
            arrived.put(_End(error))

    def _told(self, failure: _AttemptError, started: bool) -> GeneratorError:
        when = " in the middle of its answer" if started else ""
        return GeneratorError(f"{self.name} {without_secrets(str(failure), self._secrets)}{when}")


class _AttemptError(Exception):
    """What went wrong in one attempt, on its way to becoming a GeneratorError.

    ``is_passing`` when it is worth another attempt after ``wait`` seconds.
    """

    def __init__(self, message: str, is_passing: bool = False, wait: float | None = None) -> None:
        super().__init__(message)
        self.is_passing, self.wait = is_passing, wait

    @classmethod
    def of_silence(cls, seconds: float) -> _AttemptError:
        """Nothing came for so long; the library's clock may strike before ours."""
        return cls(f"said nothing for {seconds:g} s")

    @classmethod
    def of(cls, error: BaseException, timeout: float) -> _AttemptError:
        """Put a library's error in words; ``timeout`` is how many seconds it was to wait."""
        if isinstance(error, RagError):
            return cls(f"cannot be used: {error}")
        status = getattr(error, "status_code", None)
        if not isinstance(status, int) or status < 100:
            if isinstance(error, ImportError):
                return cls(f"needs a package that is not installed ({error.name or error})")
            if "timeout" in type(error).__name__.lower():
                return cls.of_silence(timeout)
            if "connect" in type(error).__name__.lower() or isinstance(error, ConnectionError):
                return cls("cannot be reached; is its server running?")
            if isinstance(error, (ValueError, LookupError, TypeError, AttributeError)):
                return cls("broke off: what it sent cannot be read")
            return cls("broke off")
        if status in (401, 403):
            return cls(f"refuses the key (HTTP {status})")
        if status == 404:
            return cls("is not known to its server (HTTP 404)")
        if status in _BUSY or status >= 500:
            said = "is overloaded" if status == 429 else "failed" if status >= 500 else "is busy"
            return cls(f"{said} (HTTP {status})", is_passing=True, wait=_retry_after(error))
        return cls(f"refused the request (HTTP {status})")


def _retry_after(error: Any) -> float | None:
    """The seconds a server asks to wait, where it says so in figures."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    asked = str(headers.get("retry-after", ""))
    try:
        return max(float(asked), 0.0)
    except ValueError:
        return None
