"""For 14_inside_a_block.py: what it prints and draws."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from helpers import drawing
from helpers.drawing import BLUE, GREY, VERMILION, new_figure, plain, save
from helpers.program import DataError, detail
from helpers.real import DATA, first_token, largest, smollm2
from transformer import GPTConfig
from transformer.inspect.attention_maps import visible

Function = Callable[[tl.Tensor], tl.Tensor]
Shape = tuple[int, ...]


def relative(a: tl.Tensor, b: tl.Tensor) -> float:
    """How far a is from b, as a share of the length of b: |a - b| / |b|."""
    return float(np.linalg.norm((a - b).numpy()) / np.linalg.norm(b.numpy()))


def along(f: Function, start: tl.Tensor, end: tl.Tensor) -> np.ndarray:
    """The first number of f's output on the straight way from one input to another, and as far beyond on both sides."""
    return np.array([f((1 - t) * start + t * end).numpy()[0, 0] for t in np.linspace(-1, 2, 121).tolist()])


def place(token: str, tokens: Sequence[str]) -> int:
    """Where a token is. Raises DataError if it is none of them."""
    if token not in tokens:
        raise DataError(f"--changed {token}: the tokens are {' '.join(tokens)}")
    return tokens.index(token)


def random_matrices(tokens: Sequence[str], width: int) -> None:
    """Print that nothing is learnt here."""
    print(f"Nothing is learnt here: matrices are random, and vectors of {width} numbers for {' / '.join(tokens)}.\n")


def linear_layers(collapsed: float, bent: float) -> None:
    """Three linear layers and one matrix; the same with ReLU."""
    print("Why the FFN needs an activation function. How far apart are two results, |a - b| / |b|?")
    print("Up to about 1e-06 this is float32's rounding, and they are equal.")
    print(f"  three linear layers, and one matrix W_1 W_2 W_3          {collapsed:8.1e}   three layers are one matrix")
    print(f"  with ReLU between the layers: f(a + b), and f(a) + f(b){bent:10.2f}   no matrix does this")


def attention(in_v: float, in_x: float) -> None:
    """In which of its inputs attention is linear."""
    print(f"  attention A(2V + 3V'), and 2 A(V) + 3 A(V')              {in_v:8.1e}   linear in the values V")
    print(f"  attention A(2x), and 2 A(x)                            {in_x:10.2f}   not linear in x")
    print('\n  The lecture says "attention is a linear operation (weighted sums)". With fixed weights it is: it')
    print("  averages the values. But the weights are a softmax of x, so attention as a whole is not linear.")


def feed_forward(x: Shape, hidden: Shape, recalled: float) -> None:
    """The FFN's shapes, and its output as a sum over hidden units."""
    print(f"\nThe FFN, as in the digit network: weighted sum, bias, activation. {x} -> {hidden} -> {x}\n")
    print(f'  For "bank", sum over {hidden[-1]:,} hidden units: how strongly a unit fires, times the vector it adds.')
    print(f"  This sum is the output of the FFN: they differ by {recalled:.1e}.")
    print("  Such a sum it is with any weights. That units recall patterns, only training can bring about.")


def flooded_bank(wanted: np.ndarray, without: np.ndarray) -> None:
    """Two hidden units that combine what attention has brought together."""
    print('\n  Two hidden units written by hand: "flooded riverbank, so activate geographic concepts":\n')
    print(f"  {'in the vector after attention':32}{'with ReLU':^24}{'one matrix, no ReLU':^24}")
    print(f"  {'':32}{'geography':>12}{'finance':>10}{'geography':>14}{'finance':>10}")
    for name, a, b in zip(("bank", "water", "bank and water", "bank and money"), wanted, without, strict=True):
        numbers = f"{a[0]:+12.0f}{a[1]:+10.0f}{b[0]:+14.0f}{b[1]:+10.0f}".replace("+0", " 0").replace("-0", " 0")
        print(f"  {name:32}{numbers}")
    print('  One matrix gives "bank and water" the sum of what it gives both alone: nothing. ReLU makes an "and".')


def changes(tokens: Sequence[str], i: int, sizes: Mapping[str, np.ndarray]) -> None:
    """In which rows the output changes."""
    print(f'\nWho exchanges information? "{tokens[i]}" gets another vector. How much does each output row change?')
    print(f"  {'':18}" + "".join(f"{token:>10}" for token in tokens))
    for name, size in sizes.items():
        print(f"  {name:18}" + "".join(f"{value:10.2f}" if value else f"{'0':>10}" for value in size))
    alone = all((size == 0) == (row != i) for row, size in enumerate(sizes["FFN"]))
    print(f'  The FFN changes {"only" if alone else "not only"} the row of "{tokens[i]}".', end=" ")
    print(f"Attention changes {(sizes['attention'] > 0).sum()} rows, causal attention those from it on.")


def shapes(q: Shape, weights: Shape, each: Shape, side: Shape, out: Shape, equal: float) -> None:
    """The way from heads to one vector."""
    print("\nFrom heads to one vector per token:")
    detail(f"  {'queries, keys and values of each head':46}{q!s:16}(heads, tokens, 96)")
    detail(f"  {'weights: softmax(Q K^T / sqrt(96))':46}{weights!s:16}(heads, tokens, tokens)")
    detail(f"  {'weighted sums: 96 numbers per head and token':46}{each!s:16}(heads, tokens, 96)")
    print(f"  {f'concatenated: {q[0]} heads x 96 = {side[1]}':46}{side!s:16}(tokens, {side[1]})")
    print(f"  {f'projected by W_O, {side[1]} x {side[1]}':46}{out!s:16}(tokens, {side[1]})")
    detail(f"  the difference from what MultiHeadAttention returns: {equal:.1e}")
    print('  The lecture says that the projection "mixes and compresses". In GPTs the width stays the same: it mixes.')


def in_its_own_place(each: np.ndarray) -> np.ndarray:
    """The numbers of each head (heads, 96) where concatenation puts them, and 0 elsewhere: (heads, heads * 96)."""
    heads, dim = each.shape
    return (np.eye(heads)[:, :, None] * each).reshape(heads, heads * dim)


def projection(alone: np.ndarray, adds: np.ndarray, summed: float, lost: float) -> None:
    """What each head writes without W_O and with it."""
    heads, width = alone.shape
    written = int((alone[0] != 0).sum()), int((adds[0] != 0).sum())
    print(f"\n  Without W_O each head writes {written[0]} of the {width} numbers, its own, and heads never meet.")
    print(f"  With W_O each head writes all {written[1]}. This is where heads talk to each other: their parts add up.")
    print(f"  The sum of the {heads} heads' parts and the output differ by {summed:.1e}; without head 1 by {lost:.2f}.")


def blocks(shapes: Sequence[Shape], moved: Sequence[float]) -> None:
    """The shape after each block."""
    print("\nN blocks, one after the other. What leaves a block has the shape of what enters it:")
    print("  " + " -> block -> ".join(map(str, shapes)))
    print(f"  Each block adds a refinement, of {', '.join(f'{share:.2f}' for share in moved)} times the length of x.")


def gpt3(config: GPTConfig) -> None:
    """GPT-3's sizes, and the lecture's count of its weights."""
    print("\nGPT-3's numbers:")
    heads = config.layers * config.heads
    print(f"  {f'{config.heads} heads per layer x {config.layers} layers':46}{heads:>18,} attention heads")
    sizes = f"{config.heads} x {config.head_dim} = {config.heads * config.head_dim:,}"
    detail(f"  The lecture's 8 heads x 96 = 768 are not GPT-3's: there it is {sizes}.\n")
    parts = config.parameters_by_part()
    for name in ("W_E", "W_Q", "W_K", "W_V", "W_O", "FFN up", "FFN down", "W_U"):
        detail(f"  {formula(name, config):46}{parts[name]:>18,}")
    print(f"  {'weights':46}{config.weight_count():>18,}")
    ffn = (parts["FFN up"] + parts["FFN down"]) / config.weight_count()
    print(f"  {ffn:.0%} of these weights are in the FFNs; at 2 bytes each", end=" ")
    print(f"they take {2 * config.weight_count() / 1e9:.0f} GB.")


def formula(name: str, config: GPTConfig) -> str:
    """How many weights a part has, as a product."""
    width, hidden = f"{config.width:,}", f"{config.ffn_width:,}"
    if name in ("W_E", "W_U"):
        return f"{name}: {config.vocab_size:,} x {width}"
    if name.startswith("FFN"):
        return f"{name}: {config.layers} x {width} x {hidden}"
    return f"{name}: {config.layers} x {config.heads} x {width} x {config.head_dim}"


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw_bends(layers: Mapping[str, np.ndarray], attention: Mapping[str, np.ndarray], path: Path) -> None:
    """Outputs along a straight way through the inputs: what is linear stays straight."""
    figure = new_figure(12, 4.8, "Inputs on a straight line: the outputs of a linear operation lie on one too")
    for axes, outputs in zip(figure.subplots(1, 2), (layers, attention), strict=True):
        curves = {name: (np.linspace(-1, 2, len(row)), row / np.abs(row).max()) for name, row in outputs.items()}
        drawing.lines(axes, curves, (GREY, VERMILION), ylabel="one number of the output, scaled")
        axes.set_xlabel("the input, on the straight line through a and b")
        axes.set_xticks([0, 1], ["a", "b"], fontsize=13)
        axes.legend(edgecolor="none", loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, fontsize=10)
    save(figure, path)


def draw_changes(tokens: Sequence[str], changed: str, sizes: Mapping[str, np.ndarray], path: Path) -> None:
    """A table: how much the output of each token changes, in each part of a block; blue where it changes at all."""
    figure = new_figure(11, 4.2, f'The vector of "{changed}" is changed. Blue: the tokens whose output changes with it')
    axes = figure.subplots()
    lengths = np.stack([*sizes.values()])  # (parts, tokens)
    texts = [[f"{length:.2f}" if length else "0" for length in row] for row in lengths]
    drawing.table(axes, texts, lengths > 0, [*sizes], tokens)
    axes.set_xlabel("in the cells: the length of the change of the token's output")
    save(figure, path)


def draw_heads(alone: np.ndarray, adds: np.ndarray, path: Path) -> None:
    """What each head writes into the vector of one token: without W_O its own part, with W_O everywhere."""
    heads, width = alone.shape
    figure = new_figure(12, 6, "W_O is where heads meet: without it, each head writes only its own numbers")
    titles = "concatenated, without W_O", "after the projection W_O: the output is the sum of the rows"
    for axes, rows, title in zip(figure.subplots(1, 2, sharey=True), (alone, adds), titles, strict=True):
        plain(axes, grid=False)
        most = np.abs(rows).max()
        image = axes.imshow(rows, cmap=drawing.signed(), vmin=-most, vmax=most, aspect="auto", interpolation="nearest")
        axes.set(title=title, xlabel=f"the {width} numbers of a token's vector", xlim=(0, width))
        axes.set_yticks(range(heads), [f"head {h + 1}" for h in range(heads)], fontsize=11)
        figure.colorbar(image, ax=axes, label="what it writes", shrink=0.7)
    save(figure, path)


# --- a real model -----------------------------------------------------------------------------------------------------


def real(settings: Any) -> None:
    """What attention and the FFN of each block of SmolLM2 add to "bank", in sentences of rivers and of money."""
    model, bank = smollm2('to read 24 sentences that end with "bank": 12 of rivers, 12 of money'), DATA["bank"]
    W_U = (model.unembedding.W_U.weight * model.norm.weight).detach().numpy()  # with the gains of the final norm
    water, money = (W_U[[first_token(model, word) for word in bank[f"{kind}_words"]]] for kind in ("water", "money"))
    directions = np.stack([water.mean(axis=0), money.mean(axis=0)]) - W_U.mean(axis=0)  # raise them over the mean token
    adds, fires = [], []
    for sentence, *_ in (*bank["river"], *bank["money"]):
        parts, hidden, last = watched(model, sentence)
        adds.append(parts @ directions.T * np.sqrt(len(last)) / np.linalg.norm(last))  # as the final norm scales them
        fires.append(hidden)
    adds, fires = np.stack(adds), np.stack(fires)  # (24, 2, blocks, 2), (24, blocks, units)
    river, money = adds[:12].mean(axis=0), adds[12:].mean(axis=0)  # (2, blocks, 2)
    apart = (river - money) @ [1, -1]  # (2, blocks): water words over money words
    who_decides(apart)
    activated(*river.sum(axis=1))
    one_unit_each(model, fires, directions[0] - directions[1], W_U)
    print("\nPicture:")
    figure = new_figure(11, 4.4, "Score of water words minus money words: after a river minus after money")
    axes = plain(figure.subplots())
    for row, name, colour, side in zip(apart, ("attention", "FFN"), (BLUE, VERMILION), (-0.2, 0.2), strict=True):
        axes.bar(np.arange(1, len(row) + 1) + side, row, width=0.4, color=colour, label=name)
    axes.set(xlabel="block", ylabel="difference of scores")
    axes.legend(edgecolor="none")
    save(figure, settings.out / "real_parts.png")


def watched(model: Any, sentence: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the parts of each block add to the last token (2, blocks, width): attention, FFN; how strongly each hidden
    unit of the FFNs fires there (blocks, units); and the token's last vector (width,)."""
    trace = model.trace(model.tokenizer.encode(sentence))
    blocks = [f"blocks.{k}" for k in range(trace.layers)]
    adds = [[trace[f"{block}.{part}"][-1] for block in blocks] for part in ("attention", "ffn")]
    return np.stack(adds), np.stack([trace[f"{block}.ffn.units"][-1] for block in blocks]), trace.residual[-1][-1]


def who_decides(apart: np.ndarray) -> None:
    """Print how much attention and the FFNs tell rivers from money. apart: (2, blocks), differences of scores."""
    print("\n  How much more the scores of water words rise over those of money words, after a river than after money,")
    print(f"  by blocks: {'':10}" + "".join(f"{f'{k + 1}-{k + 6}':>9}" for k in range(0, 30, 6)) + f"{'together':>11}")
    for name, row in zip(("attention", "FFN"), apart, strict=True):
        cells = "".join(f"{row[k : k + 6].sum():+9.2f}" for k in range(0, 30, 6))
        print(f"  {name:21}{cells}{row.sum():+11.2f}")
    attention, ffn = apart.sum(axis=1)
    late = ", late" if apart[:, 18:].sum() > 0.8 * apart.sum() else ""
    if ffn > attention > 0:
        print(f"  The FFNs add {ffn / attention:.1f} times what attention adds{late}:", end=" ")
        print("they raise the words of the sense read.")
    else:
        print("  The FFNs do not add more than attention: here they do not decide what it means.")


def activated(attention: np.ndarray, ffn: np.ndarray) -> None:
    """Print what attention and the FFNs add to the scores of water words and of money words, after a river alone."""
    one, other = "activate" if ffn[0] > 0 else "do not activate", "suppress" if ffn[1] < 0 else "do not suppress"
    print("  After a river alone, against the mean token, water words and money words get:", end=" ")
    print(f"attention {attention[0]:+.2f} and {attention[1]:+.2f},")
    print(f"  FFNs {ffn[0]:+.2f} and {ffn[1]:+.2f}. So the FFNs {one} the one and {other} the other.")


def one_unit_each(model: Any, fires: np.ndarray, direction: np.ndarray, W_U: np.ndarray) -> None:
    """Print how many hidden units tell rivers from money, and what the best ones write. fires: (24, blocks, units)."""

    def told(rows: np.ndarray) -> np.ndarray:  # how many spreads apart; rows: those of rivers, then those of money
        half = len(rows) // 2
        river, money = rows[:half], rows[half:]
        return (river.mean(0) - money.mean(0)) / np.sqrt((river.var(0) + money.var(0)) / 2 + 1e-3)

    found, again = told(fires[0::2]), told(fires[1::2])  # sought in half of the sentences, tested in the others
    mixed = np.r_[0:3, 6:9, 3:6, 9:12]  # half of both senses in each half, to see what chance does
    chance, chance_again = told(fires[0::2][mixed]), told(fires[1::2][mixed])
    many = (np.abs(found) > 3).sum()
    held = (np.abs(found) > 3) & (np.sign(found) * again > 3)
    by_luck = (np.abs(chance) > 3) & (np.sign(chance) * chance_again > 3)
    print(f"\n  Does a hidden unit recognise a pattern? Of {found.size:,} units {many:,} tell rivers from money")
    print(f"  in half of the sentences, by more than 3 spreads; {held.sum():,} of these also in the other half")
    print(f"  (by chance, with the senses mixed: {by_luck.sum():,}).")
    W_downs = [block.ffn.down.weight.detach().numpy() for block in model.blocks]  # (width, units) each
    difference = fires[1::2][:6].mean(0) - fires[1::2][6:].mean(0)  # (blocks, units)
    effect = held * difference * np.stack([direction @ W_down for W_down in W_downs])
    print("  Those of them that raise water over money most: how they fire, and which tokens they write then:")
    recall = 0
    for layer, unit in largest(effect, 6):
        river, money = fires[1::2][:6, layer, unit].mean(), fires[1::2][6:, layer, unit].mean()
        name, most = ("rivers", river) if abs(river) > abs(money) else ("money", money)
        scores = W_U @ (W_downs[layer][:, unit] * most)
        tokens = [model.tokenizer.decode([int(i)]) for i in np.argsort(-scores)[:4]]
        raised = " ".join(map(visible, tokens))
        kinds = (DATA["bank"][f"{kind}_words"] for kind in ("water", "money"))
        recall += any(sum(text.strip().lower() in words for text in tokens) >= 2 for words in kinds)
        both = f"rivers {river:+7.2f}  money {money:+7.2f}"
        print(f"    block {layer + 1}, unit {unit + 1:4}  {both}   for {name}: {raised}")
    print(f"  {recall} of the six recall words of one kind: two or more of the four are of water, or of money.")
