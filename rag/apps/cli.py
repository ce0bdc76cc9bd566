"""The command line: it parses, calls and prints. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from rag import __version__
from rag.errors import InputError, RagError

if TYPE_CHECKING:
    from rag.index.index import Index
    from rag.settings import Settings
    from rag.types import Filters, SyncReport

SEEDS = Path("seeds")
EXIT_USER_ERROR = 2

app = typer.Typer(
    name="rag",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Ask a folder of articles. Every sentence of an answer is cited to the exact characters of a source file; "
    "what the articles do not say is not answered.\n\n"
    'Start with:  rag sync seeds/   then   rag ask "When will the joint venture be founded?"',
)

IndexOption = Annotated[
    Path | None,
    typer.Option(
        "--index", help="The index's folder. Also RAG_INDEX. [default: index/seeds]", show_default=False
    ),
]
PortOption = Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")]
OpenOption = Annotated[
    bool | None,
    typer.Option(
        "--open/--no-open",
        help="Open the page in a browser. [default: where there is a desktop]",
        show_default=False,
    ),
]
KeepOption = Annotated[
    bool,
    typer.Option(
        "--keep/--forget",
        help="Keep the page's conversations in a file of yours, or in memory until this ends.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
AfterOption = Annotated[
    str | None,
    typer.Option(help="Only articles published on this day or later, YYYY-MM-DD.", show_default=False),
]
BeforeOption = Annotated[
    str | None,
    typer.Option(help="Only articles published on this day or earlier, YYYY-MM-DD.", show_default=False),
]


@app.command()
def sync(
    folder: Annotated[
        Path, typer.Argument(help="The folder of articles (.txt, .md), with its subfolders.")
    ] = SEEDS,
    index: IndexOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring the index in step with a folder: new and changed articles go in, deleted ones go out.

    Safe to repeat and to interrupt: only changed content costs work, and an interrupted run leaves the index as it was.
    """
    settings = _settings(index)
    with _opened(settings) as opened:
        report = _synced(opened, folder, quiet=as_json)
    if as_json:
        from rag.apps.schema import sync_json

        _print_json(sync_json(report))
    else:
        from rag.apps.terminal import show_sync

        show_sync(_console(), report)


@app.command()
def search(
    question: Annotated[str, typer.Argument(help="What to look for, in plain words.")],
    k: Annotated[
        int | None,
        typer.Option("-k", min=1, max=1000, help="How many passages. [default: 5]", show_default=False),
    ] = None,
    index: IndexOption = None,
    after: AfterOption = None,
    before: BeforeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the passages nearest to a question, without answering it."""
    settings, filters = _settings(index, k=k), _filters(after, before)
    with _ready(settings) as opened:
        from rag.retrieval.retriever import Retriever

        hits = Retriever(opened, settings).retrieve(question, filters=filters)
    if as_json:
        from rag.apps.schema import hits_json

        _print_json(hits_json(question, hits))
    else:
        from rag.apps.terminal import show_hits

        show_hits(_console(), hits)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question, in plain words.")],
    history: Annotated[
        list[str] | None,
        typer.Option(
            "--history",
            help="An earlier question of the same conversation; repeat it, oldest first.",
            show_default=False,
        ),
    ] = None,
    index: IndexOption = None,
    after: AfterOption = None,
    before: BeforeOption = None,
    generator: Annotated[
        str | None,
        typer.Option(
            help="What words the answer: extractive, openai:MODEL, ollama:MODEL, anthropic:MODEL or gguf:FILE. "
            "Also RAG_GENERATOR. [default: extractive]",
            show_default=False,
        ),
    ] = None,
    unverified: Annotated[
        Literal["hide", "show"] | None,
        typer.Option(
            help="What a model said and no article supports: left out, or shown struck through. [default: hide]",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a question with cited sentences, or say that it is not in the articles."""
    settings = _settings(index, generator=generator, unverified=unverified)
    filters = _filters(after, before)
    with _ready(settings) as opened:
        from rag.answering.engine import AnswerEngine
        from rag.retrieval.retriever import Retriever

        engine = AnswerEngine(Retriever(opened, settings))
        if engine.generator is not None and not as_json and sys.stdout.isatty():
            from rag.apps.generated import answered

            answer = answered(_console(), engine, question, history or (), filters)
        else:
            answer = engine.ask(question, history=history or (), filters=filters)
        if as_json:
            from rag.apps.schema import answer_json

            _print_json(answer_json(answer))
        else:
            from rag.apps.terminal import show_answer

            show_answer(_console(), answer, lambda path: opened.document(path).text)
            if answer.note or answer.unverified:
                from rag.apps.generated import show_extras

                show_extras(_console(), answer)


@app.command()
def models(index: IndexOption = None, as_json: JsonOption = False) -> None:
    """List the configured models and try each: the language model with one token."""
    from rag.apps import cli_models

    found = cli_models.trials(_settings(index))
    if as_json:
        _print_json(cli_models.to_json(found))
    else:
        cli_models.show(_console(), found)
    if any(trial.works is False for trial in found):
        raise typer.Exit(1)


@app.command()
def doctor(index: IndexOption = None, as_json: JsonOption = False) -> None:
    """Look at everything an answer needs, and say what to do about what is amiss.

    Python, packages, cache, models (a language model with one token), the index from end to end, and whether the
    articles have changed since it was synced. Changes nothing; exits 1 when something does not work.
    """
    from rag.apps import cli_doctor, cli_models

    console, found = _console(), []
    for trial in cli_doctor.examine(_settings(index)):
        found.append(trial)
        if not as_json:
            cli_models.show(console, [trial])
    if as_json:
        _print_json({"checks": cli_models.to_json(found)["models"]})
    if any(trial.works is False for trial in found):
        raise typer.Exit(1)


@app.command()
def chat(
    index: IndexOption = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: PortOption = 7860,
    open_browser: OpenOption = None,
    keep: KeepOption = True,
) -> None:
    """Serve the chat page: answers on the left, the cited article with its quoted words on the right."""
    settings = _settings(index)
    _ready(settings).close()
    from rag.apps.chat import launch
    from rag.apps.conversations import Conversations

    wanted = _has_desktop() if open_browser is None else open_browser
    store = None if keep else Conversations(None)
    launch(settings.index, host=host, port=port, open_browser=wanted, settings=settings, store=store)


@app.command(
    add_help_option=False, context_settings={"ignore_unknown_options": True, "allow_extra_args": True}
)
def serve(context: typer.Context) -> None:
    """Serve the chat page and the HTTP service, OpenAI's clients included. [rag serve --help]"""
    from rag.apps import cli_serve

    cli_serve.app(context.args, prog_name="rag serve")


@app.command(
    add_help_option=False, context_settings={"ignore_unknown_options": True, "allow_extra_args": True}
)
def mcp(context: typer.Context) -> None:
    """Let other apps' language models search, ask and read the articles (MCP). [rag mcp --help]"""
    from rag.apps import cli_mcp

    cli_mcp.app(context.args, prog_name="rag mcp")


@app.command()
def status(index: IndexOption = None, as_json: JsonOption = False) -> None:
    """Show what an index holds: articles, passages, encoder, when it was synced."""
    settings = _settings(index)
    with _opened(settings, create=False) as opened:
        report = opened.status()
    if as_json:
        from dataclasses import asdict

        _print_json(
            {name: str(value) if isinstance(value, Path) else value for name, value in asdict(report).items()}
        )
    else:
        from rag.apps.terminal import show_status

        show_status(_console(), report)


@app.command(
    "eval",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
)
def evaluate(context: typer.Context) -> None:
    """Measure: ask a question set, score a retriever, compare runs. [rag eval --help]"""
    from rag.apps import cli_eval  # its many commands cost an answer nothing when they are built here

    cli_eval.app(context.args, prog_name="rag eval")


def _has_desktop() -> bool:
    """Whether a browser window would reach somebody; in a bare terminal it would take the terminal over."""
    shown = sys.platform in ("darwin", "win32") or "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
    return shown and sys.stdout.isatty()


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rag {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; what the user can mend is printed and exits 2, Ctrl-C exits 130 (typer sees to it)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(
                errors="replace"
            )  # a raised digit a Windows pipe does not know is no reason to fail
    # pydantic would read the entry points of every installed package in search of plugins, which costs a start 30 ms
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        app()
    except RagError as error:
        typer.echo(f"rag: {error}", err=True)
        sys.exit(EXIT_USER_ERROR)


def _settings(index: Path | None, **overrides: Any) -> Settings:
    from rag.settings import load

    return load(index=index, **overrides)


def _filters(after: str | None, before: str | None) -> Filters | None:
    from datetime import date

    from rag.types import Filters

    for name, value in (("--after", after), ("--before", before)):
        if value is not None:
            try:
                date.fromisoformat(value)
            except ValueError as error:
                raise InputError(f"{name} {value!r} is not a date; write it as YYYY-MM-DD") from error
    return Filters(after=after, before=before) if after or before else None


def _opened(settings: Settings, create: bool = True) -> Index:
    from rag.index.index import Index

    return Index.open(settings.index, settings=settings, create=create)


def _ready(settings: Settings) -> Index:
    """The index, made from ``seeds/`` first when nothing was synced yet."""
    if _is_there(settings.index):
        opened = _opened(settings, create=False)
        if opened.status().synced_at is not None:
            return opened
        opened.close()
    if not SEEDS.is_dir():
        raise InputError(
            f"there is no index at {settings.index} yet; make one with: rag sync FOLDER --index {settings.index}"
        )
    typer.echo(f"no index at {settings.index} yet: syncing {SEEDS}/ into it first", err=True)
    opened = _opened(settings)
    _synced(opened, SEEDS, quiet=False)
    return opened


def _is_there(index: Path) -> bool:
    """Whether there is an index, or something in its place of which opening it says what is wrong."""
    from rag.index.index import CATALOG

    try:
        return (index / CATALOG).exists() or index.is_file()
    except OSError:
        return True


def _synced(index: Index, folder: Path, quiet: bool) -> SyncReport:
    """Sync; when it is interrupted, say what that means for the index."""
    try:
        return index.sync(folder) if quiet or not sys.stderr.isatty() else _sync_with_bar(index, folder)
    except KeyboardInterrupt:
        typer.echo(
            "rag: interrupted; nothing indexed before is lost, and the next sync goes on where this one stopped",
            err=True,
        )
        raise


def _sync_with_bar(index: Index, folder: Path) -> SyncReport:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        return index.sync(folder, progress=_advance(bar))


def _advance(bar: Any) -> Callable[[Any], None]:
    tasks: dict[str, Any] = {}

    def advance(event: Any) -> None:
        if event.stage not in tasks:
            tasks[event.stage] = bar.add_task(event.stage, total=event.total, rate="")
        task = bar.tasks[bar.task_ids.index(tasks[event.stage])]
        speed = f"{task.speed:.0f}/s" if task.speed else ""
        bar.update(tasks[event.stage], completed=event.done, total=event.total, rate=speed)

    return advance


def _console() -> Any:
    from rich.console import Console

    # a pipe has no width of its own: 100 columns read well in a file or a page
    width = None if sys.stdout.isatty() else 100
    return Console(highlight=False, width=width)


def _print_json(value: dict[str, Any]) -> None:
    # characters as they are where standard output can hold all of them, else as \\u escapes: never a lossy "?"
    is_utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    typer.echo(json.dumps(value, ensure_ascii=not is_utf8, indent=2 if sys.stdout.isatty() else None))
