"""``rag eval``: the commands that measure. Like the rest of the command line they parse, call and print."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from rag.apps import cli
from rag.errors import InputError

INTERRUPTED = 130
FAILED = 1

Split = Literal["dev", "test"]
IndexOption = cli.IndexOption
JsonOption = cli.JsonOption
SeedOption = Annotated[int, typer.Option(help="Of everything drawn by chance, the intervals included.")]


class _AnswersByDefault(TyperGroup):
    """``rag eval FILE`` is short for ``rag eval answers FILE``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        first = args[0] if args else ""
        meant = first.startswith("-") or "." in first or Path(first).exists()
        if first and first not in self.commands and first not in ctx.help_option_names and meant:
            args = ["answers", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_AnswersByDefault,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Measure: ask a question set, score a retriever, compare two runs.\n\n"
    "Start with:  rag sync seeds/   then   rag eval eval/questions/seeds.jsonl   (short for rag eval answers …)",
)


@app.command()
def answers(
    questions: Annotated[
        Path,
        typer.Argument(
            help="A question set: .jsonl (ours), .csv, SQuAD .json, or .txt with a question per line."
        ),
    ],
    index: IndexOption = None,
    split: Annotated[
        Split | None, typer.Option(help="Only questions of this half of the set.", show_default=False)
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the first so many questions.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The run's folder. [default: one of its own in eval/out]", show_default=False),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(help="Go on with the run in this folder where it stopped.", show_default=False),
    ] = None,
    save: Annotated[bool, typer.Option("--save/--no-save", help="Keep the run as a folder.")] = True,
    failures: Annotated[bool, typer.Option("--failures", help="List the questions that went wrong.")] = False,
    seed: SeedOption = 20241104,
    as_json: JsonOption = False,
) -> None:
    """Ask a whole question set and report how the answers did.

    Leaves a folder with every answer, the numbers and report.html. Ctrl-C keeps what is done; --resume goes on.
    """
    from rag.evaluation import report, run_folder
    from rag.evaluation.answers import HTML, Options, evaluate
    from rag.evaluation.formats import load_questions

    if resume is not None and (out is not None or not save):
        raise InputError("--resume names the folder to go on in; leave out --out and --no-save")
    load_questions(questions, split)  # a set with a mistake is told before anything is synced
    folder = resume or out or (run_folder.default_path(questions.name.split(".")[0]) if save else None)
    options = Options(split=split, limit=limit, folder=folder, resume=resume is not None, seed=seed)
    with cli._ready(cli._settings(index)) as opened:
        done = evaluate(questions, opened, options)
    if as_json:
        cli._print_json(report.to_json(done))
    else:
        console = cli._console()
        report.print_report(done, console, failures=failures)
        if folder is not None:
            console.print(f"report: {folder / HTML}", soft_wrap=True, markup=False)
    if done.interrupted:
        if folder is not None:
            typer.echo(f"rag: interrupted; go on with: --resume {folder}", err=True)
        sys.exit(INTERRUPTED)
