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
SplitOption = Annotated[
    Split | None, typer.Option(help="Only questions of this half of the set.", show_default=False)
]
LimitOption = Annotated[
    int | None, typer.Option(min=1, help="Only the first so many questions.", show_default=False)
]
OutOption = Annotated[
    Path | None,
    typer.Option(help="The run's folder. [default: one of its own in eval/out]", show_default=False),
]
ResumeOption = Annotated[
    Path | None,
    typer.Option(help="Go on with the run in this folder where it stopped.", show_default=False),
]
SaveOption = Annotated[bool, typer.Option("--save/--no-save", help="Keep the run as a folder.")]


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
    split: SplitOption = None,
    limit: LimitOption = None,
    out: OutOption = None,
    resume: ResumeOption = None,
    save: SaveOption = True,
    failures: Annotated[bool, typer.Option("--failures", help="List the questions that went wrong.")] = False,
    price: Annotated[
        str | None,
        typer.Option(
            metavar="READ,WRITTEN",
            help="What a million tokens of your model cost, to read and to write, such as 0.15,0.60.",
            show_default=False,
        ),
    ] = None,
    seed: SeedOption = 20241104,
    as_json: JsonOption = False,
) -> None:
    """Ask a whole question set and report how the answers did.

    Leaves a folder with every answer, the numbers and report.html. Ctrl-C keeps what is done; --resume goes on.
    """
    from rag.evaluation import report, run_folder
    from rag.evaluation.answers import HTML, Options, evaluate
    from rag.evaluation.formats import load_questions
    from rag.evaluation.metered import Price

    _check_resume(resume, out, save)
    load_questions(questions, split)  # a set with a mistake is told before anything is synced
    folder = resume or out or (run_folder.default_path(questions.name.split(".")[0]) if save else None)
    options = Options(
        split=split,
        limit=limit,
        folder=folder,
        resume=resume is not None,
        seed=seed,
        price=Price.parse(price) if price else None,
    )
    with cli._ready(cli._settings(index)) as opened:
        done = evaluate(questions, opened, options)
    if as_json:
        cli._print_json(report.to_json(done))
    else:
        console = cli._console()
        report.print_report(done, console, failures=failures)
        if folder is not None:
            console.print(f"report: {folder / HTML}", soft_wrap=True, markup=False)
    leave(done.interrupted, folder)


@app.command()
def retrieval(
    dataset: Annotated[
        Path | None,
        typer.Argument(
            help="A collection: a folder with corpus.jsonl, queries.jsonl and qrels (BEIR).",
            show_default=False,
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="Whose judgements. [default: test, dev or train, what is there]", show_default=False
        ),
    ] = None,
    qrels: Annotated[
        Path | None,
        typer.Option(help="Judgements (TREC or BEIR), to score --run with.", show_default=False),
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="A TREC run file to score, by any system.", show_default=False)
    ] = None,
    measures: Annotated[
        str, typer.Option(help="Measures of ir-measures.")
    ] = "nDCG@10 R@5 R@10 R@100 RR@10 AP Success@1 Success@5",
    depth: Annotated[int, typer.Option(min=1, max=1000, help="Passages ranked for each question.")] = 100,
    rerank: Annotated[
        bool, typer.Option("--rerank/--no-rerank", help="Let the reader order the first passages.")
    ] = True,
    limit: LimitOption = None,
    work: Annotated[
        Path | None,
        typer.Option(
            help="Where indexes of collections are kept. [default: eval/out/work]", show_default=False
        ),
    ] = None,
    out: OutOption = None,
    resume: ResumeOption = None,
    save: SaveOption = True,
    seed: SeedOption = 20241104,
    as_json: JsonOption = False,
) -> None:
    """Score a ranking against judgements, as trec_eval does: of a collection, or of a run file.

    A collection is indexed first; indexes are kept, so that only the first time is slow.
    """
    from rag.evaluation import datasets, provenance, run_folder
    from rag.evaluation import retrieval as scoring

    if (dataset is None) == (run is None) or (run is None) != (qrels is None):
        raise InputError(
            "give a collection's folder, or a ranking and its judgements: --run FILE --qrels FILE"
        )
    if run is not None and qrels is not None:
        done = scoring.judged(
            run.name, datasets.read_qrels(qrels), datasets.read_run(run), measures, seed=seed
        )
        _show_retrieval(done, as_json)
        return
    assert dataset is not None
    collection = datasets.load_dataset(dataset, split)
    scoring.score({"q": {"d": 1}}, {"q": {"d": 1.0}}, measures)  # a mistyped measure is told before any work
    settings = cli._settings(None, reader=None if rerank else "none")
    place = work or run_folder.DEFAULT_PLACE / "work"
    queries = dict(list(collection.queries.items())[:limit])
    with _indexed(collection, place, settings) as index:
        from rag.retrieval.retriever import Retriever

        retriever = Retriever(index, index.settings)
        about = provenance.about(
            "retrieval",
            {
                "file": collection.name,
                "split": collection.split,
                "count": len(queries),
                "digest": provenance.digest([f"{key}\t{text}" for key, text in queries.items()]),
            },
            index,
            retriever.reader.fingerprint if retriever.reader is not None else None,
            seed,
            depth=depth,
        )
        folder = _folder(collection.name, about, out, resume, save)
        found, times = scoring.search(
            queries, lambda text: scoring.document_scores(retriever, text, depth), folder
        )
    name = f"{collection.name}{f' {collection.split}' if collection.split else ''}"
    judgements = {query: collection.qrels[query] for query in found}
    done = scoring.judged(
        name, judgements, found, measures, milliseconds=times, planned=len(queries), seed=seed
    )
    if folder is not None:
        scoring.save(done, folder, judgements, found)
    _show_retrieval(done, as_json)
    leave(done.interrupted, folder.path if folder is not None else None)


def _show_retrieval(done: Any, as_json: bool) -> None:
    from rag.evaluation import retrieval as scoring

    told = scoring.to_json(done)
    if as_json:
        cli._print_json(told)
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("")
    table.add_column("mean", justify="right")
    table.add_column("95 % interval", justify="right")
    for name, share in done.shares.items():
        table.add_row(name, f"{share.value:.4f}", f"{share.low:.4f} – {share.high:.4f}")
    console = cli._console()
    console.print(f"{done.name}: {told['questions']} questions", markup=False)
    console.print(table)
    if told["median_ms"] is not None:
        console.print(f"time per question: median {told['median_ms']:.0f} ms, 95th {told['p95_ms']:.0f} ms")


def _indexed(collection: Any, place: Path, settings: Any) -> Any:
    """The collection's index, made under a progress bar."""
    from rag.evaluation.retrieval import index_dataset
    from rag.evaluation.runner import progress_bar

    with progress_bar(True) as bar:
        return index_dataset(collection, place, settings, progress=cli._advance(bar))


def _folder(stem: str, about: dict[str, Any], out: Path | None, resume: Path | None, save: bool) -> Any:
    """The folder of this run: a new one, one to go on in, or none."""
    from rag.evaluation import run_folder

    _check_resume(resume, out, save)
    if resume is not None:
        return run_folder.resume(resume, about)
    return run_folder.start(out or run_folder.default_path(stem), about) if save else None


def _check_resume(resume: Path | None, out: Path | None, save: bool) -> None:
    if resume is not None and (out is not None or not save):
        raise InputError("--resume names the folder to go on in; leave out --out and --no-save")


def leave(interrupted: bool, folder: Path | None) -> None:
    """After Ctrl-C, say how to go on."""
    if interrupted:
        if folder is not None:
            typer.echo(f"rag: interrupted; go on with: --resume {folder}", err=True)
        sys.exit(INTERRUPTED)


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(help="The folder of the earlier run.")],
    b: Annotated[Path, typer.Argument(help="The folder of the later run.")],
    most: Annotated[int, typer.Option(min=0, help="How many changed answers to print.")] = 20,
    html: Annotated[
        Path | None, typer.Option(help="Write the comparison as a page, too.", show_default=False)
    ] = None,
    seed: SeedOption = 20241104,
    as_json: JsonOption = False,
) -> None:
    """Compare two runs: differences with paired intervals and p, and every answer that changed.

    Refuses runs over different questions or articles, and says why.
    """
    from rag.evaluation import compare as comparing
    from rag.evaluation import compare_report

    comparison = comparing.compare(a, b, seed)
    if html is not None:
        try:
            html.write_text(compare_report.render(comparison), encoding="utf-8")
        except OSError as error:
            raise InputError(
                f"--html {html} cannot be written: {error.strerror}; name another file"
            ) from error
    if as_json:
        cli._print_json(comparing.to_json(comparison))
    else:
        compare_report.print_comparison(comparison, cli._console(), most=most)


def _add_more() -> None:
    from rag.apps import cli_eval_more  # it imports what is above

    cli_eval_more.add_to(app)


_add_more()
