"""Feed every parser with files and documents that were altered at random.

    python -m benchmarks.fuzz --cases 1000000

A case is a good input with a few changes: bits, bytes, slices, another input's slices in the place
of its own; in documents (JSON) values, keys and whole branches. Model files are sealed again half
of the time, so that not all cases end at the digest. A parser may return, or raise one of
clearprop's own errors. Any other error, a process that dies, a case that takes longer than
`SLOWEST` seconds and one that needs more than `MOST` bytes of memory is a *finding*; its input is
written to --found, from where it goes into tests/files/found.

Case n of a parser follows from --seed and n alone. Each parser runs in a process of its own, which
is how a crash is seen; the case at which it died is the last one that was noted. Python's `random`
makes the cases and not hypothesis, which takes longer for one than most parsers do; hypothesis
searches in the tests.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import copy
import hashlib
import json
import mmap
import os
import random
import resource
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import clearprop
from clearprop import Dense, Network, Parameters
from clearprop.errors import ClearpropError

SLOWEST, MOST = 2.0, 6 * 2**30
SAMPLES = Path(__file__).parents[1] / "tests" / "files" / "samples"
_ODD: list[Any] = [
    None, True, False, 0, -1, 1, 2, 255, 2**31, 2**63, -(2**63), 10**400, 0.5, -0.0, 1e308, 1e-320,
    "", "x", "relu", "x" * 300, "\0", "é\ud800", "$float", [], {}, [[]], [None], {"": 0},
    {"$float": "nan"}, {"$float": "inf"}, {"$x": 1},
]  # fmt: skip
_BYTES = (b"\0", b"\xff", b"\x80", b'"', b"{", b"}", b"[", b",", b"\n", b"1e999", b"NaN", b"-1")


def changed_bytes(data: bytes, chance: random.Random, others: list[bytes]) -> bytes:
    """Return bytes with one to four changes."""
    found = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(found) + 1)
        match chance.randrange(7):
            case 0 if place < len(found):
                found[place] ^= 1 << chance.randrange(8)
            case 1:
                found[place : place + 1] = chance.choice(_BYTES)
            case 2:
                del found[place : place + chance.randint(1, 20)]
            case 3:
                found[place:place] = found[place : place + chance.randint(1, 60)]
            case 4:
                found[place:place] = chance.randbytes(chance.randint(1, 8))
            case 5:
                del found[place:]
            case _:
                other = chance.choice(others)
                begin = chance.randrange(len(other) + 1)
                length = chance.randint(1, 40)
                found[place : place + length] = other[begin : begin + length]
    return bytes(found)


def changed_document(document: Any, chance: random.Random) -> Any:
    """Return a document with one to three changes somewhere in it."""
    holder = {"": copy.deepcopy(document)}
    for _ in range(chance.randint(1, 3)):
        at: Any = holder
        key: Any = ""
        while isinstance(at[key], dict | list) and at[key] and chance.random() < 0.85:
            at = at[key]
            key = chance.choice(list(at)) if isinstance(at, dict) else chance.randrange(len(at))
        match chance.randrange(5):
            case 0 if at is not holder:
                del at[key]
            case 1 if isinstance(at, dict):
                at[str(chance.choice(_ODD))[:20]] = copy.deepcopy(at[key])
            case 2 if isinstance(at, list):
                at.extend(copy.deepcopy(at) * chance.randint(1, 3))
            case 3:
                at[key] = [copy.deepcopy(at[key])] * chance.randint(0, 3)
            case _:
                at[key] = copy.deepcopy(chance.choice(_ODD))
        if holder[""] is None or not isinstance(holder[""], dict | list):
            break
    return holder[""]


@dataclass
class Parser:
    """Something that reads what others wrote.

    Attributes
    ----------
    inputs : list
        Good inputs: bytes, or documents.
    read : callable
        Reads one.
    change : callable, optional
        Alters one; changes bytes, or documents, where absent.
    """

    inputs: list[Any]
    read: Callable[[Any], object]
    change: Callable[[Any, random.Random], Any] | None = None

    def case(self, chance: random.Random) -> Any:
        """Return an altered input."""
        good = chance.choice(self.inputs)
        if self.change:
            return self.change(good, chance)
        if isinstance(good, bytes):
            return changed_bytes(good, chance, self.inputs)
        return changed_document(good, chance)


def models() -> dict[str, bytes]:
    """Return a small model file of every kind."""
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(24, 2)), np.arange(24) % 2
    frame = pl.DataFrame({"a": x[:, 0], "b": ["u", "v", None] * 8, "c": x[:, 1] > 0})
    quick = {"engine": "reference", "random_state": 0}
    network = Network(2, (Dense(2, "leaky_relu(0.2)"), Dense(1)), "huber(1.5)", "float64")
    made = {
        "network": network,
        "parameters": Parameters.initial(network, 0),
        "mlp_classifier": clearprop.MLPClassifier((3,), max_iter=2, **quick).fit(x, y),
        "mlp_regressor": clearprop.MLPRegressor(hidden_layer_sizes=(3,), max_iter=2, **quick).fit(
            x, x[:, 0]
        ),
        "rnn_classifier": clearprop.RNNClassifier(2, max_iter=1, **quick).fit(x[:, None], y),
        "rnn_regressor": clearprop.RNNRegressor(2, window=4, max_iter=1, **quick).fit(x[:, 0]),
        "tabular_classifier": clearprop.TabularClassifier((3,), max_epochs=1, **quick).fit(
            frame, y
        ),
        "tabular_regressor": clearprop.TabularRegressor((3,), max_epochs=1, **quick).fit(
            frame, x[:, 1]
        ),
    }
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, model in made.items():
            found[name] = clearprop.save(model, Path(folder) / name).read_bytes()
        kept = Path(folder) / "kept"
        _run(network).finish([], clearprop.Checkpoints(kept))
        found["checkpoint"] = min(kept.glob("step*")).read_bytes()
    return found


def _run(network: Network) -> Any:
    from clearprop.engines import Block, Recipe
    from clearprop.training import Run, Settings

    x = np.random.default_rng(0).normal(size=(9, 2))
    settings = Settings(Recipe(batch_size=4, epochs=2), "reference")
    return Run(network, Block.of(network, x, x[:, :1]), settings)


def sealed(data: bytes) -> bytes:
    """Return a model file with the digest, and the length of its header, that fit it."""
    try:
        end = 8 + json.JSONDecoder().raw_decode(data[8:].decode("latin-1"))[1]
    except (ValueError, RecursionError):
        return data
    while data[end : end + 1] == b" ":
        end += 1
    head = data.find(b'"sha256":"', 0, end) + len(b'"sha256":"')
    data = (end - 8).to_bytes(8, "little") + data[8:]
    blank = data[:head] + b"0" * 64 + data[head + 64 :]
    digest = hashlib.sha256(blank).hexdigest().encode()
    return data[:head] + digest + data[head + 64 :]


def _table_bytes() -> dict[str, bytes]:
    frame = pl.DataFrame(
        {"a": [1.5, None, -3.0], "b": ["x", 'q"u', ""], "c": [True, False, None], "d": [1, 2, 3]}
    )
    with tempfile.TemporaryDirectory() as folder:
        paths = {kind: Path(folder) / f"t.{kind}" for kind in ("parquet", "arrow", "npz")}
        frame.write_parquet(paths["parquet"])
        frame.write_ipc(paths["arrow"])
        np.savez(paths["npz"], X=np.eye(3), y=np.arange(3))
        found = {kind: path.read_bytes() for kind, path in paths.items()}
    found["csv"] = frame.write_csv().encode()
    found["tsv"] = frame.write_csv(separator="\t").encode()
    found["jsonl"] = frame.write_ndjson().encode()
    found["idx"] = b"\0\0\x08\x03\0\0\0\2\0\0\0\2\0\0\0\2" + bytes(8)
    return found


def parsers(folder: Path, files: dict[str, bytes], tables: dict[str, bytes]) -> dict[str, Parser]:
    """Return every parser by its name; files are written into the folder."""
    from clearprop.estimators.sequence_encoding import encoding_from_document
    from clearprop.files import Checkpoint, from_parts, load, network_from_document
    from clearprop.files.containers import parse_header
    from clearprop.files.documents import decode, encode
    from clearprop.files.trees import join_parts
    from clearprop.functions import activation, loss
    from clearprop.tables import TableEncoder, read_table, target_from_document
    from clearprop.tables.arrays import read_arrays

    good = [*files.values(), *(path.read_bytes() for path in SAMPLES.glob("*.bin"))]
    headers = [data[8 : 8 + int.from_bytes(data[:8], "little")] for data in good]
    texts = [json.loads(raw)["__metadata__"]["document"] for raw in headers]
    documents = [decode(text) for text in texts]
    by_kind = dict(zip(files, documents, strict=False))
    here = folder / "case"

    def on_disk(read: Callable[[Path], object], suffix: str) -> Callable[[bytes], object]:
        path = here.with_suffix(suffix)

        def read_bytes(data: bytes) -> object:
            path.write_bytes(data)
            return read(path)

        return read_bytes

    def file_case(data: bytes, chance: random.Random) -> bytes:
        other = changed_bytes(data, chance, good)
        return sealed(other) if chance.random() < 0.5 else other

    arrays = {}
    for name, data in files.items():
        path = on_disk(lambda path: path, ".clearprop")(data)
        arrays[name] = _arrays_of(path)

    def part_case(name: str, chance: random.Random) -> tuple[Any, dict[str, np.ndarray]]:
        held = dict(arrays[name])
        if held and chance.random() < 0.2:
            key = chance.choice(list(held))
            array = held[key]
            held[key] = chance.choice(
                [array[:0], array.ravel()[:-1], array.astype("i8"), array * np.nan, array[None]]
            )
        return changed_document(by_kind[name], chance), held

    def read_part(case: tuple[Any, dict[str, np.ndarray]]) -> object:
        found = from_parts(join_parts(*case))
        if isinstance(found, Checkpoint):
            run = _run(Network(2, (Dense(2, "leaky_relu(0.2)"), Dense(1)), "huber(1.5)", "float64"))
            run.restore(found.snapshot)
            return run.finish()
        return found

    tabular = by_kind["tabular_classifier"]["document"]
    sequence = by_kind["rnn_classifier"]["document"]
    spoken = [b"leaky_relu(0.2)", b"relu", b"elu(1e3)", b"huber(1.5)", b"mean_squared_error"]
    spelled = lambda read: lambda data: read(data.decode("utf-8", "surrogateescape"))  # noqa: E731
    found = {
        "documents": Parser(
            [text.encode() for text in texts], spelled(lambda text: encode(decode(text)))
        ),
        "headers": Parser(headers, lambda raw: parse_header(raw, 4096)),
        "model files": Parser(good, on_disk(load, ".clearprop"), file_case),
        "model parts": Parser(list(files), read_part, part_case),
        "checkpoints": Parser(["checkpoint"], read_part, part_case),
        "networks": Parser(
            [document["document"] for document in documents if document["kind"] == "network"]
            + [by_kind[name]["children"]["parameters"]["children"]["network"]["document"]
               for name in ("rnn_classifier", "tabular_classifier")],
            network_from_document,
        ),
        "table encodings": Parser([tabular["encoder"]], TableEncoder.from_document),
        "targets": Parser([tabular["target"]], target_from_document),
        "sequence encodings": Parser([sequence["encoding"]], encoding_from_document),
        "names of functions": Parser(spoken, spelled(lambda t: (_tried(activation, t), loss(t)))),
    }  # fmt: skip
    for kind, data in tables.items():
        read = read_arrays if kind in ("npz", "idx") else read_table
        name = ".idx3-ubyte" if kind == "idx" else f".{kind}"
        found[f"tables: {kind}"] = Parser([data], on_disk(read, name))
    return found


def _tried(read: Callable[[str], object], text: str) -> object:
    try:
        return read(text)
    except ClearpropError:
        return None


def _arrays_of(path: Path) -> dict[str, np.ndarray]:
    from clearprop.files.reading import _read_arrays, _read_header, parse_header

    size = path.stat().st_size
    with path.open("rb") as file:
        raw = _read_header(file, size)
        return _read_arrays(file, parse_header(raw, size - 8 - len(raw)))


def run_cases(parser: Parser, name: str, first: int, stop: int, seed: int, note: Any) -> list[Any]:
    """Run cases; return (case, what is wrong, how long it took) of each finding."""
    found = []
    for number in range(first, stop):
        note[:8] = number.to_bytes(8, "little")
        chance = random.Random(f"{seed} {name} {number}")
        case = parser.case(chance)
        began = time.perf_counter()
        try:
            parser.read(copy.deepcopy(case) if not isinstance(case, bytes | str) else case)
            wrong = ""
        except ClearpropError:
            wrong = ""
        except BaseException as error:
            wrong = f"{type(error).__name__}: {str(error)[:200]}"
        seconds = time.perf_counter() - began
        if not wrong and seconds > SLOWEST:
            seconds = _again(parser, case)
        if wrong or seconds > SLOWEST:
            found.append((number, wrong or f"took {seconds:.1f} s", base64.b64encode(_told(case))))
        if len(found) >= 20:
            break
    return found


def _again(parser: Parser, case: Any) -> float:
    """Time a slow case once more: the first may have imported what it needs."""
    began = time.perf_counter()
    with contextlib.suppress(ClearpropError):
        parser.read(copy.deepcopy(case))
    return time.perf_counter() - began


def _told(case: Any) -> bytes:
    return case if isinstance(case, bytes) else repr(case).encode("utf-8", "replace")


def in_child(name: str, cases: int, seed: int, folder: Path) -> tuple[int, list[Any]]:
    """Run the cases of a parser in children; return how many were run, and findings."""
    note = mmap.mmap(-1, 8)
    result = folder / "result.json"
    first, found = 0, []
    while first < cases and len(found) < 20:
        result.unlink(missing_ok=True)

        def work(first: int = first) -> None:
            resource.setrlimit(resource.RLIMIT_AS, (MOST, MOST))
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            parser = parsers(folder, *_corpora(folder))[name]
            wrong = run_cases(parser, name, first, cases, seed, note)
            result.write_text(json.dumps([(n, w, data.decode()) for n, w, data in wrong]))

        status = _in_fork(work)
        last = int.from_bytes(note[:8], "little")
        if result.exists():
            found += json.loads(result.read_text())
        if status:
            found.append((last, f"the process died, {status}", ""))
        first = last + 1
    return min(first, cases), found


def _in_fork(work: Callable[[], None]) -> int:
    """Do something in a forked child; return how that ended.

    This process itself never uses Polars, which would be stuck in a child that is forked later.
    """
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except Exception as error:
            print(f"{type(error).__name__}: {error}", flush=True)
        finally:
            os._exit(code)
    return os.waitpid(pid, 0)[1]


def _keep_corpora(folder: Path) -> None:
    kept = [models(), _table_bytes(), []]
    names = [*parsers(folder, kept[0], kept[1])]
    told = [{k: base64.b64encode(v).decode() for k, v in part.items()} for part in kept[:2]]
    (folder / "corpora.json").write_text(json.dumps([*told, names]))


def _corpora(folder: Path) -> list[dict[str, bytes]]:
    told = json.loads((folder / "corpora.json").read_text())[:2]
    return [{k: base64.b64decode(v) for k, v in part.items()} for part in told]


def main() -> None:
    """Run what the arguments ask for, and print a line for each parser."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--cases", type=int, default=1_000_000, help="of all parsers together")
    asked.add_argument("--minutes", type=float, default=float("inf"), help="stop after so long")
    asked.add_argument("--only", action="append", help="names of parsers")
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--found", type=Path, help="a folder for findings")
    options = asked.parse_args()
    warnings.simplefilter("ignore")
    began, total, wrong = time.perf_counter(), 0, 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if _in_fork(lambda: _keep_corpora(folder)):
            raise SystemExit("the good inputs could not be made")
        names = json.loads((folder / "corpora.json").read_text())[2]
        chosen = [name for name in names if not options.only or name in options.only]
        each = max(1, options.cases // len(chosen))
        for parser_name in chosen:
            start = time.perf_counter()
            if start - began > 60 * options.minutes:
                break
            count, findings = in_child(parser_name, each, options.seed, folder)
            spent = time.perf_counter() - start
            print(f"{parser_name:<20}{count:>9} cases{spent:>8.1f} s{len(findings):>4} findings")
            for number, what, data in findings[:5]:
                print(f"    case {number}: {what}", flush=True)
                if options.found:
                    options.found.mkdir(exist_ok=True)
                    slug = parser_name.replace(" ", "-").replace(":", "")
                    (options.found / f"{slug}-{number}").write_bytes(base64.b64decode(data))
            total, wrong = total + count, wrong + len(findings)
    print(f"{'all':<20}{total:>9} cases{time.perf_counter() - began:>8.1f} s{wrong:>4} findings")


if __name__ == "__main__":
    main()
