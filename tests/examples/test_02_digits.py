"""The digit program as its users run it: figures reached, files written, options checked, Ctrl-C obeyed."""

import re
import signal
import struct
import sys
from pathlib import Path

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl
from helpers.digits.mnist import FULL, load_digits
from helpers.digits.report import chance, confusion, mistakes, weights
from programs import help_of, load, refusal_of, run_apart

program = load("02_digits")
PICTURES = ["curves.png", "confusion.png", "weights.png", "mistakes.png"]
draw_pictures = program.report.draw


def draw_nothing(*results):
    return []


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A folder like MNIST's, with 400 pictures to learn from and 100 to be tested on."""
    folder = tmp_path_factory.mktemp("mnist")
    digits = load_digits()
    sets = (digits.train_images[:400], digits.train_labels[:400], digits.test_images[:100], digits.test_labels[:100])
    for name, array in zip(FULL, sets, strict=True):
        data = np.rint(array * 255).reshape(-1, 28, 28) if array.ndim == 2 else array
        header = struct.pack(f">HBB{data.ndim}I", 0, 8, data.ndim, *data.shape)
        (folder / name).write_bytes(header + data.astype(np.uint8).tobytes())
    return folder


@pytest.fixture
def run(small, tmp_path, capsys, monkeypatch):
    """run("--epochs", 2) runs the program on the small set and returns what it printed; drawing takes too long here."""

    def call(*arguments, out="out", draw=False):
        monkeypatch.setattr(program.report, "draw", draw_pictures if draw else draw_nothing)
        program.main(["--data", str(small), "--out", str(tmp_path / out), *map(str, arguments)])
        return capsys.readouterr().out

    return call


def accuracy(output):
    return float(re.search(r"Test accuracy ([\d.]+)%", output)[1])


# --- the figures --------------------------------------------------------------------------------------------


def test_as_a_newcomer_runs_it(tmp_path):
    done = run_apart("02_digits", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert accuracy(done.stdout) >= 91
    lines = done.stdout.splitlines()
    counts = [int(line.split()[-1].replace(",", "")) for line in lines if re.match("  (layer|together)", line)]
    assert counts == [12_560, 272, 170, 13_002]
    folder = tmp_path / "out" / "digits"
    files = ["weights.safetensors", *PICTURES]
    assert sorted(path.name for path in folder.iterdir()) == sorted(files)
    assert lines[-5:] == [str(Path("out/digits") / name) for name in files]
    assert "is from an earlier run" not in done.stdout
    for name in PICTURES:
        assert (folder / name).read_bytes().startswith(b"\x89PNG")


def test_another_seed_reaches_it_too(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(program.report, "draw", draw_nothing)
    program.main(["--seed", "1", "--out", str(tmp_path)])
    assert accuracy(capsys.readouterr().out) >= 91


def test_the_modern_network(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(program.report, "draw", draw_nothing)
    modern = ["--hidden", "128", "--activation", "relu", "--loss", "cross-entropy", "--optimizer", "adam"]
    program.main([*modern, "--epochs", "10", "--seed", "1", "--out", str(tmp_path)])  # a third of the usual epochs
    assert accuracy(capsys.readouterr().out) >= 94.5


# --- options ------------------------------------------------------------------------------------------------


def test_same_seed_same_result_bit_for_bit(run, tmp_path):
    def weights_of(seed, out):
        run("--epochs", 2, "--seed", seed, out=out)
        return (tmp_path / out / "weights.safetensors").read_bytes()

    assert weights_of(5, "a") == weights_of(5, "b")
    assert weights_of(5, "a") != weights_of(6, "c")


def test_the_table_adds_up(run):
    rows = re.findall(r"^\s+(\d|all)\s+(\d+)\s+(\d+)\s+([\d.]+%|-)", run("--epochs", 1), re.MULTILINE)
    assert [row[0] for row in rows] == [*"0123456789", "all"]
    right, of = (sum(int(row[i]) for row in rows[:-1]) for i in (1, 2))
    assert rows[-1] == ("all", str(right), str(of), f"{right / of:.1%}")
    assert of == 100


@pytest.mark.parametrize(
    "options",
    [
        ["--batch-size", "all"],
        ["--batch-size", "1"],
        ["--hidden", "8", "--activation", "tanh", "--optimizer", "momentum"],
        ["--hidden", "--loss", "cross-entropy"],
        ["--hidden", "70", "--activation", "gelu", "--optimizer", "adam", "--lr", "0.01"],
        ["--epochs", "0"],
    ],
    ids=" ".join,
)
def test_options(run, options):
    output = run(*([] if "--epochs" in options else ["--epochs", "1"]), *options)
    assert 0 <= accuracy(output) <= 100


def test_batch_sizes_are_what_they_are_said_to_be(run, monkeypatch):
    steps = []
    step = nn.optim.SGD.step
    monkeypatch.setattr(nn.optim.SGD, "step", lambda self: steps.append(0) or step(self))
    for size, wanted in ((1, 400), (32, 13), ("all", 1)):
        steps.clear()
        run("--epochs", 1, "--batch-size", size)
        assert len(steps) == wanted


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--hidden", "0"], "argument --hidden: '0' is not a whole number from 1 up"),
        (["--hidden", "16,16"], "argument --hidden: '16,16' is not a whole number"),
        (["--lr", "-1"], "argument --lr: '-1' is not a number above 0"),
        (["--lr", "nan"], "argument --lr: 'nan' is not a number"),
        (["--load", "x", "--lr", "1", "--seed", "0"], "--lr, --seed: without effect with --load and without --epochs"),
        (["--load", "x", "--epochs", "0", "--optimizer", "sgd"], "--optimizer: without effect"),
        (["--batch-size", "some"], "argument --batch-size: 'some' is not a whole number from 1 up"),
        (["--epochs", "1.5"], "argument --epochs: '1.5' is not a whole number from 0 up"),
        (["--seed", "-1"], "argument --seed"),
        (["--activation", "step"], "invalid choice: 'step'"),
        (["--loss", "mae"], "invalid choice: 'mae'"),
    ],
)
def test_bad_options_are_explained(options, message, capsys):
    assert message in refusal_of(program, options, capsys)


def test_help_tells_the_options_and_their_defaults(capsys):
    text = help_of(program, capsys)
    for word in ("--hidden", "--batch-size", "(16 16)", "(out/digits)", "784-16-16-10: 13,002"):
        assert word in text


@pytest.mark.parametrize("what", ["--data", "--out", "--load"])
def test_bad_paths_are_explained(what, small, tmp_path):
    (tmp_path / "file").write_text("text")
    arguments = {"--data": str(small), "--out": str(tmp_path / "out"), "--epochs": "1", what: str(tmp_path / "file")}
    with pytest.raises(SystemExit, match=r"02_digits\.py: .*file"):
        program.main([word for pair in arguments.items() for word in pair])


def test_a_learning_rate_that_is_far_too_large_is_explained(run):
    with pytest.raises(SystemExit, match=r"loss became .*smaller learning rate"):
        run("--epochs", 3, "--activation", "relu", "--loss", "cross-entropy", "--lr", 1e30)


def test_a_folder_that_cannot_be_is_named_with_what_to_do(run, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SystemExit, match=r"cannot write to the folder .*deeper: .*; name another with --out"):
        run("--epochs", 1, out="file/deeper")


def test_a_training_that_comes_to_nothing_is_told(run):
    output = run("--epochs", 1, "--lr", 1e30)
    assert re.search(r"The network answers \d whatever the picture is\. The training came to nothing: try", output)
    assert "came to nothing" not in run("--epochs", 0)


def test_answers_no_better_than_one_for_all_are_told():
    labels = np.arange(1000) % 10
    answers = np.eye(10, dtype=np.float32)
    assert chance(labels, answers[labels]) == ""
    assert chance(labels, answers[np.full(1000, 7)]) == "The network answers 7 whatever the picture is."
    shuffled = np.random.default_rng(0).permutation(labels)
    assert "no better than chance: one answer for all pictures is right for up to 10.0%" in chance(
        labels, answers[shuffled]
    )


# --- weights ------------------------------------------------------------------------------------------------


def test_loading_tests_without_training_and_tells_older_pictures(run, tmp_path):
    trained = run("--epochs", 2, "--hidden", 9, "--activation", "tanh", "--loss", "cross-entropy")
    out = tmp_path / "out"
    (out / "curves.png").touch()
    again = run("--load", out / "weights.safetensors", draw=True)
    assert "784-9-10" in again
    assert "Training" not in again
    assert trained[trained.index("  digit") : trained.index("%:")] == again[again.index("  digit") : again.index("%:")]
    assert again.endswith(f"{out / 'curves.png'} is from an earlier run.\n")
    assert sorted(path.name for path in out.glob("*.png") if path.stat().st_size) == sorted(PICTURES[1:])
    assert set(nn.weights.load_file(out / "weights.safetensors")) == set(nn.MLP([784, 9, 10]).state_dict())
    assert nn.weights.load_metadata(out / "weights.safetensors") == {"network": "784-9-10 tanh cross-entropy"}


def test_loading_can_go_on_training(run, tmp_path):
    first = run("--epochs", 3)
    more = run("--load", tmp_path / "out" / "weights.safetensors", "--epochs", 3)
    loss = [float(re.search(r"epoch 1/3   loss ([\d.]+)", output)[1]) for output in (first, more)]
    assert loss[1] < loss[0]


def test_weights_that_do_not_fit_and_damaged_files_are_explained(run, tmp_path):
    run("--epochs", 1)
    file = tmp_path / "out" / "weights.safetensors"
    with pytest.raises(SystemExit, match=r"does not fit: .*\n.*0.weight has shape \(16, 784\), wanted \(20, 784\)"):
        run("--load", file, "--hidden", 20)
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(SystemExit, match="not a safetensors file, or is incomplete"):
        run("--load", file)
    nn.weights.save_file({"a": tl.ones(1)}, file, {"network": f"784-{10**9}-10 sigmoid mse"})
    with pytest.raises(SystemExit, match=r"does not fit: .*\n.*missing: 0.weight"):
        run("--load", file)


# --- Ctrl-C, and fewer packages -----------------------------------------------------------------------------


def press_at(monkeypatch, step, times):
    """Press Ctrl-C during a step, so many times."""
    steps = []
    plain = nn.optim.SGD.step

    def watched(self):
        steps.append(0)
        if len(steps) == step:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)
        plain(self)

    monkeypatch.setattr(nn.optim.SGD, "step", watched)
    return steps


def test_ctrl_c_keeps_what_was_learnt(run, tmp_path, monkeypatch):
    steps = press_at(monkeypatch, 20, times=1)
    output = run("--epochs", 50)
    assert len(steps) == 20
    assert "Ended by Ctrl-C; what was learnt so far is kept." in output
    assert (tmp_path / "out" / "weights.safetensors").exists()
    assert accuracy(output) > 0


def test_ctrl_c_pressed_again_aborts(run, tmp_path, monkeypatch):
    press_at(monkeypatch, 20, times=2)
    with pytest.raises(SystemExit, match="aborted; nothing was saved"):
        run("--epochs", 50)
    assert list((tmp_path / "out").iterdir()) == []


def test_ctrl_c_while_the_pictures_are_drawn_leaves_the_weights(run, tmp_path, monkeypatch):
    def pressed(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "confidences", pressed)
    with pytest.raises(SystemExit, match=r"aborted; the weights are in .*weights.safetensors"):
        run("--epochs", 1)
    assert (tmp_path / "out" / "weights.safetensors").exists()


def test_with_numpy_alone_it_trains_and_says_what_is_missing(run, tmp_path, monkeypatch):
    for package in ("rich", "matplotlib", "safetensors"):
        monkeypatch.setitem(sys.modules, package, None)
    output = run("--epochs", 2)
    assert "Without rich, matplotlib, safetensors" in output
    assert 'pip install ".[examples]"' in output
    assert re.search(r"^ +all +\d+ +100 +\d+\.\d%", output, re.MULTILINE)
    assert list((tmp_path / "out").iterdir()) == []
    with pytest.raises(SystemExit, match="safetensors"):
        run("--load", tmp_path)


# --- pictures -----------------------------------------------------------------------------------------------


def test_pictures_of_odd_results_can_be_drawn(tmp_path):
    images, labels = np.zeros((4, 784), np.float32), np.array([0, 1, 2, 3])
    right = np.eye(10, dtype=np.float32)[labels]
    wrong = np.roll(right, 1, axis=1)
    figures = [
        mistakes(images, labels, right),
        mistakes(images, labels, wrong),
        confusion(np.zeros((10, 10), np.int64)),
        confusion(np.eye(10, dtype=np.int64)),
        weights(np.zeros((1, 784), np.float32)),
        weights(np.ones((100, 784), np.float32)),
    ]
    for number, figure in enumerate(figures):
        figure.savefig(tmp_path / f"{number}.png", dpi=30)
    assert mistakes(images, labels, right)._suptitle.get_text() == "No mistakes"
