"""How well passages are found: rankings held against judgements by ir-measures, so that others get the same numbers.

A document's score is that of its best passage. A question for which nothing was found scores 0, as in
``trec_eval -c``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from rag.errors import InputError, MissingExtraError
from rag.evaluation import provenance, run_folder
from rag.evaluation.datasets import Dataset, Qrels, Ranking, file_name, write_qrels, write_run
from rag.evaluation.run_folder import RunFolder
from rag.evaluation.runner import progress_bar
from rag.evaluation.summary import SEED, Share, mean_of

if TYPE_CHECKING:
    from rag.index.index import Index
    from rag.models.encoder import Encoder
    from rag.retrieval.retriever import Retriever
    from rag.settings import Settings

DEFAULT_MEASURES = "nDCG@10 R@5 R@10 R@100 RR@10 AP Success@1 Success@5"
DEPTH = 100  # documents ranked for each question
_TIE = 1e-7  # taken off for each rank, so that equal scores keep their order in any tool
RANKED, RUN_FILE, QRELS_FILE, PER_QUERY = "ranked.jsonl", "run.trec", "qrels.trec", "queries.jsonl"


@dataclass(frozen=True, slots=True)
class Retrieval:
    """A ranking that was scored.

    Attributes:
        values: measure -> query -> value, for every judged question that was asked.
        milliseconds: query -> time of the search; empty for a ranking that came as a file.
    """

    name: str
    planned: int
    values: dict[str, dict[str, float]]
    shares: dict[str, Share]
    milliseconds: dict[str, float]
    interrupted: bool = False


def score(qrels: Qrels, run: Ranking, measures: str = DEFAULT_MEASURES) -> dict[str, dict[str, float]]:
    """Each measure's value for each judged question.

    Raises:
        InputError: a measure that ir-measures does not know.
        MissingExtraError: ir-measures is not installed.
    """
    try:
        import ir_measures
    except ImportError as error:
        raise MissingExtraError("rag eval retrieval", "eval") from error
    names = measures.replace(",", " ").split()
    try:
        parsed = [ir_measures.parse_measure(name) for name in names]
    except (ValueError, NameError, SyntaxError) as error:
        raise InputError(
            f"--measures {measures!r}: {error}; allowed: those of ir-measures, such as nDCG@10 R@100 RR AP Success@5"
        ) from error
    values = {str(measure): dict.fromkeys(qrels, 0.0) for measure in parsed}
    for metric in ir_measures.iter_calc(parsed, qrels, run):
        if metric.query_id in qrels:
            values[str(metric.measure)][metric.query_id] = float(metric.value)
    return values


def judged(
    name: str,
    qrels: Qrels,
    run: Ranking,
    measures: str = DEFAULT_MEASURES,
    *,
    milliseconds: Mapping[str, float] | None = None,
    planned: int | None = None,
    seed: int = SEED,
) -> Retrieval:
    """Score a ranking; means with their bootstrap intervals over questions."""
    values = score(qrels, run, measures)
    if any(sum(grade > 0 for grade in of.values()) > 1 for of in qrels.values()):
        # for questions that need several documents: whether all of them are there
        for measure in [measure for measure in values if measure.startswith("R@")]:
            complete = {query: float(value == 1.0) for query, value in values[measure].items()}
            values[f"All{measure[1:]}"] = complete
    shares = {measure: mean_of(list(of.values()), seed=seed) for measure, of in values.items()}
    total = len(qrels) if planned is None else planned
    return Retrieval(name, total, values, shares, dict(milliseconds or {}), interrupted=len(qrels) < total)


def index_dataset(
    dataset: Dataset,
    work: Path,
    settings: Settings,
    *,
    encoder: Encoder | None = None,
    progress: Callable[[Any], None] | None = None,
) -> Index:
    """The collection as articles, indexed by these settings; both are kept, and done again only where they changed.

    Raises:
        InputError: the collection or the folder cannot be used.
    """
    from rag.index.index import Index

    articles = work / dataset.name / "articles"
    try:
        articles.mkdir(parents=True, exist_ok=True)
        for identity, title, text in dataset.documents():
            file = articles / file_name(identity)
            content = f"---\ntitle: {json.dumps(title, ensure_ascii=False)}\n---\n{text}" if title else text
            if not file.exists() or file.read_text(encoding="utf-8") != content:
                file.write_text(content, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{articles} cannot be written: {error.strerror}; name another place with --work"
        ) from error
    shape = provenance.digest([settings.encoder, str(settings.chunk_tokens), str(settings.chunk_overlap)])
    path = work / dataset.name / f"index-{shape[:8]}"
    index = Index.open(path, settings=settings.model_copy(update={"index": path}), encoder=encoder)
    report = index.sync(articles, progress)
    if report.failed:
        raise InputError(f"{report.failed[0].path}: {report.failed[0].error}")
    return index


def document_scores(retriever: Retriever, query: str, depth: int = DEPTH) -> dict[str, float]:
    """Each found document's score, that of its best passage."""
    scores: dict[str, float] = {}
    for hit in retriever.retrieve(query, k=depth):
        for path in (hit.path, *(location.path for location in hit.also_in)):
            scores.setdefault(unquote(path.removesuffix(".txt")), hit.score - _TIE * len(scores))
    return scores


def search(
    queries: Mapping[str, str],
    find: Callable[[str], dict[str, float]],
    folder: RunFolder | None = None,
    *,
    progress: bool = True,
) -> tuple[Ranking, dict[str, float]]:
    """Search for every question; Ctrl-C keeps what is done, and a folder's earlier rankings are not made again.

    Returns:
        the ranking (fewer questions than asked for when interrupted), and the milliseconds each took.
    """
    run: Ranking = {}
    times: dict[str, float] = {}
    file = folder.path / RANKED if folder is not None else None
    if file is not None and file.exists():
        for line in file.read_text(encoding="utf-8").split("\n")[:-1]:
            row = json.loads(line)
            if row["id"] in queries:
                run[row["id"]], times[row["id"]] = row["ranked"], row["ms"]
        file.write_text("".join(_ranked_line(query, run, times) for query in run), encoding="utf-8")
    try:
        with progress_bar(progress) as bar:
            task = bar.add_task("searching", total=len(queries), completed=len(run))
            for query, text in queries.items():
                if query in run:
                    continue
                begun = time.perf_counter()
                run[query] = find(text)
                times[query] = round((time.perf_counter() - begun) * 1000, 3)
                if file is not None:
                    with file.open("a", encoding="utf-8") as written:
                        written.write(_ranked_line(query, run, times))
                bar.update(task, advance=1)
    except KeyboardInterrupt:
        if not times:
            raise
    return {query: run[query] for query in queries if query in times}, times


def _ranked_line(query: str, run: Ranking, times: Mapping[str, float]) -> str:
    return json.dumps({"id": query, "ms": times[query], "ranked": run[query]}, ensure_ascii=False) + "\n"


def to_json(done: Retrieval) -> dict[str, Any]:
    """The numbers, ready for ``json.dumps``."""
    import statistics

    times = sorted(done.milliseconds.values())
    return {
        "name": done.name,
        "planned": done.planned,
        "questions": len(next(iter(done.values.values()), {})),
        "interrupted": done.interrupted,
        "metrics": {
            name: {"value": share.value, "ci95": [share.low, share.high]}
            for name, share in done.shares.items()
        },
        "median_ms": round(statistics.median(times), 2) if times else None,
        "p95_ms": round(times[min(len(times) - 1, int(0.95 * len(times)))], 2) if times else None,
    }


def to_markdown(done: Retrieval, about: Mapping[str, Any]) -> str:
    """The numbers as a page."""
    told = to_json(done)
    machine = about.get("machine") or {}
    lines = [
        f"# {done.name}",
        "",
        f"{told['questions']} questions of {done.planned}, {about.get('started', '')}, "
        f"{machine.get('cores', '?')} cores {machine.get('processor', '')}, seed {about.get('seed')}.",
        "",
        f"`{about.get('command', '')}`",
        "",
        "| measure | mean | 95 % interval |",
        "|---|---|---|",
    ]
    for name, share in done.shares.items():
        lines.append(f"| {name} | {share.value:.4f} | {share.low:.4f}–{share.high:.4f} |")
    if told["median_ms"] is not None:
        lines.append(
            f"| time per question, median / 95th percentile | {told['median_ms']} / {told['p95_ms']} ms | |"
        )
    return "\n".join(lines) + "\n"


def save(done: Retrieval, folder: RunFolder, qrels: Qrels, run: Ranking) -> None:
    """Write the numbers, the ranking and the judgements, the last two as trec_eval reads them."""
    folder.write_json(run_folder.SUMMARY, to_json(done))
    folder.write("summary.md", to_markdown(done, folder.about))
    write_run(folder.path / RUN_FILE, run)
    write_qrels(folder.path / QRELS_FILE, qrels)
    queries: Sequence[str] = list(next(iter(done.values.values()), {}))
    rows = [
        json.dumps({"id": query, **{name: of[query] for name, of in done.values.items()}}, ensure_ascii=False)
        for query in queries
    ]
    folder.write(PER_QUERY, "\n".join(rows) + "\n")
