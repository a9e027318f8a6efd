"""A network leaves: as ONNX, as plain NumPy arrays, or as a run of its own."""

import copy
import math
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch.nn.utils import fuse_linear_bn_eval

from torchbasics.command import runs, settings
from torchbasics.command.errors import UserError
from torchbasics.command.files import misnamed, require_writable, write_named
from torchbasics.data.mnist import SHA256
from torchbasics.evaluation import Evaluation
from torchbasics.mlp import MLP
from torchbasics.mnist import PROGRAM
from torchbasics.mnist.network import Network
from torchbasics.mnist.training import checkpoint
from torchbasics.mnist.training.checkpoint import Checkpoint, CheckpointManager

NAME = "textbook-weights"
WEIGHTS = "sample_weight.pkl"  # the book's file


def require_format(path: str) -> None:
    """Raise UserError unless `write` can make such a file here."""
    if said := misnamed(path, *FORMATS):
        raise UserError(f"--export {path}: {said}")
    if path.endswith(".onnx") and not all(map(find_spec, ("onnx", "onnxscript"))):
        raise UserError(
            f"--export {path} needs two more packages: pip install onnx onnxscript"
        )
    require_writable(Path(path))


def write(network: Network, path: str) -> None:
    """Put the network at `path`, whole or not at all, as its suffix says."""
    write_named(Path(path), FORMATS[Path(path).suffix](network))


def save_run(
    network: Network, evaluation: Evaluation, sha256: str, runs_dir: str
) -> Path:
    """Make a run of the textbook's network, read from a file, and of its score.

    It stands at step 0, so `--resume` trains it further.
    """
    model, config = network
    loss = evaluation.loss if math.isfinite(evaluation.loss) else None
    manifest = runs.new_manifest("mnist", NAME, config.seed)
    manifest["data"] = SHA256 | {WEIGHTS: sha256}
    manifest["finished"] = manifest["started"]
    manifest["figures"] = {"accuracy/test": evaluation.accuracy, "loss/test": loss}
    toml = settings.to_toml(config, PROGRAM)
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    metadata = {"config": config.model_dump(mode="json"), "step": 0, "epoch_hits": 0}
    metadata |= {"threads": torch.get_num_threads(), "torch": str(torch.__version__)}
    folder = runs.create(runs_dir, "mnist", f"{NAME}-s{config.seed}", toml, manifest)
    path = CheckpointManager(folder).path(0)
    try:
        checkpoint.write(path, Checkpoint(tensors, metadata))
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def fused(model: MLP) -> MLP:
    """A copy without batch norm, which by its running means is a weighted sum too."""
    model = copy.deepcopy(model)
    for name, linear in model.linears().items():
        layer = model.get_submodule(name)
        if norm := getattr(layer, "norm", None):
            layer.linear = fuse_linear_bn_eval(linear, norm)
            del layer.norm
    return model


def arrays(model: MLP) -> dict[str, np.ndarray]:
    """The weights W1 (in, out), the biases b1, and so on to the logits'.

    With them h = activation(h W + b) for each hidden layer, then logits = h W + b. A
    batch norm is folded into them.
    """
    found = {}
    for number, linear in enumerate(fused(model).linears().values(), start=1):
        found[f"W{number}"] = linear.weight.detach().T.contiguous().numpy()
        found[f"b{number}"] = linear.bias.detach().numpy()
    return found


def npz(network: Network) -> bytes:
    """The arrays, the activation's name and the pixels' scale: np.load needs no pickle.

    `scale` is `unit` for pixels / 255, `standard` for minus 0.1307, over 0.3081 too.
    """
    model, config = network
    about = {"activation": config.model.activation, "scale": config.data.scale}
    names = {key: np.array(name) for key, name in about.items()}
    file = BytesIO()
    np.savez(file, **arrays(model), **names)  # type: ignore[arg-type] # no bool is there
    return file.getvalue()


def onnx(network: Network) -> bytes:
    """As ONNX: `pixels`, float32 (N, 784) in its scale, -> `logits`, (N, 10)."""
    model, config = network
    exported = torch.onnx.export(
        model, (torch.zeros(2, 784),), input_names=["pixels"], output_names=["logits"],
        dynamic_shapes=({0: torch.export.Dim("batch")},), dynamo=True, verbose=False,
    )  # fmt: skip
    program = cast(torch.onnx.ONNXProgram, exported)
    program.model.metadata_props["scale"] = config.data.scale
    return bytes(program.model_proto.SerializeToString())


FORMATS: dict[str, Callable[[Network], bytes]] = {".onnx": onnx, ".npz": npz}
