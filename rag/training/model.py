"""The network that is trained: one MiniLM-shaped encoder over (question or claim, passage) with four heads.

Written out here rather than taken from a library, so that the training graph and the exported ONNX graph are the same
few lines, and so that what a CPU is slow at (attention dropout, a random number for every activation) is left out.
It does not know where examples come from, nor how it is optimised.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - the name every torch user knows
from torch import Tensor, nn

LAYERS = 9  # of the reader; the lower three quarters of the cross-encoder it starts from
WIDTH, HEADS, INNER = 384, 12, 1536
VOCABULARY, POSITIONS, SEGMENTS = 30522, 512, 2
LAYER_NORM_EPS = 1e-12


@dataclass(frozen=True, slots=True)
class Outputs:
    """What one forward pass gives, for B pairs of T tokens.

    Attributes:
        start, end: (B, T) span logits; position 0 (CLS) means "no answer here".
        evidence: (B,) logit that this passage answers this question.
        support: (B, 3) logits for supported, refuted, neither.
        selection: (B, T) logits that the token's sentence is one of those that answer.
    """

    start: Tensor
    end: Tensor
    evidence: Tensor
    support: Tensor
    selection: Tensor


class RowDropout(nn.Module):
    """Dropout with one mask per example and feature, shared by its tokens.

    Drawing a number for every activation costs a tenth of a CPU training step; this costs nothing and regularises as
    well (Gal and Ghahramani 2016).
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Drop features of ``x`` (B, ..., width) while training; the identity otherwise."""
        if not self.training or self.rate == 0:
            return x
        shape = (x.shape[0],) + (1,) * (x.dim() - 2) + (x.shape[-1],)
        keep = torch.rand(shape, device=x.device) >= self.rate
        dropped: Tensor = x * (keep.to(x.dtype) / (1 - self.rate))
        return dropped


class Layer(nn.Module):
    """One post-norm transformer layer, as in BERT."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.norm1 = nn.LayerNorm(WIDTH, eps=LAYER_NORM_EPS)
        self.up = nn.Linear(WIDTH, INNER)
        self.down = nn.Linear(INNER, WIDTH)
        self.norm2 = nn.LayerNorm(WIDTH, eps=LAYER_NORM_EPS)
        self.dropout = RowDropout(dropout)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """``x`` (B, T, width), ``bias`` (B, 1, 1, T) added to the attention scores."""
        batch, length, _ = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        # Written out: on a CPU in bfloat16 the fused kernel's backward pass takes twice as long as these three lines.
        scores = (q * (WIDTH // HEADS) ** -0.5) @ k.transpose(-1, -2) + bias
        mixed = scores.softmax(-1) @ v
        mixed = mixed.transpose(1, 2).reshape(batch, length, WIDTH)
        x = self.norm1(x + self.dropout(self.out(mixed)))
        inner = self.down(F.gelu(self.up(x)))
        hidden: Tensor = self.norm2(x + self.dropout(inner))
        return hidden


class ReaderNetwork(nn.Module):
    """Encoder and heads; `forward` reads pairs, `encode` gives the token states that all heads share."""

    def __init__(self, dropout: float = 0.1, layers: int = LAYERS) -> None:
        super().__init__()
        self.words = nn.Embedding(VOCABULARY, WIDTH)
        self.positions = nn.Embedding(POSITIONS, WIDTH)
        self.segments = nn.Embedding(SEGMENTS, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=LAYER_NORM_EPS)
        self.layers = nn.ModuleList(Layer(dropout) for _ in range(layers))
        self.span = nn.Linear(WIDTH, 2)
        self.pool = nn.Linear(WIDTH, WIDTH)
        self.evidence = nn.Linear(WIDTH, 1)
        self.support = nn.Linear(WIDTH, 3)
        self.selection = nn.Linear(WIDTH, 1)
        self.dropout = RowDropout(dropout)

    def encode(self, ids: Tensor, segments: Tensor, mask: Tensor) -> Tensor:
        """Token states (B, T, width) of ``ids`` (B, T); ``mask`` is 1 for real tokens."""
        places = torch.arange(ids.shape[1], device=ids.device)
        summed = self.words(ids) + self.segments(segments) + self.positions(places)
        x: Tensor = self.dropout(self.norm(summed))
        bias = ((1 - mask.to(x.dtype)) * -30000.0)[:, None, None, :]
        for layer in self.layers:
            x = layer(x, bias)
        return x

    def forward(self, ids: Tensor, segments: Tensor, mask: Tensor) -> Outputs:
        """Read the pairs; all arguments are (B, T). Span logits outside CLS and the passage are not masked here."""
        states = self.encode(ids, segments, mask)
        span = self.span(states).float()
        pooled = self.dropout(torch.tanh(self.pool(states[:, 0])))
        return Outputs(
            start=span[..., 0],
            end=span[..., 1],
            evidence=self.evidence(pooled).float()[:, 0],
            support=self.support(pooled).float(),
            selection=self.selection(states).float()[..., 0],
        )

    def load_bert(self, weights: Mapping[str, Tensor]) -> None:
        """Take the encoder's weights from a BERT-shaped state dict; heads stay as initialised.

        Where the dict holds more layers than this network, the lowest ones are taken.
        """
        take: dict[str, Tensor] = {
            "words.weight": weights["embeddings.word_embeddings.weight"],
            "positions.weight": weights["embeddings.position_embeddings.weight"],
            "segments.weight": weights["embeddings.token_type_embeddings.weight"],
            "norm.weight": weights["embeddings.LayerNorm.weight"],
            "norm.bias": weights["embeddings.LayerNorm.bias"],
        }
        names = {
            "out": "attention.output.dense",
            "norm1": "attention.output.LayerNorm",
            "up": "intermediate.dense",
            "down": "output.dense",
            "norm2": "output.LayerNorm",
        }
        for number in range(len(self.layers)):
            theirs = f"encoder.layer.{number}."
            for kind in ("weight", "bias"):
                parts = [
                    weights[f"{theirs}attention.self.{name}.{kind}"] for name in ("query", "key", "value")
                ]
                take[f"layers.{number}.qkv.{kind}"] = torch.cat(parts)
                for ours, name in names.items():
                    take[f"layers.{number}.{ours}.{kind}"] = weights[f"{theirs}{name}.{kind}"]
        missing, unexpected = self.load_state_dict(take, strict=False)
        if unexpected or any(
            not name.startswith(("span", "pool", "evidence", "support", "selection")) for name in missing
        ):
            raise ValueError(f"weights do not fit: missing {missing}, unexpected {unexpected}")


def mean_pool(states: Tensor, mask: Tensor) -> Tensor:
    """Unit sentence vectors (B, width) from token states, as all-MiniLM-L6-v2 makes them."""
    weight = mask.to(states.dtype)[..., None]
    return F.normalize((states * weight).sum(1) / weight.sum(1), dim=-1)
