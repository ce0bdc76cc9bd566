"""A question set asked of an index from end to end: the engine with its reader watched, the run kept in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import InputError
from rag.evaluation import provenance, run_folder
from rag.evaluation.confidence import RecordingReader
from rag.evaluation.formats import load_questions
from rag.evaluation.metered import Metered, Price
from rag.evaluation.report import to_json, to_markdown
from rag.evaluation.run_folder import RunFolder
from rag.evaluation.runner import Run, run, without_foreign_sources
from rag.evaluation.summary import SEED

if TYPE_CHECKING:
    from rag.evaluation.questions import Split
    from rag.index.index import Index

HTML, MARKDOWN = "report.html", "summary.md"


@dataclass(frozen=True, slots=True)
class Options:
    """What a person may choose of a run; ``folder`` None keeps nothing, ``resume`` continues what is there."""

    split: Split | None = None
    limit: int | None = None
    folder: Path | None = None
    resume: bool = False
    seed: int = SEED
    price: Price | None = None
    progress: bool = True


def evaluate(file: Path, index: Index, options: Options) -> Run:
    """Ask a set (of any known format) of an index, and leave a run's folder with its report.

    Raises:
        InputError: the set, the folder or what is to be resumed cannot be used.
    """
    from rag.answering.engine import AnswerEngine
    from rag.models.reader import load_reader
    from rag.retrieval.retriever import Retriever

    if not file.exists() and options.resume:
        raise InputError(f"{file} does not exist; resume with the question set that the run was started with")
    questions = load_questions(file, options.split)[: options.limit]
    asked = without_foreign_sources(questions, [info.path for info in index.documents()])
    reader = load_reader(index.settings.reader)
    recorder = RecordingReader(reader) if reader is not None else None
    about = provenance.about(
        "answers",
        {
            "file": file.name,
            "split": options.split,
            "count": len(asked),
            "digest": provenance.questions_digest(asked),
        },
        index,
        recorder.fingerprint if recorder is not None else None,
        options.seed,
    )
    folder = None
    if options.folder is not None:
        opened = run_folder.resume if options.resume else run_folder.start
        folder = opened(options.folder, about)
    engine = AnswerEngine(Retriever(index, index.settings, recorder))
    meter = Metered(engine.generator) if engine.generator is not None else None
    if meter is not None:
        engine.generator = meter
    done = run(
        asked,
        engine,
        name=file.name,
        split=options.split,
        folder=folder,
        reader=recorder,
        meter=meter,
        price=options.price,
        progress=options.progress,
        seed=options.seed,
    )
    if folder is not None:
        write_reports(done, folder)
    return done


def write_reports(done: Run, folder: RunFolder) -> None:
    """Write (or renew) the run's numbers, its Markdown page and its HTML page."""
    from rag.evaluation.html_report import render

    folder.write_json(run_folder.SUMMARY, to_json(done))
    folder.write(MARKDOWN, to_markdown(done, folder.about))
    folder.write(HTML, render(done, folder.about))
