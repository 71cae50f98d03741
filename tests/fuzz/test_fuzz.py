"""Random programs, damaged files, long training: the numbers of PyTorch and of differences, or an error by name."""

import gc
import json
import random
import sys
import time
import types
from contextlib import suppress

import numpy as np
import pytest

import judges
import nn
import small_training
import small_transformers
import tinygrad_lecture as tl
from gradchecks import make
from program import OURS, Program, Tally, run, smallest
from transformer import BPETokenizer, CharTokenizer, Tokenizer

# --- random programs ------------------------------------------------------------------------------------------


def failures(judge, generate, seeds):
    """What is wrong with the programs of some seeds: the first differences, made small."""
    tally = run(judge, generate, seeds)
    return "\n\n".join(str(smallest(difference, judge)) for difference in tally.differences[:3])


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore")  # PyTorch's, about what programs rarely do
@pytest.mark.parametrize("first", range(0, 2000, 250))
def test_random_programs_give_the_numbers_of_pytorch_or_an_error(first):
    pytest.importorskip("torch")
    found = failures(judges.against_torch, judges.for_torch, range(first, first + 250))
    assert not found, found


@pytest.mark.parametrize(
    "first", [0, pytest.param(100, marks=pytest.mark.slow), pytest.param(200, marks=pytest.mark.slow)]
)
def test_random_programs_have_the_gradients_that_finite_differences_have(first):
    found = failures(judges.against_differences, judges.for_differences, range(first, first + 100))
    assert not found, found


def test_a_wrong_rule_is_found_and_shown_in_a_small_program(monkeypatch):
    sigmoid = make(lambda x, /: tl.sigmoid(x), x=lambda g, out: g * out * (1 - out) * (1 + 1e-5))
    monkeypatch.setitem(OURS, "lib", types.SimpleNamespace(**{**vars(tl), "sigmoid": sigmoid}))
    program = Program(
        (
            "a1 = lib.tensor([0.3, -1.2], dtype=lib.float64, requires_grad=True)",
            "a2 = lib.tensor(0.7, dtype=lib.float64, requires_grad=True)",
            "v3 = a1 * a2",
            "v4 = v3.sin()",
            "v5 = lib.sigmoid(v4)",
            "v6 = v5.reshape(-1)",
            "v7 = v6 + a2",
            "v0 = v7.sum() + (v4 * v4).sum()",
        )
    )
    found = judges.against_differences(program, Tally())
    assert found.kind == "gradient"
    assert smallest(found, judges.against_differences).program.lines == (
        "a1 = lib.tensor([0.3, -1.2], dtype=lib.float64, requires_grad=True)",
        "v5 = lib.sigmoid(a1)",
        "v0 = v5.sum() + (a1 * a1).sum()",
    )


def test_a_refused_line_is_counted_and_left_out():
    leaf = "a1 = lib.tensor([1.0], dtype=lib.float64, requires_grad=True)"
    program = Program((leaf, "a1 *= 2.0", "v2 = a1 * a1", "v0 = v2.sum()"))
    assert judges.against_differences(program, tally := Tally()) == 1
    assert tally.counts == {"refused by the engine: in-place change of a leaf": 1}
    assert judges.against_differences(program.without(1), Tally()) is None


def test_an_error_that_is_not_documented_is_a_difference():
    found = judges.against_differences(Program(("c1 = lib.tensor([1.0])", "v2 = c1[5]")), Tally())
    assert found.kind == "error"
    assert "PlaceError: x[index]: index 5 is out of bounds" in found.ours


def test_a_program_is_printed_as_a_script_that_runs():
    script = str(Program(("a1 = lib.tensor([1.0])", "v2 = F.gelu(a1)")))
    exec(script, found := {})
    assert found["v2"].shape == (1,)


# --- damaged files --------------------------------------------------------------------------------------------

TEXT = "the cat sat on the mat. the dog sat on the log. " * 3
ABSURD = [
    None, True, -1, 0, 7, 2**63, 10**30, -0.0, 1e308, float("nan"), "", "0", "\ud800", "../secret.safetensors",
    "BF16", [], [[]], {}, [1, -1], [2**40, 2**40], ["a", None],
]  # fmt: skip
NUMBERS = [bytes(8), b"\xff" * 8, (2**31).to_bytes(8, "little")]
BYTES = {  # what may happen to n bytes at a place
    "flip": lambda data, at, n, draw: data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1 :],
    "cut": lambda data, at, n, draw: data[:at],
    "lose": lambda data, at, n, draw: data[:at] + data[at + n :],
    "repeat": lambda data, at, n, draw: data[: at + n] + data[at:],
    "number": lambda data, at, n, draw: data[:at] + draw.choice(NUMBERS) + data[at + 8 :],
    "noise": lambda data, at, n, draw: data[:at] + draw.randbytes(n) + data[at + n :],
}


def damaged_bytes(data, draw):
    """Bytes with one or a few of them changed, lost, repeated or moved; headers are at the beginning."""
    for _ in range(draw.choice([1, 1, 2, 5])):
        at = draw.randrange(min(len(data), draw.choice([64, len(data)])) or 1)
        data = BYTES[draw.choice([*BYTES])](data, at, draw.choice([1, 4, 8, 50]), draw) if data else data
    return data


def places(value):
    """Where the parts of a JSON value are: (the list or dict that holds it, its key)."""
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from places(value[key])


def damaged_json(data, draw):
    """JSON of which a part is replaced, lost, renamed or nested, or whose text is cut, repeated or deep."""
    value = json.loads(data)
    for _ in range(draw.choice([1, 1, 2])):
        holder, key = draw.choice([*places(value)] or [({"x": 0}, "x")])
        how = draw.choice(["replace", "replace", "lose", "rename", "wrap"])
        if how == "rename" and isinstance(holder, dict):
            holder[draw.choice(["x", key.upper()])] = holder.pop(key)
        elif how == "lose":
            del holder[key]
        else:
            holder[key] = draw.choice([[holder[key]], {"x": holder[key]}] if how == "wrap" else ABSURD)
    text = json.dumps(value, ensure_ascii=draw.random() < 0.5)
    deep = text.replace("null", "[" * 100_000 + "]" * 100_000, 1)
    broken = [deep, "\ufeff" + text, text[:-1], text + text, "[" * 100_000, "null", "3", ""]
    return draw.choice([text, text, text, *broken]).encode("utf-8", "surrogatepass")


def damaged_header(data, draw):
    """A safetensors file with another header, whose length is right."""
    size = int.from_bytes(data[:8], "little")
    header = damaged_json(data[8 : 8 + size], draw)
    return len(header).to_bytes(8, "little") + header + data[8 + size :]


TENSORS = {"a": tl.arange(6).float().reshape(2, 3), "b": tl.tensor([True, False]), "c": tl.zeros(0, 3)}


def resumed(folder):
    with suppress(FloatingPointError):  # the state was loaded, and with its weights or rate the run diverges
        small_training.make(folder=folder, epochs=2).fit(resume=True)


def pretrained(make):
    """A model's folder, as Hugging Face has it."""
    files = {"config.json": damaged_json, "model.safetensors": damaged_header}
    return lambda folder: make().save_pretrained(folder), lambda folder: type(make()).from_pretrained(folder), files


def saved(tokenizer):
    """A tokenizer's own file."""
    load = lambda folder: Tokenizer.load(folder / "t.json").decode(range(9))  # noqa: E731
    return lambda folder: tokenizer.save(folder / "t.json"), load, {"t.json": damaged_json}


READERS = {  # what writes valid files, what reads them, and how each file is damaged, besides its bytes
    "safetensors": (
        lambda folder: nn.weights.save_file(TENSORS, folder / "w.safetensors", {"x": "y"}),
        lambda folder: nn.weights.load_file(folder / "w.safetensors"),
        {"w.safetensors": damaged_header},
    ),
    "saved state": (
        lambda folder: small_training.make(folder=folder, epochs=1).fit(),
        resumed,
        {"last.safetensors": damaged_header},
    ),
    "GPT-2's tokenizer": (
        lambda folder: BPETokenizer.train(TEXT, 262, special_tokens=["<|end|>"]).to_files(folder),
        lambda folder: BPETokenizer.from_files(folder).encode(TEXT),
        {"vocab.json": damaged_json, "merges.txt": damaged_bytes},
    ),
    "BPE": saved(BPETokenizer.train(TEXT, 260)),
    "characters": saved(CharTokenizer.train(TEXT)),
    "gpt2": pretrained(small_transformers.small_gpt2),
    **{name: pretrained(small_transformers.PRETRAINED[name]) for name in ("Llama", "BERT", "T5", "BART")},
}


@pytest.mark.filterwarnings("ignore:.* has options that")  # of config.json, which a damaged one may have
@pytest.mark.parametrize("reader", READERS)
def test_a_damaged_file_loads_or_is_refused_by_name(reader, tmp_path):
    """In a sentence that names the file; and no reader takes more than five seconds."""
    make, load, damages = READERS[reader]
    make(tmp_path)
    valid = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for seed in range(50):
        draw = random.Random(seed)
        file = draw.choice(sorted(damages))
        data = draw.choice([damaged_bytes, damages[file]])(valid[file], draw)
        for path in tmp_path.iterdir():
            path.unlink()
        for name, content in {**valid, file: data}.items():
            (tmp_path / name).write_bytes(content)
        said, start, refused = f"{file}, seed {seed}: {data[:300]!r}", time.perf_counter(), None
        try:
            with np.errstate(all="ignore"):
                load(tmp_path)
        except Exception as error:
            refused = error
        assert isinstance(refused, ValueError | OSError | None), said
        named = [path.name for path in (tmp_path, *tmp_path.iterdir()) if path.name in str(refused)]
        assert named or refused is None, f"{said}\n{refused}"
        assert time.perf_counter() - start < 5, said


# --- training does not make the process grow ------------------------------------------------------------------


def train(steps):
    """Steps of a small network that uses what training uses: dropout, clipping, a schedule, views and changes."""
    tl.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.Dropout(0.1), nn.Tanh(), nn.Linear(8, 3))
    optimizer = nn.optim.AdamW(model.parameters(), lr=0.01)
    schedule = nn.optim.lr_scheduler.StepLR(optimizer, 100)
    x, y = tl.randn(16, 4), tl.tensor(np.arange(16) % 3)
    for step in range(steps):
        optimizer.zero_grad()
        h = tl.checkpoint(model, x)
        h[0] *= 2.0
        loss = nn.functional.cross_entropy(h, y) + 0.01 * (model[0].weight[1:] ** 2).sum()
        loss.backward(create_graph=step % 50 == 0)
        with tl.no_grad():
            model[0].bias[0] *= 0.999
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        yield step


def growth(steps, warm_up=100):
    """By how many blocks the memory of Python's objects, arrays among them, grows in so many steps after a warm-up."""
    blocks = []
    for step in train(warm_up + steps):
        if step in (warm_up - 1, warm_up + steps - 1):
            gc.collect()
            blocks.append(sys.getallocatedblocks())
    return blocks[1] - blocks[0]


def test_training_steps_leave_nothing_behind():
    growth(100)  # fills Python's and NumPy's caches
    assert growth(400) < 200  # not even half an object each
