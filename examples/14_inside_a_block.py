"""Inside a block: why the feed-forward network must bend, what each part may mix, and how heads become one vector.

    python examples/14_inside_a_block.py
    python examples/14_inside_a_block.py --heads 4
    python examples/14_inside_a_block.py --real         # what the parts of a real model's blocks add to "bank"

A transformer repeats one block, 96 times in GPT-3: attention, then the feed-forward network (FFN).

    x = x + attention(x)        tokens share information: softmax(Q K^T / sqrt(d)) V
    x = x + FFN(x)              each token on its own: W_down gelu(W_up x + b_up) + b_down

Nothing is learnt here. The matrices are random, because what is shown holds for all matrices.
"""

from helpers.program import Measured, RealToo, start
from show import inside_a_block as show

import numpy as np

import tinygrad_lecture as tl
from transformer import Block, FeedForward, GPTConfig, MultiHeadAttention, causal_mask, scaled_dot_product_attention

TOKENS = ["Was", "the", "bank", "flooded", "?"]
HEAD_DIM = 96  # numbers that each head returns for a token, in the lecture's example


def measure(settings: "Settings") -> Measured:
    """Who changes whom; from linear layers to a whole block; and the numbers of GPT-3."""
    heads, width = settings.heads, settings.heads * HEAD_DIM  # 8 x 96 = 768
    m = Measured(tokens=TOKENS, i=TOKENS.index("bank"), config=GPTConfig.gpt3())
    x = tl.randn(len(TOKENS), width)  # (tokens, width): a vector for each token of the lecture's question
    with tl.no_grad():
        m.sizes = changed_rows(x, heads, m.i)
        linear_layers(m, x)
        attention_in_v_and_in_x(m, x)
        feed_forward(m, x)
        heads_to_one_vector(m, x, heads)
        blocks(m, x, heads)
    m.elsewhere = m.sizes["FFN"].sum() - m.sizes["FFN"][m.i]  # what the FFN changes in other rows
    m.all_heads, m.weights = m.config.layers * m.config.heads, m.config.weight_count()
    return m


def changed_rows(x: tl.Tensor, heads: int, i: int) -> dict[str, np.ndarray]:
    """ "The FFN processes each token independently": change token i, and see in which rows the output changes."""
    width = x.shape[-1]
    ffn, attention = FeedForward(width, 4 * width), MultiHeadAttention(width, heads)
    block = Block(GPTConfig(width=width, heads=heads))
    causal = causal_mask(len(TOKENS), len(TOKENS))  # a token sees itself and those before it
    parts = {"FFN": ffn, "attention": attention, "causal attention": lambda x: attention(x, mask=causal)}
    parts["block of a GPT"] = lambda x: block(x, causal)
    other = x.numpy().copy()
    other[i] = -other[i]
    changes = {name: (part(tl.tensor(other)) - part(x)).numpy() for name, part in parts.items()}  # (tokens, width)
    return {name: np.linalg.norm(change, axis=-1) for name, change in changes.items()}  # (tokens,)


def linear_layers(m: Measured, x: tl.Tensor) -> None:
    """ "A sequence of purely linear operations can always be collapsed into a single matrix multiplication." """
    width = x.shape[-1]
    W_1, W_2, W_3 = (tl.randn(width, width) / width**0.5 for _ in range(3))

    def linear(x: tl.Tensor) -> tl.Tensor:
        return x @ W_1 @ W_2 @ W_3

    def bent(x: tl.Tensor) -> tl.Tensor:  # the same, with an activation function between the layers
        return tl.relu(tl.relu(x @ W_1) @ W_2) @ W_3

    one_matrix = W_1 @ W_2 @ W_3  # (width, width)
    a, b = tl.randn(1, width), tl.randn(1, width)
    m.collapsed, m.bent = show.relative(linear(x), x @ one_matrix), show.relative(bent(a + b), bent(a) + bent(b))
    m.layers = {"three linear layers": show.along(linear, a, b), "with ReLU between them": show.along(bent, a, b)}


def attention_in_v_and_in_x(m: Measured, x: tl.Tensor) -> None:
    """ "Attention is a linear operation (weighted sums)": of the values. The weights are a softmax, which bends."""
    width = x.shape[-1]
    W_Q, W_K, W_V = (tl.randn(width, HEAD_DIM) / width**0.5 for _ in range(3))

    def attend(x: tl.Tensor, v: tl.Tensor) -> tl.Tensor:  # (tokens, width), (tokens, 96) -> (tokens, 96)
        return scaled_dot_product_attention(x @ W_Q, x @ W_K, v)[0]

    v = x @ W_V  # (tokens, 96)
    other, c = tl.randn(*v.shape), tl.randn(*x.shape)
    m.in_v = show.relative(attend(x, 2 * v + 3 * other), 2 * attend(x, v) + 3 * attend(x, other))
    m.in_x = show.relative(attend(2 * x, 2 * v), 2 * attend(x, v))
    m.attention = {"attention, the values changed alone": show.along(lambda y: attend(x, y @ W_V), x, c)}
    m.attention["attention, all of x changed"] = show.along(lambda y: attend(y, y @ W_V), x, c)


def feed_forward(m: Measured, x: tl.Tensor) -> None:
    """ "Its hidden units recall patterns": the output is a sum over units, how strongly one fires times its vector."""
    ffn = FeedForward(x.shape[-1], 4 * x.shape[-1], "gelu")
    hidden = tl.gelu(ffn.up(x))  # (tokens, 4 width): how strongly each hidden unit fires
    vectors = ffn.down.weight.T  # (4 width, width): what each hidden unit adds
    recalled = (hidden[2][:, None] * vectors).sum(axis=0) + ffn.down.bias  # (4 width, width) -> (width,), for "bank"
    m.hidden, m.recalled = hidden.shape, show.relative(recalled, ffn(x)[2])

    # "FFN: flooded riverbank, so activate geographic concepts and suppress financial ones", by two hidden units
    names = "bank", "water", "money", "bank and water", "bank and money"  # in the token's vector, after attention
    seen = tl.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0], [1.0, 0.0, 1.0]])
    W_up = tl.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 1.0]])  # unit 1: bank and water; unit 2: bank and money
    b_up = tl.tensor([-1.0, -1.0])  # one alone does not suffice
    W_down = tl.tensor([[1.0, -1.0], [-1.0, 1.0]])  # (geography, finance) from the two units
    wanted = tl.relu(seen @ W_up.T + b_up) @ W_down.T  # (5, 2)
    alone = [0, 1, 2]  # without ReLU, a matrix that is right for the single words decides what two of them give
    matrix = np.linalg.solve(seen.numpy()[alone], wanted.numpy()[alone])  # (3, 2)
    m.with_relu, m.one_matrix = (dict(zip(names, y.tolist(), strict=True)) for y in (wanted, seen.numpy() @ matrix))


def heads_to_one_vector(m: Measured, x: tl.Tensor, heads: int) -> None:
    """ "The outputs are concatenated (8 heads x 96 -> 768); a projection matrix mixes them." """
    tokens, width = x.shape
    mha = MultiHeadAttention(width, heads, bias=False)
    q, k, v = (W(x).reshape(tokens, heads, HEAD_DIM) for W in (mha.W_Q, mha.W_K, mha.W_V))  # (tokens, heads, 96)
    q, k, v = (y.swapaxes(0, 1) for y in (q, k, v))  # (heads, tokens, 96)
    each, _ = scaled_dot_product_attention(q, k, v)  # (heads, tokens, 96)
    concatenated = each.swapaxes(0, 1).reshape(tokens, width)  # (tokens, heads * 96)
    out = mha.W_O(concatenated)  # (tokens, width)
    m.concatenated, m.projected, m.equal = concatenated.shape[1], out.shape[1], show.relative(out, mha(x))

    # W_O has 96 columns for each head, so the output is a sum of what the heads add
    columns = mha.W_O.weight.T.reshape(heads, HEAD_DIM, width)  # (heads, 96, width)
    adds = each @ columns  # (heads, tokens, width)
    alone = np.eye(heads)[:, :, None] * each[:, -1].numpy()  # (heads, heads, 96): each head in its own place
    m.strips = alone.reshape(heads, width), adds[:, -1].numpy()  # without W_O, and with it
    m.written, m.written_by_W_O = (int((rows[0] != 0).sum()) for rows in m.strips)  # numbers that a head writes


def blocks(m: Measured, x: tl.Tensor, heads: int) -> None:
    """ "The same input enters each block; a refined output leaves it." """
    causal = causal_mask(len(TOKENS), len(TOKENS))
    m.shapes, m.moved = [x.shape], []
    for _ in range(3):
        before, x = x, Block(GPTConfig(width=x.shape[-1], heads=heads))(x, causal)  # (tokens, width) as before
        m.shapes.append(x.shape)
        m.moved.append(show.relative(x, before))


class Settings(RealToo, out="block", ask_real=(show.measure_real, show.report_real)):
    """What can be set on the command line."""

    heads: int = 8  # attention heads of 96 numbers each; the lecture has 8


if __name__ == "__main__":
    start(measure, Settings, show.report)
