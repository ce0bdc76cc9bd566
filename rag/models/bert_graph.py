"""A BERT encoder as an ONNX graph, written node by node from its weights.

Writing the graph instead of tracing it gives ONNX Runtime the operators it is fastest with from the start
(one attention and one bias-and-GELU per layer). So loading needs no optimisation pass, making it needs no
torch, and the file is the same bytes every time. The arithmetic is the checkpoint's: exact GELU, float32.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_FUSED = "com.microsoft"  # ONNX Runtime's own operators

INPUT_IDS = "input_ids"
LENGTHS = "lengths"
HIDDEN = "last_hidden_state"


def build_bert(weights: Mapping[str, NDArray[np.float32]], heads: int, epsilon: float) -> Any:
    """Build the model.

    Inputs: ``input_ids`` (batch, tokens) int32, padded at the right with anything; ``lengths`` (batch,)
        int32, tokens that count in each row. Output: ``last_hidden_state`` (batch, tokens, d) float32; rows
        past a length are undefined.

    Args:
        weights: a Hugging Face ``BertModel`` state dict.
        heads: attention heads.
        epsilon: of the layer norms.

    Returns:
        an ``onnx.ModelProto``.
    """
    from onnx import TensorProto, helper, numpy_helper

    constants: list[Any] = []
    nodes: list[Any] = []

    def constant(name: str, value: NDArray[np.float32]) -> str:
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value, dtype=np.float32), name))
        return name

    def node(kind: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], domain=domain, **attributes))
        return output

    def add_and_normalise(new: str, bias: str, old: str, norm: str, output: str) -> str:
        # three plain operators: ONNX Runtime's fused SkipLayerNormalization is a tenth of the whole time
        # slower
        total = node("Add", [new, constant(bias, weights[bias])], f"{output}.biased")
        total = node("Add", [total, old], f"{output}.sum")
        scale = constant(f"{norm}.weight", weights[f"{norm}.weight"])
        shift = constant(f"{norm}.bias", weights[f"{norm}.bias"])
        return node("LayerNormalization", [total, scale, shift], output, epsilon=epsilon)

    def project(source: str, dense: str, output: str) -> str:
        return node("MatMul", [source, constant(f"{dense}.weight", weights[f"{dense}.weight"].T)], output)

    # every token is of type 0 here, so that the type's embedding is a constant part of the position's
    positions = (
        weights["embeddings.position_embeddings.weight"]
        + weights["embeddings.token_type_embeddings.weight"][0]
    )
    words = constant("words", weights["embeddings.word_embeddings.weight"])
    norm = "embeddings.LayerNorm"
    state = "embedded"
    nodes.append(
        helper.make_node(
            "EmbedLayerNormalization",
            [
                INPUT_IDS,
                "",
                words,
                constant("positions", positions),
                "",
                constant(f"{norm}.weight", weights[f"{norm}.weight"]),
                constant(f"{norm}.bias", weights[f"{norm}.bias"]),
            ],
            [state, "unused_mask"],
            domain=_FUSED,
            epsilon=epsilon,
        )
    )

    layers = sum(name.endswith("attention.output.dense.weight") for name in weights)
    for layer in range(layers):
        base = f"encoder.layer.{layer}"
        parts = [f"{base}.attention.self.{part}" for part in ("query", "key", "value")]
        qkv = constant(
            f"{base}.qkv.weight", np.concatenate([weights[f"{p}.weight"].T for p in parts], axis=1)
        )
        qkv_bias = constant(f"{base}.qkv.bias", np.concatenate([weights[f"{p}.bias"] for p in parts]))
        mixed = node(
            "Attention", [state, qkv, qkv_bias, LENGTHS], f"{base}.attended", _FUSED, num_heads=heads
        )
        dense = f"{base}.attention.output.dense"
        new = project(mixed, dense, f"{base}.mixed")
        state = add_and_normalise(
            new, f"{dense}.bias", state, f"{base}.attention.output.LayerNorm", f"{base}.middle"
        )

        dense = f"{base}.intermediate.dense"
        wide = project(state, dense, f"{base}.wide")
        bias = constant(f"{dense}.bias", weights[f"{dense}.bias"])
        wide = node("BiasGelu", [wide, bias], f"{base}.activated", _FUSED)
        dense = f"{base}.output.dense"
        new = project(wide, dense, f"{base}.narrow")
        output = HIDDEN if layer == layers - 1 else f"{base}.output"
        state = add_and_normalise(new, f"{dense}.bias", state, f"{base}.output.LayerNorm", output)

    dimension = weights[f"{norm}.bias"].shape[0]
    graph = helper.make_graph(
        nodes,
        "bert",
        [
            helper.make_tensor_value_info(INPUT_IDS, TensorProto.INT32, ["batch", "tokens"]),
            helper.make_tensor_value_info(LENGTHS, TensorProto.INT32, ["batch"]),
        ],
        [helper.make_tensor_value_info(HIDDEN, TensorProto.FLOAT, ["batch", "tokens", dimension])],
        constants,
    )
    return helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(_FUSED, 1)],
        ir_version=8,
    )
