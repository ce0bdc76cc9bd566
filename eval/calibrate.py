"""Fits how likely a found sentence answers a question, and where to draw the line.

Writes rag/answering/calibration.json. Sets of questions, none of which sees another's articles:

- *fit*: training questions whose articles the reader never saw (3 held-out articles of SQuAD 2.0's dev set); with
  ``--without-reader`` all of squad2_dev_rest. The corpus searched is every paragraph of squad2_dev_rest and
  squad2_first10, so that wrong passages are what retrieval really hands over. A third of the answerable ones is asked
  again with the answering paragraph taken out of what was found (right names, missing fact), and questions about
  something else altogether are added. They fit the weights.
- *news*: the dev half of eval/questions/news.jsonl, asked over 294 Wikinews articles: news, in people's own words, with
  near misses. They help to fit the weights, and set the line: the highest probability at which at most ``--refused`` of
  the questions whose answer was found are refused.
- *reported*: a sample of the visible half of eval/squad2 over its own corpus; it sets nothing.
- *missing detail*: answerable questions asked again where their paragraph has lost just the phrase that answers
  (``rag.training.clips``): the event is there, its price is not. Over the fit corpus they help to fit the weights of
  the second regression; over eval/squad2 they are reported.
- *off topic*: training questions of another set asked over eval/squad2's corpus, which cannot answer them; reported
  only.

Usage: .venv/bin/python eval/calibrate.py [--data ../shared/data] [--without-reader] [--questions 1500]
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import pickle
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rag.answering import evidence
from rag.answering.gate import Gate
from rag.answering.question import Analysis, analyse
from rag.index.index import Index
from rag.retrieval.rerank import read_hits, rerank
from rag.retrieval.retriever import Retriever
from rag.settings import Settings
from rag.training.clips import clip
from rag.training.examples import normalise
from rag.types import Document, Hit

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "rag" / "answering" / "calibration.json"
PASSAGES = 10
SEED = 7


@dataclass(frozen=True)
class Asked:
    """A question with its gold paragraph's name and answers (none: it cannot be answered)."""

    text: str
    gold: str
    answers: tuple[str, ...]
    removed: bool = False  # the paragraph that answers it is taken out of what was found


@dataclass(frozen=True)
class Row:
    """One question's sentences, not weighed yet, and which of them hold the answer."""

    question: str
    analysis: Analysis
    sentences: list[evidence.Evidence]
    right: np.ndarray  # (sentences,) bool
    answerable: bool

    @property
    def features(self) -> np.ndarray:
        """(sentences, features)"""
        return np.array([item.features for item in self.sentences])


def read_lines(file: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def index_of(folder: Path, paragraphs: dict[str, tuple[str, str]]) -> Index:
    """A real index over paragraphs {name: (title, text)}, one file each with its title as front matter."""
    articles = folder / "articles"
    articles.mkdir(parents=True, exist_ok=True)
    for name, (title, text) in paragraphs.items():
        file = articles / f"{name}.txt"
        if not file.exists():
            file.write_text(f"---\ntitle: {title}\n---\n{text}\n", encoding="utf-8")
    index = Index.open(folder / "index", settings=Settings(index=folder / "index"))
    report = index.sync(articles)
    print(f"{report.documents} paragraphs, {report.chunks} chunks, {report.seconds:.0f} s", file=sys.stderr)
    return index


def rows(index: Index, asked: list[Asked], reader: Any, cache: Path) -> list[Row]:
    """Ask each question of the index as the engine would, and keep the features of what passes the gate.

    ``cache`` keeps the result under all it depends on but the code, so that a fit can be tried again quickly.
    """
    key = hashlib.sha256(
        "\n".join(
            [
                index.status().fingerprint,
                getattr(reader, "fingerprint", "none"),
                index.path.parent.name,
                *(item.text for item in asked),
            ]
        ).encode()
    ).hexdigest()[:16]
    file = cache / f"rows-{key}.pickle"
    if not file.exists():
        found = list(_rows(index, asked, reader))
        file.write_bytes(pickle.dumps(found))
    return pickle.loads(file.read_bytes())  # written by this script only


def _rows(index: Index, asked: list[Asked], reader: Any) -> Iterator[Row]:
    retriever = Retriever(index)
    started = time.time()
    for number, question in enumerate(asked, 1):
        hits = retriever.retrieve_with_vector(question.text, k=PASSAGES)[0]
        if question.removed:
            hits = [
                hit
                for hit in retriever.retrieve_with_vector(question.text, k=2 * PASSAGES)[0]
                if not _tells(question, hit)
            ]
            hits = [replace(hit, rank=rank) for rank, hit in enumerate(hits[:PASSAGES], 1)]
        yield row(index, question, hits, reader)
        if number % 200 == 0:
            print(
                f"  {number}/{len(asked)}  {(time.time() - started) / number * 1000:.0f} ms each",
                file=sys.stderr,
            )


def _tells(question: Asked, hit: Hit) -> bool:
    return Path(hit.path).stem == question.gold or any(
        answer.casefold() in hit.text.casefold() for answer in question.answers
    )


def missing_facts(asked: list[Asked]) -> list[Asked]:
    """Answerable questions without the paragraph that answers them: the right names, a fact that is not there."""
    return [replace(question, removed=True) for question in asked if question.answers]


def clipped(
    paragraphs: dict[str, tuple[str, str]], asked: list[Asked]
) -> tuple[dict[str, tuple[str, str]], list[Asked]]:
    """The paragraphs, each less the phrase that answers one of its questions, and those questions."""
    changed = dict(paragraphs)
    lost = []
    for question in asked:
        if not question.answers or changed[question.gold] is not paragraphs[question.gold]:
            continue
        title, text = paragraphs[question.gold]
        answer = min(question.answers, key=len)
        start = text.find(answer)
        gone = clip(text, start, start + len(answer)) if start >= 0 else None
        if gone is None:
            continue
        left = normalise(text[: gone[0]] + text[gone[1] :])
        if not any(normalise(other).strip() and normalise(other) in left for other in question.answers):
            changed[question.gold] = (title, text[: gone[0]] + text[gone[1] :])
            lost.append(replace(question, answers=()))
    return changed, lost


def clipped_index(whole: Path, folder: Path, paragraphs: dict[str, tuple[str, str]]) -> Index:
    """A copy of an index and its articles, with other paragraphs; only what differs is embedded."""
    if not folder.exists():
        shutil.copytree(whole, folder)
        for name, (title, text) in paragraphs.items():
            file = folder / "articles" / f"{name}.txt"
            wanted = f"---\ntitle: {title}\n---\n{text}\n"
            if file.read_text("utf-8") != wanted:
                file.write_text(wanted, encoding="utf-8")
    return index_of(folder, paragraphs)


def row(index: Index, question: Asked, hits: list[Hit], reader: Any) -> Row:
    documents: dict[str, Document] = {}

    def document_of(path: str) -> Document:
        if path not in documents:
            documents[path] = index.document(path)
        return documents[path]

    readings = None
    if reader is not None:
        hits, readings = rerank(hits, read_hits(reader, question.text, hits))
    material = evidence.Material(hits)
    analysis = material.corrected(analyse(question.text, material.names))
    gate = Gate(analysis, document_of)
    names = evidence.FEATURES if readings is None else evidence.READER_FEATURES
    nothing = evidence.Regression((0.0,) * len(names), 0.0)
    found = evidence.weigh(
        analysis,
        material,
        readings,
        lambda position: gate.passes(hits[position], material.passages[position]),
        evidence.Calibration(nothing, nothing, 0.0),
    )
    right = [
        Path(item.hit.path).stem == question.gold
        and any(answer.casefold() in item.sentence.text.casefold() for answer in question.answers)
        for item in found
    ]
    answerable = bool(question.answers) and not question.removed
    return Row(question.text, analysis, found, np.array(right, dtype=bool), answerable)


def training_sets(data: Path, held_out_only: bool) -> tuple[dict[str, tuple[str, str]], list[Asked]]:
    paragraphs: dict[str, tuple[str, str]] = {}
    names: dict[str, str] = {}
    asked = []
    held_out: set[str] | None = None
    if held_out_only:
        from rag.training.examples import held_out_titles

        held_out = held_out_titles(data)
    for file in ("squad2_dev_rest", "squad2_first10"):
        for line in read_lines(data / "train" / "qa" / f"{file}.jsonl.gz"):
            name = names.setdefault(line["context"], f"p{len(names):05d}")
            paragraphs[name] = (line["title"], line["context"])
            if file == "squad2_dev_rest" and (held_out is None or line["title"] in held_out):
                answers = tuple(dict.fromkeys(answer["text"] for answer in line["answers"]))
                asked.append(Asked(line["question"], name, () if line["is_impossible"] else answers))
    return paragraphs, asked


def news(data: Path) -> tuple[dict[str, tuple[str, str]], list[Asked]]:
    """Wikinews articles and the dev half of the questions written about some of them."""
    articles = {
        line["_id"]: (line["title"], line["text"])
        for line in read_lines(data / "articles" / "wikinews.jsonl.gz")
    }
    lines = (ROOT / "eval" / "questions" / "news.jsonl").read_text("utf-8").splitlines()
    asked = [
        Asked(
            line["question"],
            Path(line["sources"][0]).stem if line["answerable"] else "",
            tuple(wording for fact in line.get("expected", ()) for wording in fact),
        )
        for line in map(json.loads, lines)
        if line["split"] == "dev"
    ]
    return articles, asked


def visible_half(data: Path) -> tuple[dict[str, tuple[str, str]], list[Asked]]:
    paragraphs = {
        line["_id"].replace("/", "_"): (line["title"], line["text"])
        for line in read_lines(data / "eval" / "squad2" / "corpus.jsonl.gz")
    }
    asked = [
        Asked(
            line["text"],
            line["context_id"].replace("/", "_"),
            tuple(line["answers"]) if line["type"] == "answerable" else (),
        )
        for line in read_lines(data / "eval" / "squad2" / "queries.jsonl.gz")
    ]
    return paragraphs, asked


def strangers(data: Path, name: str, shuffle: random.Random) -> list[Asked]:
    """Answerable questions of another training set, which the corpus searched cannot answer."""
    asked = [
        Asked(line["question"], "", ())
        for line in read_lines(data / "train" / "qa" / f"{name}.jsonl.gz")
        if not line["is_impossible"]
    ]
    shuffle.shuffle(asked)
    return asked


def fit(features: np.ndarray, right: np.ndarray, strength: float = 1.0) -> evidence.Regression:
    """A logistic regression whose weights apply to the features as they are (it is fitted on scaled ones)."""
    from sklearn.linear_model import LogisticRegression

    scale = features.std(axis=0) + 1e-9
    model = LogisticRegression(C=strength, max_iter=5000)
    model.fit(features / scale, right)
    return evidence.Regression(tuple(model.coef_[0] / scale), float(model.intercept_[0]))


@dataclass(frozen=True)
class Judged:
    """What the two regressions make of a set of questions; one entry a question."""

    probability: np.ndarray  # P(answered); 0 when nothing passed the gate
    right: np.ndarray  # the best sentence holds the answer
    answerable: np.ndarray
    found: np.ndarray  # answerable, and some sentence at hand holds the answer
    features: np.ndarray  # question_features, zeros when nothing passed the gate


def judge(asked: list[Row], sentence: evidence.Regression, question: evidence.Regression | None) -> Judged:
    probability, right, features = [], [], []
    for item in asked:
        if not item.sentences:
            probability.append(0.0)
            right.append(False)
            features.append(None)
            continue
        chances = [sentence.probability(found.features) for found in item.sentences]
        order = np.argsort(chances, kind="stable")[::-1]
        weighed = [replace(item.sentences[place], probability=chances[place]) for place in order]
        row = evidence.question_features(weighed)
        features.append(row)
        probability.append(question.probability(row) if question else chances[order[0]])
        right.append(bool(item.right[order[0]]))
    answerable = np.array([item.answerable for item in asked])
    found = answerable & np.array([bool(item.right.any()) for item in asked])
    nothing = (0.0,) * len(next(row for row in features if row is not None))
    return Judged(
        np.array(probability),
        np.array(right),
        answerable,
        found,
        np.array([row if row is not None else nothing for row in features]),
    )


def auc(positive: np.ndarray, negative: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score

    labels = np.r_[np.ones(len(positive)), np.zeros(len(negative))]
    return round(float(roc_auc_score(labels, np.r_[positive, negative])), 4)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--without-reader", action="store_true")
    parser.add_argument("--questions", type=int, default=1500, help="at most this many of each set")
    parser.add_argument(
        "--refused", type=float, default=0.02, help="share of found answers the line may refuse"
    )
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "rag-calibrate")
    parser.add_argument("--dry", action="store_true", help="print, do not write the file")
    arguments = parser.parse_args()
    reader = None
    if not arguments.without_reader:
        from rag.models.reader import load_reader

        reader = load_reader("auto")
    names = evidence.READER_FEATURES if reader is not None else evidence.FEATURES
    shuffle = random.Random(SEED)

    news_articles, news_asked = news(arguments.data)
    paragraphs, asked = training_sets(arguments.data, held_out_only=reader is not None)
    shuffle.shuffle(asked)
    others = strangers(arguments.data, "squadshifts_wiki", shuffle)
    with index_of(arguments.cache / "train", paragraphs) as index:
        fitting = rows(index, asked[: arguments.questions], reader, arguments.cache)
        unrelated = rows(index, others[: arguments.questions // 8], reader, arguments.cache)
        lacking = missing_facts(asked[: arguments.questions])
        lacking = rows(index, lacking[: arguments.questions // 3], reader, arguments.cache)
    paragraphs, lost = clipped(paragraphs, asked)
    with clipped_index(arguments.cache / "train", arguments.cache / "train-clipped", paragraphs) as index:
        without_detail = rows(index, lost[: arguments.questions // 3], reader, arguments.cache)
    with index_of(arguments.cache / "news", news_articles) as index:
        of_news = rows(index, news_asked, reader, arguments.cache)
    judged_by_sentence = [item for item in fitting + of_news if item.sentences]
    sentence = fit(
        np.concatenate([item.features for item in judged_by_sentence]),
        np.concatenate([item.right for item in judged_by_sentence]),
    )
    everything = fitting + unrelated + lacking + without_detail + of_news
    known = judge(everything, sentence, None)
    passed = np.array([bool(item.sentences) for item in everything])
    question = fit(known.features[passed], known.answerable[passed], strength=0.003)

    paragraphs, asked = visible_half(arguments.data)
    shuffle.shuffle(asked)
    off_topic = strangers(arguments.data, "tydiqa_en", shuffle)
    with index_of(arguments.cache / "squad2", paragraphs) as index:
        judged = judge(rows(index, asked[: arguments.questions], reader, arguments.cache), sentence, question)
        lack = missing_facts(asked)[: arguments.questions // 4]
        lack_judged = judge(rows(index, lack, reader, arguments.cache), sentence, question)
        strange = judge(
            rows(index, off_topic[: arguments.questions // 5], reader, arguments.cache),
            sentence,
            question,
        )

    paragraphs, lost = clipped(paragraphs, asked)
    with clipped_index(arguments.cache / "squad2", arguments.cache / "squad2-clipped", paragraphs) as index:
        lost_judged = judge(
            rows(index, lost[: arguments.questions // 3], reader, arguments.cache), sentence, question
        )

    news_judged = judge(of_news, sentence, question)
    threshold = float(np.quantile(news_judged.probability[news_judged.found], arguments.refused))
    shown = judged.probability >= threshold
    answerable = judged.answerable
    result = {
        "sentence": as_json(sentence, names),
        "question": as_json(question, evidence.question_feature_names(names)),
        "threshold": round(threshold, 4),
        "measured": {
            "fitted_on": f"{len(fitting)} questions of squad2_dev_rest"
            + (" (articles the reader never saw)" if reader is not None else "")
            + f", {len(lacking)} of them again without the answering paragraph, {len(without_detail)} without the "
            f"answering phrase, {len(unrelated)} of squadshifts_wiki, "
            f"{len(of_news)} of eval/questions/news.jsonl, dev half",
            "threshold_on": f"{len(of_news)} questions of eval/questions/news.jsonl, dev half",
            "reported_on": f"{len(answerable)} questions of eval/squad2, visible half",
            "news_answerable_refused": share((news_judged.probability < threshold)[news_judged.answerable]),
            "news_unanswerable_refused": share(
                (news_judged.probability < threshold)[~news_judged.answerable]
            ),
            "reader": getattr(reader, "fingerprint", None),
            "answerable_refused": share((~shown)[answerable]),
            "found_refused": share((~shown)[judged.found]),
            "unanswerable_refused": share((~shown)[~answerable]),
            "missing_fact_refused": share(lack_judged.probability < threshold),
            "missing_detail_refused": share(lost_judged.probability < threshold),
            "off_topic_refused": share(strange.probability < threshold),
            "refusal_precision": share((~answerable)[~shown]),
            "sentence_right_when_answered": share(judged.right[shown & answerable]),
            "sentence_right_at_1": share(judged.right[answerable]),
            "auc_unanswerable": auc(judged.probability[answerable], judged.probability[~answerable]),
            "auc_missing_fact": auc(judged.probability[answerable], lack_judged.probability),
            "auc_missing_detail": auc(judged.probability[answerable], lost_judged.probability),
            "auc_off_topic": auc(judged.probability[answerable], strange.probability),
        },
    }
    print(json.dumps(result, indent=2))
    if not arguments.dry:
        whole = json.loads(TARGET.read_text("utf-8"))
        whole["without_reader" if reader is None else "with_reader"] = result
        TARGET.write_text(json.dumps(whole, indent=2) + "\n", "utf-8")


def as_json(regression: evidence.Regression, names: tuple[str, ...]) -> dict[str, Any]:
    return {
        "weights": {
            name: round(float(weight), 4) for name, weight in zip(names, regression.weights, strict=True)
        },
        "bias": round(regression.bias, 4),
    }


def share(of: np.ndarray) -> float:
    return round(float(of.mean()), 4)


if __name__ == "__main__":
    main()
