"""Damaged files: each reader of files from outside loads them, or says in a sentence what is wrong with which file.

    python tests/fuzz/files.py --reader gpt2 --count 1000

A valid file is damaged in its bytes or, if it has JSON in it, in its structure. A seed always does the same damage.
"""

from __future__ import annotations

import argparse
import json
import random
import struct
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import nn
import small_training
import small_transformers
import tinygrad_lecture as tl
from transformer import GPT, BPETokenizer, CharTokenizer, Tokenizer, WordTokenizer

TEXT = "the cat sat on the mat. the dog sat on the log. " * 3
SECONDS = 5.0  # a reader that takes longer hangs
ERRORS = (ValueError, FileNotFoundError, IsADirectoryError, OSError)


# --- damage -------------------------------------------------------------------------------------------------

ABSURD = [
    None, True, False, 0, -1, 1, 2, 7, 10**9, 2**31, 2**63, -(2**63), 10**30,
    0.5, -0.0, 1e308, float("nan"), float("inf"),
    "", "0", "x", "é", "\ud800", "../secret.safetensors", "/etc/passwd", "F32", "BF16",
    [], [[]], {}, {"": None}, [0, 1], [1, -1], [2**40, 2**40], ["a", "b"], [None],
]  # fmt: skip


def damaged_bytes(data: bytes, draw: random.Random) -> bytes:
    """Bytes with one or a few of them changed, lost, repeated or moved."""
    data = bytearray(data)
    for _ in range(draw.choice([1, 1, 2, 5])):
        if not data:
            return b""
        at, size = draw.randrange(len(data)), draw.choice([1, 1, 4, 8, 50])
        if draw.random() < 0.5:
            at = min(at, draw.randrange(64))  # headers are at the beginning
        match draw.choice(["flip", "cut", "lose", "repeat", "zeros", "ones", "number", "noise", "append"]):
            case "flip":
                data[at] ^= 1 << draw.randrange(8)
            case "cut":
                del data[at:]
            case "lose":
                del data[at : at + size]
            case "repeat":
                data[at:at] = data[at : at + size]
            case "zeros":
                data[at : at + size] = bytes(size)
            case "ones":
                data[at : at + size] = b"\xff" * size
            case "number":
                data[at : at + 8] = struct.pack("<Q", draw.choice([0, 1, 2**31, 2**40, 2**63, 2**64 - 1]))
            case "noise":
                data[at : at + size] = draw.randbytes(size)
            case "append":
                data += draw.randbytes(size)
    return bytes(data)


def damaged_json(value: Any, draw: random.Random) -> str:
    """The text of a JSON value, in which a part is replaced, lost, renamed, repeated or nested without end."""
    text = json.dumps(value)
    value = json.loads(text)
    for _ in range(draw.choice([1, 1, 2])):
        places = list(_places(value))
        if not places:
            break
        holder, key = draw.choice(places)
        match draw.choice(["replace", "replace", "replace", "lose", "rename", "swap", "wrap"]):
            case "replace":
                holder[key] = draw.choice(ABSURD)
            case "lose":
                del holder[key]
            case "rename" if isinstance(holder, dict):
                holder[draw.choice(["x", "", key + " ", key.upper()])] = holder.pop(key)
            case "swap":
                other, there = draw.choice(places)
                holder[key], other[there] = other[there], holder[key]
            case "wrap":
                holder[key] = draw.choice([[holder[key]], {"x": holder[key]}])
        try:
            text = json.dumps(value, ensure_ascii=draw.random() < 0.5)
        except ValueError:  # a swap put a part into itself
            return "{}"
    match draw.choice(["", "", "", "twice", "deep", "bom", "other"]):
        case "twice":  # a key that occurs twice
            text = text.replace("{", "{" + text[text.find('"') : text.find(",") + 1] if text.find(",") > 0 else "{", 1)
        case "deep":
            text = text.replace("null", "[" * 100_000 + "]" * 100_000, 1)
        case "bom":
            text = "\ufeff" + text
        case "other":
            text = draw.choice(["null", "[]", "3", '"text"', "", "[" * 100_000, text[:-1], "NaN", text + text])
    return text


def _places(value: Any) -> Iterable[tuple[Any, Any]]:
    """Where the parts of a JSON value are: (the list or dict that holds it, its key)."""
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from _places(value[key])


def damaged_safetensors(data: bytes, draw: random.Random) -> bytes:
    """A safetensors file with another header, whose length is right."""
    size = int.from_bytes(data[:8], "little")
    header = damaged_json(json.loads(data[8 : 8 + size]), draw).encode("utf-8", "surrogatepass")
    return len(header).to_bytes(8, "little") + header + data[8 + size :]


def damaged_state(data: bytes, draw: random.Random) -> bytes:
    """A saved state whose JSON is damaged and whose SHA-256 is right, as another version might write it."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    held = header["__metadata__"]
    before, held["state"] = held["state"], damaged_json(json.loads(held["state"]), draw)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "valid.safetensors"
        path.write_bytes(data)
        tensors = nn.weights.load_file(path)
    try:
        held["sha256"] = nn.training.saved_state._fingerprint(tensors, held["state"])
    except UnicodeEncodeError:
        held["state"] = before
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


Damage = Callable[[bytes, random.Random], bytes]


def _as_json(data: bytes, draw: random.Random) -> bytes:
    return damaged_json(json.loads(data), draw).encode("utf-8", "surrogatepass")


# --- readers ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reader:
    """Something that reads files. make: write valid ones into a folder.  load: read them.

    damages: for each file that may be damaged, what is done to it, beside changing its bytes.
    """

    make: Callable[[Path], Any]
    load: Callable[[Path], Any]
    damages: dict[str, tuple[Damage, ...]]


def _tensors() -> dict[str, tl.Tensor]:
    return {"a": tl.arange(6).float().reshape(2, 3), "b": tl.tensor([True, False]), "c": tl.zeros(0, 3)}


def _bfloat16(folder: Path) -> None:
    header = json.dumps({"w": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [0, 12]}}).encode()
    (folder / "w.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(range(12)))


def _load(folder: Path) -> Any:
    return nn.weights.load_file(folder / "w.safetensors"), nn.weights.load_metadata(folder / "w.safetensors")


def _run(folder: Path) -> None:
    small_training.make(folder=folder, epochs=1).fit()


def _resume(folder: Path) -> None:
    with suppress(FloatingPointError):  # the state was loaded, and with its weights or rate the run diverges
        small_training.make(folder=folder, epochs=2).fit(resume=True)


def _pretrained(make: Callable[[], Any]) -> Reader:
    """A model's folder, as Hugging Face has it."""
    return Reader(
        lambda folder: make().save_pretrained(folder),
        lambda folder: type(make()).from_pretrained(folder),
        {"config.json": (_as_json, _as_json), "model.safetensors": (damaged_safetensors,)},
    )


def _parts(folder: Path) -> None:
    """A GPT-2 folder in two parts, with an index."""
    small_transformers.small_gpt2().save_pretrained(folder)
    small_transformers.split(folder)


READERS = {
    "safetensors": Reader(
        lambda folder: nn.weights.save_file(_tensors(), folder / "w.safetensors", {"x": "y"}),
        _load,
        {"w.safetensors": (damaged_safetensors,)},
    ),
    "bfloat16": Reader(_bfloat16, _load, {"w.safetensors": (damaged_safetensors,)}),
    "saved state": Reader(_run, _resume, {"last.safetensors": (damaged_safetensors, damaged_state, damaged_state)}),
    "best weights": Reader(
        _run,
        lambda folder: small_training.make(folder=folder).load_best(),
        {"best.safetensors": (damaged_safetensors,)},
    ),
    "GPT-2's tokenizer": Reader(
        lambda folder: BPETokenizer.train(TEXT, 262, special_tokens=["<|end|>"]).to_files(folder),
        lambda folder: BPETokenizer.from_files(folder).encode(TEXT),
        {"vocab.json": (_as_json,), "merges.txt": ()},
    ),
    "BPE": Reader(
        lambda folder: BPETokenizer.train(TEXT, 260).save(folder / "t.json"),
        lambda folder: Tokenizer.load(folder / "t.json").decode(range(200)),
        {"t.json": (_as_json, _as_json)},
    ),
    "characters": Reader(
        lambda folder: CharTokenizer.train(TEXT).save(folder / "t.json"),
        lambda folder: Tokenizer.load(folder / "t.json"),
        {"t.json": (_as_json, _as_json)},
    ),
    "words": Reader(
        lambda folder: WordTokenizer.train(TEXT).save(folder / "t.json"),
        lambda folder: Tokenizer.load(folder / "t.json"),
        {"t.json": (_as_json, _as_json)},
    ),
    "gpt2": _pretrained(small_transformers.small_gpt2),
    **{name: _pretrained(small_transformers.PRETRAINED[name]) for name in ("Llama", "BERT", "T5", "BART")},
    "gpt2 in parts": Reader(
        _parts,
        lambda folder: GPT.from_pretrained(folder),
        {
            "model.safetensors.index.json": (_as_json, _as_json),
            "model-00001-of-00002.safetensors": (damaged_safetensors,),
        },
    ),
}


# --- the judge ----------------------------------------------------------------------------------------------


def attack(name: str, seeds: Iterable[int], outcomes: Counter[str] | None = None) -> list[str]:
    """Damage the files of a reader, once for each seed; return what it should not have done."""
    reader, complaints = READERS[name], []
    outcomes = Counter() if outcomes is None else outcomes
    with tempfile.TemporaryDirectory() as made:
        reader.make(Path(made))
        valid = {path.name: path.read_bytes() for path in Path(made).iterdir()}
    for seed in seeds:
        draw = random.Random(seed)
        file = draw.choice(sorted(reader.damages))
        damage = draw.choice([damaged_bytes, *reader.damages[file]])
        data = damage(valid[file], draw)
        with tempfile.TemporaryDirectory() as folder:
            for other, content in {**valid, file: data}.items():
                (Path(folder) / other).write_bytes(content)
            wrong = _judge(reader, Path(folder), outcomes)
        if wrong:
            complaints.append(f"{name}, seed {seed}, {file} damaged by {damage.__name__}: {wrong}\n  {data[:300]!r}")
    return complaints


def _judge(reader: Reader, folder: Path, outcomes: Counter[str]) -> str | None:
    """What is wrong with how a reader takes the files in a folder; None if nothing is."""
    start, wrong = time.perf_counter(), None
    try:
        with np.errstate(all="ignore"):
            reader.load(folder)
        outcomes["loaded"] += 1
    except Exception as error:
        text = str(error)
        if type(error) not in ERRORS:
            place = traceback.extract_tb(error.__traceback__)[-1]
            wrong = f"{type(error).__name__}: {text} ({Path(place.filename).name}:{place.lineno})"
        elif not any(path.name in text for path in (folder, *folder.iterdir())) or " " not in text:
            wrong = f"the message does not name the file: {text}"
        outcomes["refused"] += 1
    seconds = time.perf_counter() - start
    return f"it took {seconds:.0f} s" if seconds > SECONDS else wrong


def main() -> int:
    parser = argparse.ArgumentParser(description="Damage files and read them.")
    parser.add_argument("--reader", action="append", choices=READERS, help="only this one; may be given several times")
    parser.add_argument("--seed", type=int, default=0, help="of the first damage")
    parser.add_argument("--count", type=int, default=1000, help="how many damages for each reader")
    options = parser.parse_args()
    failed = 0
    for name in options.reader or READERS:
        outcomes: Counter[str] = Counter()
        complaints = attack(name, range(options.seed, options.seed + options.count), outcomes)
        failed += len(complaints)
        print(f"{name}: {dict(outcomes)}, {len(complaints)} complaints", *complaints[:10], sep="\n", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[2] / folder) for folder in ("", "examples", "tests/helpers")]
    sys.exit(main())
