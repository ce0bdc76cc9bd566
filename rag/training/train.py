"""The optimisation: a mix that changes half-way, a schedule by steps or by time, checkpoints to go on from.

The network computes in bfloat16 while the optimiser keeps float32 weights; a running average of those is what is
shipped. The base model's word vectors stay as they are: they are half of all weights, and moving them buys little.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.training.batches import NO_TARGET, SEP, Batch, Mixture
from rag.training.encoding import load_tokenizer
from rag.training.examples import read_examples

if TYPE_CHECKING:
    import torch

    from rag.training.model import Outputs, ReaderNetwork

log = logging.getLogger(__name__)

SUPPORT_MIX = {
    "support:fever_devtest": 0.08,
    "support:fever_symmetric": 0.02,
    "support:fm2_devtest": 0.04,
    "support:begin_wow": 0.08,
    "support:wice_part": 0.04,
    "support:cad_snli": 0.03,
    "support:conjnli_dev": 0.01,
    "support:unrelated": 0.02,
    "support:asked": 0.03,
    "support:close": 0.04,
    "support:made": 0.03,
    "support:joined": 0.04,
    "support:words": 0.04,
    "support:roles": 0.02,
    "support:boolq": 0.03,
    "support:lesson": 0.16,
    "support:sides": 0.07,
    "support:cases": 0.12,
    "support:summed": 0.10,
}
READ_FIRST = {
    "wiki": 42, "plain": 12, "mined": 14, "cut": 3, "clipped-": 2, "clipped+": 2, "asked-": 1, "edited": 3,
    "grafted": 2, "adversarial": 2, "selqa+": 2, "selqa-": 2, "boolq+": 1.5, "boolq-": 1.5,
}  # fmt: skip
REFUSE_LATER = {
    "wiki": 22, "worded": 4, "plain": 4, "mined": 18, "cut": 3, "clipped-": 4, "clipped+": 3, "asked-": 1,
    "edited": 3, "grafted": 2, "adversarial": 8, "selqa+": 1.5, "selqa-": 2, "boolq+": 2, "boolq-": 2,
    "lesson+": 13, "lesson-": 18, "told+": 14, "told-": 11, "talk+": 9, "talk-": 5,
}  # fmt: skip
SUPPORT_SHARE = 36.0
# At the end what was written by hand counts for most: there is little of it, and it is most like what is asked.
SUPPORT_MIX_LAST = {
    **{name: share / 2 for name, share in SUPPORT_MIX.items()},
    "support:lesson": 0.18,
    "support:sides": 0.08,
    "support:cases": 0.27,
    "support:summed": 0.16,
}
WRITTEN_LAST = {
    "wiki": 15, "worded": 3, "plain": 3, "mined": 14, "cut": 2, "clipped-": 3, "clipped+": 2, "asked-": 1,
    "edited": 2, "grafted": 1.5, "adversarial": 6, "selqa+": 1, "selqa-": 1.5, "boolq+": 1.5, "boolq-": 1.5,
    "lesson+": 13, "lesson-": 16, "told+": 21, "told-": 14, "talk+": 15, "talk-": 8,
}  # fmt: skip
SUPPORT_SHARE_LAST = 62.0
TURN = 0.25  # where in the run the second mix takes over
LAST_TURN = 0.8
STALL_SECONDS = 20.0  # a step never counts for more: a stopped process does not use up its time


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """What a run is made of; part of every checkpoint, so that a run is never resumed as another."""

    steps: int = 20_000
    minutes: float = 100.0
    learning_rate: float = 1.2e-4
    weight_decay: float = 0.01
    warmup: float = 0.04
    floor: float = 0.02
    average: float = 0.995
    dropout: float = 0.1
    tokens_per_batch: int = 4608
    rows_per_batch: int = 40
    seed: int = 0


def mix(progress: float) -> dict[str, float]:
    """The weights of the groups at ``progress`` (0..1)."""
    questions, claims, share = READ_FIRST, SUPPORT_MIX, SUPPORT_SHARE
    if progress >= LAST_TURN:
        questions, claims, share = WRITTEN_LAST, SUPPORT_MIX_LAST, SUPPORT_SHARE_LAST
    elif progress >= TURN:
        questions = REFUSE_LATER
    return {**questions, **{name: one * share for name, one in claims.items()}}


def learning_rate(progress: float, config: TrainConfig) -> float:
    """Linear warm-up, then linear decay to a small floor."""
    if progress < config.warmup:
        return config.learning_rate * max(progress / config.warmup, 0.01)
    return config.learning_rate * max((1 - progress) / (1 - config.warmup), config.floor)


def losses(outputs: Outputs, batch: Batch) -> dict[str, torch.Tensor]:
    """Each head's loss, summed over the rows that teach it and divided by all rows of the batch."""
    import torch
    import torch.nn.functional as F  # noqa: N812

    rows = batch.ids.shape[0]
    allowed = (batch.segments == 1) & (batch.ids != SEP) & (batch.mask == 1)
    allowed[:, 0] = True
    span = outputs.start.new_zeros(())
    for logits, target in ((outputs.start, batch.start), (outputs.end, batch.end)):
        logits = logits.masked_fill(~allowed, -1e4)
        span = span + F.cross_entropy(logits, target, ignore_index=NO_TARGET, reduction="sum") / 2
    known = ~batch.evidence.isnan()
    evidence = F.binary_cross_entropy_with_logits(
        outputs.evidence[known], batch.evidence[known], reduction="sum"
    )
    judged = batch.support.sum(1) > 0
    log_probability = outputs.support[judged].log_softmax(1)
    right = torch.logsumexp(log_probability.masked_fill(batch.support[judged] == 0, -1e4), 1)
    told = ~batch.answering.isnan()
    selection = F.binary_cross_entropy_with_logits(
        outputs.selection, batch.answering.nan_to_num(), weight=told.float(), reduction="none"
    ).sum(1) / told.sum(1).clamp(min=1)
    return {
        "span": span / rows,
        "evidence": 0.5 * evidence / rows,
        "support": -right.sum() / rows,
        "selection": selection.sum() / rows,
    }


class Trainer:
    """One run: network, optimiser, average, and everything needed to stop and go on.

    Args:
        examples: the file that `prepare` wrote.
        checkpoint: where the run is kept; one that is there is gone on from.
        network: what training starts from (see `rag.training.base`); it is changed.
    """

    def __init__(
        self,
        examples: Path,
        checkpoint: Path,
        config: TrainConfig,
        network: ReaderNetwork,
        device: str = "cpu",
    ) -> None:
        import torch

        torch.manual_seed(config.seed)
        self.config, self.checkpoint, self.device = config, checkpoint, device
        self.mixture = Mixture(read_examples(examples), load_tokenizer(), config.seed)
        self.network = network
        self.network.words.weight.requires_grad_(False)
        self.words = self.network.words.weight.detach().clone()  # kept exact, for the checkpoint
        self.network.to(device)
        self.live = {name: p for name, p in self.network.named_parameters() if p.requires_grad}
        self.master = {name: p.detach().float().clone() for name, p in self.live.items()}
        self.average = {name: p.clone() for name, p in self.master.items()}
        self.network.bfloat16()
        plain = [p for name, p in self.master.items() if "norm" in name or name.endswith("bias")]
        decayed = [p for name, p in self.master.items() if not ("norm" in name or name.endswith("bias"))]
        self.optimiser = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": config.weight_decay},
                {"params": plain, "weight_decay": 0.0},
            ],
            lr=config.learning_rate,
            betas=(0.9, 0.98),
            fused=True,
        )
        self.step, self.seconds = 0, 0.0
        if checkpoint.exists():
            self._restore()

    @property
    def progress(self) -> float:
        """How far the run is, 0..1, by steps or by active time, whichever is further."""
        return min(1.0, max(self.step / self.config.steps, self.seconds / 60 / self.config.minutes))

    def run(self, save_every: float = 180.0) -> None:
        """Train to the end of the schedule; saves between pools of batches."""
        saved = self.seconds
        sums: dict[str, float] = {}
        counted = 0
        while self.progress < 1:
            for batch in self.mixture.pool(
                mix(self.progress), self.config.tokens_per_batch, self.config.rows_per_batch
            ):
                began = time.monotonic()
                for name, value in self._one_step(batch).items():
                    sums[name] = sums.get(name, 0.0) + value
                counted += 1
                self.seconds += min(time.monotonic() - began, STALL_SECONDS)
                if counted == 25:
                    shown = " ".join(f"{name} {value / counted:.3f}" for name, value in sums.items())
                    log.info(
                        "step %d progress %.3f active %.0f s lr %.2e %s",
                        self.step,
                        self.progress,
                        self.seconds,
                        learning_rate(self.progress, self.config),
                        shown,
                    )
                    sums, counted = {}, 0
                if self.progress >= 1:
                    break
            if self.seconds - saved > save_every:
                self.save()
                saved = self.seconds
        self.save()

    def _one_step(self, batch: Batch) -> dict[str, float]:
        import torch

        if self.device != "cpu":
            batch = Batch(*(getattr(batch, name).to(self.device) for name in Batch.__slots__))
        self.network.train()
        parts = losses(self.network(batch.ids, batch.segments, batch.mask), batch)
        total = parts["span"] + parts["evidence"] + parts["support"] + parts["selection"]
        total.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        for name, live in self.live.items():
            self.master[name].grad = None if live.grad is None else live.grad.float()
            live.grad = None
        self.step += 1
        norm = torch.nn.utils.clip_grad_norm_(list(self.master.values()), 1.0)
        if not torch.isfinite(norm):
            log.warning("step %d skipped: gradient norm %s", self.step, float(norm))
            return dict.fromkeys(parts, 0.0)
        rate = learning_rate(self.progress, self.config)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.step()
        with torch.no_grad():
            keep = min(self.config.average, (1 + self.step) / (10 + self.step))
            torch._foreach_lerp_(list(self.average.values()), list(self.master.values()), 1 - keep)
            torch._foreach_copy_(list(self.live.values()), list(self.master.values()))
        return {name: float(value.detach()) for name, value in parts.items()}

    def save(self) -> None:
        """Write the checkpoint; written beside and moved into place, so that it is never half a file."""
        import torch

        partial = self.checkpoint.with_suffix(".partial")
        torch.save(
            {
                "config": asdict(self.config),
                "step": self.step,
                "seconds": self.seconds,
                "master": self.master,
                "average": self.average,
                "words": self.words,
                "optimiser": self.optimiser.state_dict(),
                "mixture": self.mixture.state(),
                "torch_rng": torch.get_rng_state(),
            },
            partial,
        )
        partial.replace(self.checkpoint)
        log.info("saved %s at step %d", self.checkpoint.name, self.step)

    def _restore(self) -> None:
        import torch

        state: Mapping[str, Any] = torch.load(self.checkpoint, map_location=self.device, weights_only=False)
        theirs, ours = dict(state["config"]), asdict(self.config)
        for name in ("steps", "minutes", "average"):  # these may be changed on the way
            theirs.pop(name), ours.pop(name)
        if theirs != ours:
            raise ValueError(
                f"{self.checkpoint} was made with {theirs}, not {ours}; move it away to start anew"
            )
        self.step, self.seconds = state["step"], state["seconds"]
        with torch.no_grad():
            for name in self.master:
                self.master[name].copy_(state["master"][name])
                self.average[name].copy_(state["average"][name])
                self.live[name].copy_(state["master"][name])
        self.optimiser.load_state_dict(state["optimiser"])
        self.mixture.restore(state["mixture"])
        torch.set_rng_state(state["torch_rng"].cpu())
        log.info("going on from step %d", self.step)


def averaged_network(checkpoint: Path) -> ReaderNetwork:
    """The network with the averaged weights of a checkpoint, in float32, ready to evaluate."""
    import torch

    from rag.training.model import ReaderNetwork

    state = torch.load(checkpoint, map_location="cpu", weights_only=False)
    layers = sum(name.endswith("norm2.weight") for name in state["average"])
    network = ReaderNetwork(layers=layers)
    network.load_state_dict({**state["average"], "words.weight": state["words"]})
    return network.eval()
