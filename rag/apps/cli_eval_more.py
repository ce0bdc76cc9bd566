"""More of ``rag eval``: expected scores, the support check, question sets of one's own, grids of settings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from rag.apps import cli
from rag.apps.cli_eval import FAILED, JsonOption, LimitOption, SeedOption, SplitOption, leave
from rag.errors import InputError


def add_to(app: typer.Typer) -> None:
    """Add these commands to ``rag eval``, in the order they are listed."""
    for command in (check, support, conflicts, make, review, sweep, unpack):
        app.command()(command)


def check(
    file: Annotated[Path, typer.Argument(help="Commands with their expected scores.")] = Path(
        "eval/expected.yaml"
    ),
    only: Annotated[
        list[str] | None, typer.Option(help="Run only this entry; repeat it for more.", show_default=False)
    ] = None,
    ci: Annotated[bool, typer.Option("--ci", help="Run only the small set that CI runs.")] = False,
    work: Annotated[
        Path | None,
        typer.Option(help="Where indexes are kept. [default: eval/out/check]", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run commands with known scores and say OK or FAIL; exits 1 when one fails."""
    from rag.evaluation import check as checking
    from rag.evaluation import run_folder

    entries = checking.chosen(checking.read_expected(file), only or [], ci)
    place = work or run_folder.DEFAULT_PLACE / "check"
    results = []
    for result in checking.check(entries, place, lambda told: typer.echo(told, err=True)):
        results.append(result)
        if not as_json:
            typer.echo(_checked_line(result))
    failed = sum(result.verdict == "FAIL" for result in results)
    if as_json:
        cli._print_json({"failed": failed, "results": [result.model_dump() for result in results]})
    else:
        skipped = sum(result.verdict == "SKIP" for result in results)
        typer.echo(f"{len(results) - failed - skipped} OK, {failed} FAIL, {skipped} SKIP")
    if failed:
        sys.exit(FAILED)


def _checked_line(result: Any) -> str:
    if result.expected is None:
        return f"{result.verdict:<4}  {result.name}: {result.told}"
    got = "nothing" if result.got is None else f"{result.got:.4f}"
    told = f" ({result.told})" if result.told else ""
    return (
        f"{result.verdict:<4}  {result.name} {result.measure}: {got}, "
        f"expected {result.expected:.4f} ± {result.tolerance:.4f}{told}"
    )


def support(
    pairs: Annotated[Path, typer.Argument(help="JSON lines with claim, evidence and label.")],
    by_sentence: Annotated[
        bool, typer.Option("--by-sentence", help="Judge a claim by its least supported sentence.")
    ] = False,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="From where a claim counts as supported. [default: the reader's own]",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the first so many pairs.", show_default=False)
    ] = None,
    seed: SeedOption = 20241104,
    as_json: JsonOption = False,
) -> None:
    """Score the support check on pairs of claim and evidence: balanced accuracy, macro-F1, AUROC."""
    from rag.evaluation import support as supporting
    from rag.evaluation.runner import counting, progress_bar
    from rag.evaluation.verification import SUPPORTED
    from rag.models.reader import load_reader

    read = supporting.read_pairs(pairs)[:limit]
    reader = load_reader(cli._settings(None).reader)
    if reader is None:
        raise InputError(
            "the setting 'reader' is none, and the support check is the reader's; set it to auto"
        )
    with progress_bar(True) as bar:
        found = supporting.scores(
            read, reader, by_sentence=by_sentence, progress=counting(bar, "judging", len(read))
        )
    line = float(getattr(reader, "supported_above", SUPPORTED)) if threshold is None else threshold
    scored = supporting.score(read, found, line, seed)
    told = supporting.to_json(scored)
    if as_json:
        cli._print_json(told)
        return
    typer.echo(f"{pairs.name}: {scored.pairs} pairs, supported from {line:.3f}")
    for name, measure in told["metrics"].items():
        low, high = measure["ci95"]
        typer.echo(f"{name:<18} {measure['value']:.4f}   {low:.4f} – {high:.4f}")
    typer.echo("; ".join(f"{name}: {count}" for name, count in scored.confusion.items()))


def conflicts(
    pairs: Annotated[Path, typer.Argument(help="JSON lines as in eval/questions/conflicts.jsonl.")],
    split: SplitOption = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="The whole way: index both sides as articles and ask.")
    ] = False,
    articles: Annotated[
        Path | None,
        typer.Option(
            help="With --whole: the folder of the articles that the pairs name; otherwise a side is one sentence.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Score what is said of pairs of sentences that contradict each other, or only seem to."""
    from rag.evaluation import conflicts as disagreeing
    from rag.evaluation.runner import counting, progress_bar
    from rag.models.encoder import load_encoder
    from rag.models.reader import load_reader

    settings = cli._settings(None)
    read = disagreeing.read_pairs(pairs, split)
    reader = load_reader(settings.reader)
    if reader is None:
        raise InputError(
            "the setting 'reader' is none, and disagreements are found with the reader; set it to auto"
        )
    encoder = load_encoder(settings.encoder) if whole else None

    def judge(pair: disagreeing.Pair) -> bool:
        return (
            disagreeing.told_apart(pair, reader)
            if encoder is None
            else disagreeing.shown(pair, reader, encoder, articles)
        )

    with progress_bar(True) as bar:
        told = disagreeing.to_json(disagreeing.score(read, judge, counting(bar, "comparing", len(read))))
    if as_json:
        cli._print_json(told)
        return
    typer.echo(f"{pairs.name}{f', {split}' if split else ''}: {told['pairs']} pairs")
    for name, one in told["metrics"].items():
        low, high = one["ci95"] or (0.0, 1.0)
        value = "–" if one["value"] is None else f"{one['value']:.3f}"
        typer.echo(f"{name:<10} {value}   {low:.3f} – {high:.3f}   ({one['count']} of {one['total']})")
    for name in ("missed", "wrong"):
        if told[name]:
            typer.echo(f"{name}: {', '.join(told[name])}")


def make(
    folder: Annotated[Path, typer.Argument(help="A folder of articles, as for rag sync.")],
    out: Annotated[Path, typer.Option(help="Where the drafts go, JSON lines.")] = Path("drafts.jsonl"),
    most: Annotated[int, typer.Option(min=3, help="How many drafts at most.")] = 60,
    seed: Annotated[int, typer.Option(help="Of what is chosen.")] = 13,
) -> None:
    """Draft a question set from your own articles, without any model; then accept or reject with rag eval review."""
    from collections import Counter

    from rag.evaluation import drafts

    if out.exists():
        raise InputError(f"{out} exists; name another file with --out, or go on with: rag eval review {out}")
    made = drafts.draft(folder, most=most, seed=seed)
    drafts.write_drafts(out, made)
    kinds = ", ".join(f"{count} {how}" for how, count in sorted(Counter(one.how for one in made).items()))
    typer.echo(f"{len(made)} drafts ({kinds}) in {out}\nnext: rag eval review {out} --out my-questions.jsonl")


def review(
    file: Annotated[Path, typer.Argument(help="Drafts that rag eval make wrote.")],
    out: Annotated[Path, typer.Option(help="Where the accepted questions go, a set for rag eval.")] = Path(
        "questions.jsonl"
    ),
) -> None:
    """Accept or reject drafts one by one; every decision is kept at once, so that you may stop at any time."""
    from dataclasses import replace

    from rag.evaluation import drafts

    read = drafts.read_drafts(file)
    for place, one in enumerate(read):
        if one.status != "draft":
            continue
        asked = one.question
        typer.echo(f"\n{place + 1} of {len(read)}, {one.path}\n  {one.sentence}")
        typer.secho(f"  {asked.question}", bold=True)
        typer.echo(f"  answer: {' | '.join(asked.answers) if asked.answerable else 'none, to be refused'}")
        choice = (
            typer.prompt("[a]ccept, [r]eject, [e]dit the question, [q]uit", default="a").strip().lower()[:1]
        )
        if choice == "q":
            break
        if choice == "e":
            text = typer.prompt("question", default=asked.question)
            one = replace(one, question=asked.model_copy(update={"question": text}))
        read[place] = replace(one, status="rejected" if choice == "r" else "accepted")
        drafts.write_drafts(file, read)
    count = drafts.write_accepted(out, read)
    left = sum(one.status == "draft" for one in read)
    typer.echo(f"{count} questions in {out}; {left} drafts left")


def sweep(
    questions: Annotated[Path, typer.Argument(help="A question set, as for rag eval answers.")],
    articles: Annotated[Path, typer.Argument(help="The folder of articles to index and ask.")],
    assignments: Annotated[
        list[str],
        typer.Option("--set", help="NAME=VALUE,VALUE; repeat it, every value is tried with every other."),
    ],
    by: Annotated[str, typer.Option(help="The measure to order by.")] = "right",
    split: SplitOption = None,
    limit: LimitOption = None,
    out: Annotated[
        Path, typer.Option(help="Its folder; the same one again goes on where it stopped.")
    ] = Path("eval/out/sweep"),
    seed: SeedOption = 20241104,
    as_json: JsonOption = False,
) -> None:
    """Try a small grid of settings, such as --set chunk_tokens=100,200 --set weight_lexical=0.5,1.

    Nothing is embedded twice, and a cell that is done is not run again.
    """
    from rag.evaluation import sweep as sweeping
    from rag.evaluation.answers import Options

    def told(result: Any) -> None:
        typer.echo(f"{result.cell.name}: {result.embedded} passages embedded, {result.folder}", err=True)

    cells = sweeping.grid(assignments)
    results = sweeping.sweep(
        questions, articles, cells, out, Options(split=split, limit=limit, seed=seed), told
    )
    rows = sweeping.table(results, by)
    shown = sweeping.to_json(rows, by)
    sweeping.save(out, shown)
    if as_json:
        cli._print_json(shown)
    else:
        for result, numbers in rows:
            value = numbers[by]
            typer.echo(f"{'–' if value is None else f'{value:.4f}'}  {by}  {result.cell.name}")
    leave(any(result.run.interrupted for result in results), None)


def unpack(
    file: Annotated[Path, typer.Argument(help="A SQuAD 1.1 or 2.0 file.")],
    folder: Annotated[Path, typer.Argument(help="Where its paragraphs go, an article each.")],
) -> None:
    """Write a SQuAD file's paragraphs as articles, to sync and to ask its questions over."""
    from rag.evaluation.formats import write_squad_articles

    try:
        count = write_squad_articles(file, folder)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror}; name another folder") from error
    index = f"index/{file.name.split('.')[0]}"
    typer.echo(f"{count} articles in {folder}\nnext: rag sync {folder} --index {index}")
    typer.echo(f"then: rag eval answers {file} --index {index}")
