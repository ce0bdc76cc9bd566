"""Trained weights become one ONNX file that the runtime reads without torch.

The graph is written out operator by operator, as ONNX Runtime runs it best, so that loading needs no optimiser and the
file holds nothing but what is run. Matrix weights are int8 per output column (activations are quantised on the fly, to
use the CPU's int8 instructions), the word vectors int4 per 32 values; everything small stays float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

    from rag.training.batches import Batch
    from rag.training.model import ReaderNetwork

OPSET, IR_VERSION = 21, 10  # the first that know int4
LAYER_NORM_EPS = 1e-12
STANDS_OUT = 4.0  # channels are evened out where the largest is this many times the median one
SHIFT = 0.7  # how much of a channel's size goes into the weights
ASIDE = 16  # hidden units a layer that stay float32
CONTRIB = "com.microsoft"
BLOCK = 32  # values of a word vector that share a scale
HIGHEST = 7  # int4 codes go from -7 to 7
CLIPPING = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7)  # where a block's codes may end, of its largest value

Array = NDArray[np.float32]


def quantise_columns(weight: Array) -> tuple[NDArray[np.int8], Array]:
    """Int8 codes of ``weight`` (in, out) and one scale per output column."""
    scale = np.maximum(np.abs(weight).max(0), 1e-8).astype(np.float32) / 127
    return np.round(weight / scale).astype(np.int8), scale


def quantise_words(table: Array) -> tuple[NDArray[np.int8], Array]:
    """Int4 codes (words, width) of word vectors, in int8, and their scales (words, width / `BLOCK`).

    A block's codes end where its squared error is least. Vectors that were rounded so before stay exactly as they are.
    """
    blocks = table.reshape(len(table), -1, BLOCK)
    peak = np.maximum(np.abs(blocks).max(-1), 1e-8) / HIGHEST
    best = np.full(peak.shape, np.inf, dtype=np.float32)
    codes, scales = np.zeros(blocks.shape, dtype=np.int8), peak
    for share in CLIPPING:
        scale = (peak * share).astype(np.float16).astype(np.float32)
        scale = np.maximum(scale, np.float32(np.finfo(np.float16).tiny))
        tried = np.clip(np.round(blocks / scale[..., None]), -HIGHEST, HIGHEST)
        error = np.square(tried * scale[..., None] - blocks).sum(-1)
        better = error < best
        best = np.where(better, error, best)
        scales = np.where(better, scale, scales)
        codes = np.where(better[..., None], tried, codes).astype(np.int8)
    return codes.reshape(table.shape), scales.astype(np.float32)


def rounded_words(table: Array) -> Array:
    """What is left of word vectors (words, width) in int4."""
    codes, scales = quantise_words(table)
    rounded: Array = (codes.reshape(len(table), -1, BLOCK) * scales[..., None]).reshape(table.shape)
    return rounded


def channel_peaks(network: ReaderNetwork, batches: Sequence[Batch]) -> dict[str, Array]:
    """The largest magnitude each input channel of each linear layer reaches over ``batches``."""
    import torch
    from torch import nn

    peaks: dict[str, Array] = {}
    hooks = []
    for name, module in network.named_modules():
        if isinstance(module, nn.Linear) and name.startswith("layers."):

            def note(_: nn.Module, inputs: tuple[torch.Tensor, ...], name: str = name) -> None:
                peak = inputs[0].abs().flatten(0, -2).max(0).values.numpy()
                peaks[name] = np.maximum(peaks[name], peak) if name in peaks else peak

            hooks.append(module.register_forward_pre_hook(note))
    with torch.inference_mode():
        for batch in batches:
            network(batch.ids, batch.segments, batch.mask)
    for hook in hooks:
        hook.remove()
    return peaks


def equaliser(peak: Array, weight: Array) -> Array | None:
    """What to divide each input channel by before it is quantised, None where no channel stands out.

    One channel in a few hundred reaches ten times what the others do, and would take all the codes. Its size is moved
    into the weights, most of the way in the geometric sense (SmoothQuant, Xiao et al. 2023).

    Args:
        peak: (in,) from `channel_peaks`.
        weight: (out, in).
    """
    if peak.max() < STANDS_OUT * np.median(peak):
        return None
    columns = np.maximum(np.abs(weight).max(0), 1e-6)
    factor = np.maximum(peak, 1e-4) ** SHIFT / columns ** (1 - SHIFT)
    scaled: Array = (factor / np.median(factor)).astype(np.float32)
    return scaled


class _Graph:
    """Collects nodes and weights under readable names."""

    def __init__(self, quantised: bool, peaks: dict[str, Array]) -> None:
        self.quantised, self.peaks = quantised, peaks
        self.nodes: list[NodeProto] = []
        self.weights: list[TensorProto] = []

    def weight(self, name: str, value: NDArray[np.generic]) -> str:
        from onnx import numpy_helper

        self.weights.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def int4(self, name: str, codes: NDArray[np.int8]) -> str:
        """``codes`` (rows, even width) of -8 to 7, two to a byte."""
        from onnx import TensorProto

        packed = (codes[:, 0::2] & 15) | ((codes[:, 1::2] & 15) << 4)
        data = packed.astype(np.uint8).tobytes()
        self.weights.append(
            TensorProto(name=name, data_type=TensorProto.INT4, dims=codes.shape, raw_data=data)
        )
        return name

    def node(self, kind: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, domain=domain, **attributes))
        return output

    def torch_linear(self, x: str, state: dict[str, Array], name: str) -> str:
        """The linear layer ``name`` of a torch state dict."""
        return self.linear(x, state[f"{name}.weight"], state[f"{name}.bias"], name)

    def linear(self, x: str, weight: Array, bias: Array | None, name: str, even: bool = True) -> str:
        """``x @ weight.T + bias`` for a torch-shaped ``weight`` (out, in); int8 where the graph is quantised."""
        if not self.quantised:
            return self.plain_linear(x, weight, bias, name)
        factor = equaliser(self.peaks[name], weight) if even and name in self.peaks else None
        if factor is not None:
            x = self.node("Mul", [x, self.weight(f"{name}.equaliser", 1 / factor)], f"{name}.equal")
            weight = weight * factor
        codes, scale = quantise_columns(weight.T)
        inputs = [x, self.weight(f"{name}.codes", codes), self.weight(f"{name}.scale", scale)]
        if bias is not None:
            inputs += ["", self.weight(f"{name}.bias", bias)]
        return self.node("DynamicQuantizeMatMul", inputs, name, CONTRIB)

    def plain_linear(self, x: str, weight: Array, bias: Array | None, name: str) -> str:
        """The same in float32."""
        product = f"{name}.product" if bias is not None else name
        self.node("MatMul", [x, self.weight(f"{name}.weight", weight.T)], product)
        return (
            product if bias is None else self.node("Add", [product, self.weight(f"{name}.bias", bias)], name)
        )


def build(
    network: ReaderNetwork, quantised: bool = True, peaks: dict[str, Array] | None = None
) -> ModelProto:
    """The ONNX model of ``network``; ``peaks`` (from `channel_peaks`) make the int8 activations finer.

    Inputs ``ids`` and ``segments`` (int64), both (B, T); outputs ``start``, ``end`` (B, T), ``evidence`` (B,),
    ``support`` (B, 3), ``selection`` (B, T), all float32 logits. There is no mask: rows of one batch must be equally
    long. Reading pairs one by one costs nothing here, allows the faster attention kernel, and makes results
    independent.
    """
    from onnx import TensorProto, checker, helper

    from rag.training.model import HEADS, WIDTH

    state: dict[str, Array] = {
        name: value.detach().float().numpy() for name, value in network.state_dict().items()
    }
    graph = _Graph(quantised, peaks or {})
    node, weight = graph.node, graph.weight

    if quantised:
        codes, scales = quantise_words(state["words.weight"])
        picked = [graph.int4("words.codes", codes), "ids", weight("words.scales", scales.astype(np.float16))]
        block = {"gather_axis": 0, "quantize_axis": 1, "block_size": BLOCK}
        halves = node("GatherBlockQuantized", picked, "words.picked", CONTRIB, **block)
        words = node("Cast", [halves], "words", to=TensorProto.FLOAT)
    else:
        words = node("Gather", [weight("words.table", state["words.weight"]), "ids"], "words")
    segments = node(
        "Gather", [weight("segments.table", state["segments.weight"]), "segments"], "segments.picked"
    )
    shape = node("Shape", ["ids"], "shape")
    length = node("Slice", [shape, weight("one", np.array([1])), weight("two", np.array([2]))], "length")
    positions = node(
        "Slice",
        [weight("positions.table", state["positions.weight"]), weight("zero", np.array([0])), length, "zero"],
        "positions",
    )
    x = node("Add", [node("Add", [words, segments], "words+segments"), positions], "embedded")
    x = node(
        "LayerNormalization",
        [x, weight("norm.weight", state["norm.weight"]), weight("norm.bias", state["norm.bias"])],
        "embedded.norm",
        epsilon=LAYER_NORM_EPS,
    )
    for number in range(len(network.layers)):
        at = f"layers.{number}."
        parts = []
        for place, part in enumerate(("query", "key", "value")):
            rows = slice(place * WIDTH, (place + 1) * WIDTH)
            parts.append(
                graph.linear(x, state[f"{at}qkv.weight"][rows], state[f"{at}qkv.bias"][rows], f"{at}{part}")
            )
        mixed = node("MultiHeadAttention", parts, f"{at}mixed", CONTRIB, num_heads=HEADS)
        x = _add_norm(graph, graph.torch_linear(mixed, state, f"{at}out"), x, state, f"{at}norm1")
        x = _add_norm(graph, _inner(graph, x, state, at), x, state, f"{at}norm2")

    for place, (name, layer) in enumerate((("start", "span"), ("end", "span"), ("selection", "selection"))):
        rows = slice(place % 2, place % 2 + 1)  # the span head holds two rows, the selection head one
        logits = node(
            "MatMul", [x, weight(f"{name}.weight", state[f"{layer}.weight"][rows].T)], f"{name}.column"
        )
        logits = node("Add", [logits, weight(f"{name}.bias", state[f"{layer}.bias"][rows])], f"{name}.all")
        node("Squeeze", [logits, weight(f"{name}.axis", np.array([2]))], name)
    first = node("Gather", [x, weight("first", np.array(0))], "cls", axis=1)
    pooled = node(
        "Gemm",
        [first, weight("pool.weight", state["pool.weight"]), weight("pool.bias", state["pool.bias"])],
        "pooled.raw",
        transB=1,
    )
    pooled = node("Tanh", [pooled], "pooled")
    for name, output in (("evidence", "evidence.column"), ("support", "support")):
        head = [
            pooled,
            weight(f"{name}.weight", state[f"{name}.weight"]),
            weight(f"{name}.bias", state[f"{name}.bias"]),
        ]
        node("Gemm", head, output, transB=1)
    node("Squeeze", ["evidence.column", weight("evidence.axis", np.array([1]))], "evidence")

    pair = ["batch", "length"]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "reader",
            [
                helper.make_tensor_value_info("ids", TensorProto.INT64, pair),
                helper.make_tensor_value_info("segments", TensorProto.INT64, pair),
            ],
            [
                helper.make_tensor_value_info("start", TensorProto.FLOAT, pair),
                helper.make_tensor_value_info("end", TensorProto.FLOAT, pair),
                helper.make_tensor_value_info("evidence", TensorProto.FLOAT, ["batch"]),
                helper.make_tensor_value_info("support", TensorProto.FLOAT, ["batch", 3]),
                helper.make_tensor_value_info("selection", TensorProto.FLOAT, pair),
            ],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)],
        ir_version=IR_VERSION,
        producer_name="rag.training.export",
    )
    checker.check_model(model)
    return model


def _inner(graph: _Graph, x: str, state: dict[str, Array], at: str) -> str:
    """The feed-forward part. A few hidden units reach ten times what the others do and would take all the int8 codes of
    their layer (Dettmers et al. 2022); those few pass beside the others in float32."""
    up, up_bias, down = state[f"{at}up.weight"], state[f"{at}up.bias"], state[f"{at}down.weight"]
    peak = graph.peaks.get(f"{at}down")
    aside = (
        np.sort(np.argsort(-peak)[:ASIDE])
        if graph.quantised and peak is not None
        else np.array([], dtype=int)
    )
    rest = np.setdiff1d(np.arange(len(up)), aside)
    hidden = graph.linear(x, up[rest], up_bias[rest], f"{at}up")
    hidden = graph.node("Gelu", [hidden], f"{at}gelu", CONTRIB)
    out = graph.linear(hidden, down[:, rest], state[f"{at}down.bias"], f"{at}down", even=False)
    if not len(aside):
        return out
    few = graph.plain_linear(x, up[aside], up_bias[aside], f"{at}up.aside")
    few = graph.node("Gelu", [few], f"{at}gelu.aside", CONTRIB)
    few = graph.plain_linear(few, down[:, aside], None, f"{at}down.aside")
    return graph.node("Add", [out, few], f"{at}inner")


def _add_norm(graph: _Graph, x: str, skip: str, state: dict[str, Array], name: str) -> str:
    # Two plain operators: the fused SkipLayerNormalization takes twice their time on a CPU.
    inputs = [
        graph.node("Add", [x, skip], f"{name}.sum"),
        graph.weight(f"{name}.weight", state[f"{name}.weight"]),
        graph.weight(f"{name}.bias", state[f"{name}.bias"]),
    ]
    return graph.node("LayerNormalization", inputs, name, epsilon=LAYER_NORM_EPS)


def export(
    network: ReaderNetwork, file: Path, quantised: bool = True, peaks: dict[str, Array] | None = None
) -> None:
    """Write the ONNX file; beside and then moved into place."""
    data = build(network, quantised, peaks).SerializeToString()
    partial = file.with_suffix(".partial")
    partial.write_bytes(data)
    partial.replace(file)
