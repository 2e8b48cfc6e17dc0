"""`clearprop export`: a model as a file of another library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from clearprop.cli.output import check_destination, console, print_json

# furthest that the runtime's answers may be from the model's
_NEAR = 1e-5


# fmt: off
@click.command("export", short_help="Write a model as ONNX, or for PyTorch.")
@click.argument("model", type=click.Path())
@click.option("--onnx", type=click.Path(), metavar="FILE",
              help="One graph from raw columns to answers, for any ONNX runtime.")
@click.option("--torch", type=click.Path(), metavar="FILE",
              help="A state dict (.safetensors), and beside it the code of its nn.Sequential.")
@click.option("--check", metavar="TABLE",
              help="Run the graph on these rows and hold its answers against the model's.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
def command(model: str, onnx: str | None, torch: str | None, check: str | None,
            as_json: bool) -> None:
    """Write the model of the file MODEL in another library's form.

    ONNX takes everything along: how columns are encoded (text, dates, missing values), the network,
    the units of its answers. It needs onnx: pip install 'clearprop[onnx]'
    """
    # fmt: on
    if not onnx and not torch:
        raise click.UsageError("Say what to write: --onnx FILE, or --torch FILE.")
    if check and not onnx:
        raise click.UsageError("--check runs an ONNX graph. Say where to write it: --onnx FILE.")
    from clearprop.files import load

    said: dict[str, Any] = {"model": model}
    estimator = load(model)
    if onnx:
        said |= _write_onnx(estimator, onnx, model)
    if check:
        said["difference"] = _check(estimator, str(onnx), check)
    if torch:
        said |= _write_torch(estimator, torch, model)
    if as_json:
        print_json(said)
    else:
        _say(said)


def _write_onnx(estimator: Any, path: str, model: str) -> dict[str, Any]:
    from clearprop.interchange import to_onnx

    graph = to_onnx(estimator, check_destination(path, "--onnx", keep=model)).graph
    inputs = [{"name": each.name, "holds": each.doc_string} for each in graph.input]
    return {"onnx": path, "inputs": inputs, "outputs": [each.name for each in graph.output]}


def _write_torch(estimator: Any, path: str, model: str) -> dict[str, Any]:
    from clearprop.interchange import to_torch

    state, code = to_torch(estimator).save(check_destination(path, "--torch", keep=model))
    return {"torch": str(state), "code": str(code)}


def _check(estimator: Any, path: str, name: str) -> float:
    from clearprop.cli.loading import load_table
    from clearprop.errors import EngineError, SettingError
    from clearprop.interchange import check_onnx

    if not hasattr(estimator, "encoder_") and not hasattr(estimator, "encoding_"):
        raise SettingError(
            "--check takes the rows of a table, but this model knows no columns. In Python: "
            "clearprop.check_onnx(model, path, X)."
        )
    difference = check_onnx(estimator, path, load_table(name, model=estimator).frame)
    if difference > _NEAR:
        raise EngineError(
            f"The graph's answers are up to {difference:.2g} from the model's, where {_NEAR:g} is "
            f"what rounding explains. Export the model again, or update onnxruntime."
        )
    return difference


def _say(said: dict[str, Any]) -> None:
    screen = console()
    if "onnx" in said:
        outputs = ", ".join(said["outputs"])
        line = f"Written to {said['onnx']}; it answers with {outputs}, and wants"
        screen.print(line, soft_wrap=True)
        for each in said["inputs"]:
            screen.print(f"  {each['name']}: {each['holds'] or 'numbers'}", soft_wrap=True)
    if "difference" in said:
        screen.print(f"✓ onnxruntime gives the model's answers to {said['difference']:.1g}")
    if "torch" in said:
        screen.print(f"Written to {Path(said['torch'])}, and its code to {said['code']}")
