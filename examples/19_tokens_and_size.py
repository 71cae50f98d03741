"""Tokens and size: how should a number be written, so that a GPT learns to add?

    python examples/19_tokens_and_size.py
    python examples/19_tokens_and_size.py --real        # the tokens and the blocks of a real language model

The sums of all pairs of numbers below 50, a fifth of them held out. The lecture's tokenizations of "12+30=42":

    characters       1 2 + 3 0 = 4 2                       few tokens to know, long texts
    number tokens    12 + 30 = 42                          each number is one token, "12" has nothing to do with "13"
    byte pairs       pieces that are frequent in the sums  (transformer/tokenizer/bpe.py)
    special tokens   NUM_12 OP_PLUS NUM_30 OP_EQUALS NUM_42

Is the answer the same for smaller models, and with less data? That is the ablation. A number in digits is right if each
digit is. What becomes of the digits and of the whole as networks grow shows whether an ability emerges at once.
"""

from helpers.program import Measured, RealToo, by_chance, start
from helpers.training import loss_of_rows, small_gpt, tokens_and_targets, train
from show import tokens_and_size as show

import numpy as np

import nn
import tinygrad_lecture as tl
from transformer import GPT


def measure(settings: "Settings") -> Measured:
    """Compare the tokenizations, in the largest model and with all data, then in others."""
    n = settings.largest + 1
    draw = np.random.default_rng(settings.seed)
    pairs = np.stack(np.divmod(draw.permutation(n * n), n), axis=1)  # (n * n, 2), in random order
    held_out, learnt = pairs[: n * n // 5], pairs[n * n // 5 :]
    cuts = {"characters": show.characters(), "number tokens": show.numbers(2 * n),
            "byte pairs": show.byte_pairs(learnt), "special tokens": show.special(2 * n)}  # fmt: skip
    m = Measured(cuts=cuts, pairs=n * n, held_out=len(held_out), learnt={})
    m.different = len({encode(cut, learnt)[0].tobytes() for cut in cuts.values()})  # a model sees only ids

    def taught(name: str, width: int, share: float) -> float:
        """The share of sums held out that a GPT gets right."""
        some = learnt[: int(share * n * n)]
        model, loss = learn(cuts[name], some, width, settings)
        m.learnt.setdefault(name, (model.config.parameter_count(), loss, right(model, cuts[name], some[:500])))
        new = right(model, cuts[name], held_out)
        print(f" {new:.0%}", end="", flush=True)
        return new

    # How should a number be written? Then the ablation: smaller models, and less data
    print("Nine GPTs learn to add. Of the sums held out are right:", end="", flush=True)
    most = settings.widths[-1], settings.shares[-1]
    m.by_writing = {name: taught(name, *most) for name in ("characters", "number tokens", "byte pairs")}
    m.by_width, m.by_data = {}, {}
    for name in ("characters", "number tokens"):
        m.by_width[name] = [*(taught(name, width, most[1]) for width in settings.widths[:-1]), m.by_writing[name]]
        m.by_data[name] = [*(taught(name, most[0], share) for share in settings.shares[:-1]), m.by_writing[name]]
    print()
    m.by_chance = by_chance(len(held_out), 0.5)  # how far two of these shares differ by chance, at most

    # "As models scale up, they develop capabilities": 40 inputs, one hidden layer, three digits
    m.grown = {"hidden neurons": {width: adder(width, 8000, settings) for width in (4, 8, 16, 32, 64)},
               "sums to learn from": {n: adder(64, n, settings) for n in (100, 300, 1000, 3000, 8000)}}  # fmt: skip
    m.digits, m.whole = ({what: [row[k] for row in sizes.values()] for what, sizes in m.grown.items()} for k in (0, 1))
    m.digits_leap, m.whole_leap = ({what: max(np.diff(shares)) for what, shares in some.items()}
                                   for some in (m.digits, m.whole))  # fmt: skip
    return m


def learn(cut: show.Cut, pairs: np.ndarray, width: int, settings: "Settings") -> tuple[GPT, float]:
    """A GPT of two blocks that has learnt these sums; and its last loss."""
    tl.manual_seed(settings.seed)
    tokens, targets = encode(cut, pairs)  # (n, longest) each
    model, optimizer, schedule = small_gpt(len(cut.pieces), width, settings.steps)
    loss_of_answers = loss_of_rows(model, tokens, targets, 64, settings.seed)
    return model, train(loss_of_answers, optimizer, settings.steps, schedule, clip=1.0)[-1]


def encode(cut: show.Cut, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tokens and targets: the next token, where it belongs to the answer or ends it: (n, longest) each."""
    questions = [cut.encode(f"{a}+{b}=") for a, b in pairs.tolist()]
    return tokens_and_targets(questions, [[*cut.encode(f"{a + b}"), cut.end] for a, b in pairs.tolist()])


def right(model: GPT, cut: show.Cut, pairs: np.ndarray) -> float:
    """The share of right answers, always the likeliest token."""
    questions = [cut.encode(f"{a}+{b}=") for a, b in pairs.tolist()]
    said = model.generate_batch(questions, max_new_tokens=4, temperature=0, stop=cut.end)
    results = [str(a + b) for a, b in pairs.tolist()]
    return float(np.mean([cut.decode(answer) == result for answer, result in zip(said, results, strict=True)]))


def adder(width: int, n: int, settings: "Settings") -> tuple[float, float]:
    """A network that learns to add two numbers below 100 from n sums.

    Returns the shares of digits, and of whole sums, that are right for 1,000 new sums.
    """
    tl.manual_seed(settings.seed)
    draw, steps = np.random.default_rng(settings.seed), 4 * settings.steps
    a, b = np.divmod(draw.permutation(100 * 100), 100)
    x = np.eye(10, dtype=np.float32)[np.stack([a // 10, a % 10, b // 10, b % 10], axis=1)].reshape(-1, 40)
    y = np.stack([(a + b) // 100, (a + b) // 10 % 10, (a + b) % 10], axis=1)  # (10,000, 3)
    model = nn.MLP([40, width, 30])
    optimizer = nn.optim.Adam(model.parameters(), lr=0.01)

    def loss() -> tl.Tensor:
        rows = 1000 + draw.integers(0, n, 64)
        return nn.functional.cross_entropy(model(tl.tensor(x[rows])).reshape(-1, 10), tl.tensor(y[rows].ravel()))

    train(loss, optimizer, steps, nn.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps))
    with tl.no_grad():
        right = model(tl.tensor(x[:1000])).numpy().reshape(1000, 3, 10).argmax(axis=-1) == y[:1000]  # (1000, 3)
    return right.mean(), right.all(axis=1).mean()


class Settings(RealToo, out="tokens_and_size", ask_real=(show.measure_real, show.real)):
    """What can be set on the command line."""

    largest: int = 49  # number in the sums
    steps: int = 500  # of the optimiser for each model, with 64 sums each
    widths: tuple[int, ...] = (8, 32, 64)  # of the models in the ablation
    shares: tuple[float, ...] = (0.2, 0.8)  # of all pairs to learn from in the ablation


if __name__ == "__main__":
    start(measure, Settings, show.report)
