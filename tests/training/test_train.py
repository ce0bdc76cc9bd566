"""Training, export and shipping, on a few examples with the real base weights."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from rag.models.reader import OnnxReader
from rag.training.batches import Mixture, collate
from rag.training.encoding import embed, load_embedder, load_tokenizer
from rag.training.examples import Example, write_examples
from rag.training.export import channel_peaks, export, rounded_words
from rag.training.model import ReaderNetwork
from rag.training.train import TrainConfig, Trainer, learning_rate, losses, mix

CONFIG = TrainConfig(steps=2, tokens_per_batch=400, rows_per_batch=4)


def base(dropout: float = 0.1) -> ReaderNetwork:
    """Real weights, but few of them: the first layers of all-MiniLM-L6-v2."""
    return load_embedder(dropout, layers=3)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Few batches at a time, and one thread: on a busy machine a second one waits more than it works."""
    monkeypatch.setattr("rag.training.batches.POOL", 1)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    made = []
    for n, name in enumerate(("Ann", "Bob", "Cyril", "Dora")):
        text = f"The mill was built by {name} in 18{n}4. It burnt down soon after and nobody built it again."
        start = text.index(name)
        made.append(
            Example("wiki", "Who built the mill?", text, spans=((start, start + len(name)),), evidence=1)
        )
        made.append(Example("mined", "Who bought the castle?", text, no_answer=True, evidence=0))
        made.append(Example("support:made", f"{name} built the mill.", text, support=(0,)))
        made.append(Example("support:asked", "Zoe built the mill.", text, support=(1, 2)))
    return made


@pytest.fixture
def file(examples: list[Example], tmp_path: Path) -> Path:
    write_examples(examples, tmp_path / "examples.jsonl.gz")
    return tmp_path / "examples.jsonl.gz"


def test_schedule_warms_up_and_cools_down() -> None:
    config = TrainConfig()
    rates = [learning_rate(p, config) for p in (0.0, config.warmup, 0.5, 1.0)]
    assert rates[1] == pytest.approx(config.learning_rate)
    assert rates[0] < rates[1] > rates[2] > rates[3] > 0
    assert "talk+" not in mix(0.1) and mix(0.9)["support:cases"] > mix(0.5)["support:cases"]
    assert mix(0.9)["adversarial"] > mix(0.1)["adversarial"]


def test_each_head_learns_only_from_its_rows(examples: list[Example]) -> None:
    mixture = Mixture(examples, load_tokenizer(), 0)
    network = load_embedder()
    for group, heads in (
        ("wiki", {"span", "evidence", "selection"}),
        ("mined", {"span", "evidence", "selection"}),
        ("support:made", {"support"}),
    ):
        batch = collate([mixture.row(e) for e in examples if e.group == group])
        with torch.inference_mode():
            parts = losses(network(batch.ids, batch.segments, batch.mask), batch)
        assert {name for name, value in parts.items() if float(value) > 0} == heads


def test_a_run_that_was_stopped_goes_on_as_if_not(file: Path, tmp_path: Path) -> None:
    def one_pool(trainer: Trainer) -> None:
        for batch in trainer.mixture.pool(mix(0.0), 400, 4):
            trainer._one_step(batch)

    straight = Trainer(file, tmp_path / "straight.pt", CONFIG, base(CONFIG.dropout))
    one_pool(straight)
    straight.save()
    one_pool(straight)
    stopped = Trainer(file, tmp_path / "straight.pt", CONFIG, base(CONFIG.dropout))
    assert 0 < stopped.step < straight.step
    one_pool(stopped)
    assert stopped.step == straight.step
    for name, value in straight.master.items():
        assert torch.equal(value, stopped.master[name]), name


def test_training_lowers_the_loss_and_saves(file: Path, tmp_path: Path) -> None:
    config = TrainConfig(
        steps=8, warmup=0.1, tokens_per_batch=400, rows_per_batch=8, learning_rate=4e-4, dropout=0.0
    )
    trainer = Trainer(file, tmp_path / "checkpoint.pt", config, base(config.dropout))
    before = trainer._one_step(trainer.mixture.pool(mix(0), 400, 8)[0])["span"]
    trainer.run()
    after = trainer._one_step(trainer.mixture.pool(mix(0), 400, 8)[0])["span"]
    assert after < before * 0.9
    again = Trainer(file, tmp_path / "checkpoint.pt", config, base(config.dropout))
    assert again.step == trainer.step - 1
    assert again.progress == 1
    with pytest.raises(ValueError, match="was made with"):
        Trainer(file, tmp_path / "checkpoint.pt", TrainConfig(seed=5), base())


@pytest.mark.parametrize("quantised", [False, True], ids=["float32", "int8"])
def test_the_exported_graph_computes_what_the_network_does(
    examples: list[Example], tmp_path: Path, quantised: bool
) -> None:
    import onnxruntime

    network = load_embedder().eval()
    with torch.no_grad():  # words are trained as they ship
        network.words.weight.copy_(torch.from_numpy(rounded_words(network.words.weight.numpy())))
    mixture = Mixture(examples, load_tokenizer(), 0)
    rows = [mixture.row(e) for e in examples]
    peaks = channel_peaks(network, [collate([row]) for row in rows])
    export(network, tmp_path / "reader.onnx", quantised, peaks)
    session = onnxruntime.InferenceSession(tmp_path / "reader.onnx", providers=["CPUExecutionProvider"])
    for row in random.Random(0).sample(rows, 4):
        batch = collate([row])
        with torch.inference_mode():
            wanted = network(batch.ids, batch.segments, batch.mask)
        given = session.run(None, {"ids": batch.ids.numpy(), "segments": batch.segments.numpy()})
        for ours, theirs in zip(
            given,
            (wanted.start, wanted.end, wanted.evidence, wanted.support, wanted.selection),
            strict=True,
        ):
            error = np.abs(ours - theirs.numpy()).max()
            assert error < (0.2 * float(wanted.start.std()) + 0.05 if quantised else 1e-4)


def test_base_vectors_are_those_of_the_encoder() -> None:
    vectors = embed(["A man is eating food.", "A man eats a meal.", "The stock market fell."])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-2)
    assert vectors[0] @ vectors[1] > 0.8 > 0.3 > vectors[0] @ vectors[2]


def test_shipped_files_are_read_by_the_runtime(file: Path, tmp_path: Path, examples: list[Example]) -> None:
    import gzip
    import json

    from rag.training.ship import ship

    Trainer(file, tmp_path / "checkpoint.pt", CONFIG, base(CONFIG.dropout)).run()
    held = examples * 5 + [
        Example("adversarial", "Who sold it?", e.second, no_answer=True, evidence=0) for e in examples
    ]
    write_examples([e for e in held if not e.support], tmp_path / "held_out.jsonl.gz")
    bench = tmp_path / "data" / "eval" / "attributionbench" / "dev.jsonl.gz"
    bench.parent.mkdir(parents=True)
    with gzip.open(bench, "wt") as out:
        for label in ("supported", "not_supported"):
            out.write(
                json.dumps({"claim": f"It is {label}.", "evidence": ["Ann built it."], "label": label}) + "\n"
            )
    card = ship(
        tmp_path / "checkpoint.pt", tmp_path / "held_out.jsonl.gz", tmp_path / "data", tmp_path / "out"
    )
    reader = OnnxReader(tmp_path / "out")
    assert reader.sha256 == card["sha256"]
    assert 0 <= reader.answerable_above <= 1
    reading = reader.read("Who built the mill?", [examples[0].second])[0]
    assert 0 <= reading.start < reading.end <= len(examples[0].second)
