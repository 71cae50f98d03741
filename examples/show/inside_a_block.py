"""For 14_inside_a_block.py: what it prints and draws."""

import numpy as np

from helpers.drawing import GREY, VERMILION, heat_map, lines, picture, plain
from helpers.program import Measured, detail, holds, table
from helpers.real import DATA, first_token, largest, smollm2
from transformer.inspect.trace import visible


def relative(a, b):
    """How far a is from b, as a share of the length of b: |a - b| / |b|."""
    return float(np.linalg.norm((a - b).numpy()) / np.linalg.norm(b.numpy()))


def along(f, start, end):
    """The first number of f's output on the straight way from one input to another, and as far beyond on both sides."""
    return np.array([f((1 - t) * start + t * end).numpy()[0, 0] for t in np.linspace(-1, 2, 121).tolist()])


# --- what is printed --------------------------------------------------------------------------------------------------


def report(m, settings):
    """Print what was measured, and draw it."""
    print(f"Nothing is learnt: random matrices, {m.concatenated} random numbers for each of {' / '.join(m.tokens)}.")

    # In which rows the output changes
    print(f'\nWho changes? "{m.tokens[m.i]}" gets another vector. How far does the output vector of each token move?')
    table(m.tokens, m.sizes, ".3g", "length of the move")
    print(f'  The FFN changes {"only" if holds("alone", m) else "not only"} the row of "{m.tokens[m.i]}".', end=" ")
    print(f"Attention changes {(m.sizes['attention'] > 0).sum()} rows, causal attention those from it on.")

    # Three linear layers and one matrix, the same with ReLU; in which of its inputs attention is linear
    print("\nWhy the FFN needs an activation function. How far apart are two results (|a - b| / |b|; 1e-06: rounding)?")
    rows = {
        "three linear layers, and one matrix W_1 W_2 W_3": (m.collapsed, "three layers are one matrix"),
        "with ReLU between the layers: f(a + b), and f(a) + f(b)": (m.bent, "no matrix does this"),
        "attention A(2V + 3V'), and 2 A(V) + 3 A(V')": (m.in_v, "linear in the values V"),
        "attention A(2x), and 2 A(x)": (m.in_x, "not linear in x"),
    }
    table(("apart", "so"), rows, ".2g")
    print("  Attention averages the values, with weights that are a softmax of x. So as a whole it is not linear.")

    # The FFN's output as a sum over hidden units, and two units that combine what attention has brought together
    x = m.shapes[0]
    detail(f"\nThe FFN, as in the digit network: weighted sum, bias, activation. {x} -> {m.hidden} -> {x}")
    detail("  Any weights give such a sum. Only training can make the units recall patterns.")
    print('\nTwo hidden units written by hand: "flooded riverbank, so activate geographic concepts"')
    columns = "with ReLU: geography", "finance", "one matrix, no ReLU: geography", "finance"
    rows = {name: [round(value) for value in row + m.one_matrix[name]] for name, row in m.with_relu.items()}
    table(columns, rows, "+", "in the vector after attention")
    print('  One matrix gives two words the sum of what it gives both alone: nothing. ReLU makes an "and".')

    # The way from heads to one vector; what each head writes without W_O and with it; block after block
    heads, width = m.strips[0].shape
    sizes = f"{heads} heads x {width // heads} = {m.concatenated}; projected by W_O, {width} x {m.projected}"
    print(f"\nFrom heads to one vector per token. Concatenated: {sizes}")
    print('  It "mixes and compresses", says the lecture. In GPTs the width stays the same: it mixes.')
    print(f"  Without W_O each head writes {m.written} of the {width} numbers, its own, and heads never meet.")
    print(f"  With W_O each head writes all {m.written_by_W_O}: here heads talk to each other, their parts add up.")
    detail("\nN blocks, one after the other. What leaves a block has the shape of what enters it:")
    detail("  " + " -> block -> ".join(map(str, m.shapes)))

    # GPT-3's sizes, and the lecture's count of its weights
    config, parts = m.config, m.config.parameters_by_part()
    print(f"\nGPT-3: {config.heads} heads per layer x {config.layers} layers = {m.all_heads:,} attention heads")
    sizes = f"{config.heads} x {config.head_width} = {config.heads * config.head_width:,}"
    detail(f"  The lecture's 8 heads x 96 = 768 are not GPT-3's: there it is {sizes}.\n")
    detail(f"  W_E: {config.vocab_size:,} x {config.width:,} = {parts['W_E']:,} weights, and as many in W_U.")
    ffn = (parts["FFN up"] + parts["FFN down"]) / m.weights
    print(f"  weights {m.weights:,}, {ffn:.0%} of them in the FFNs; at 2 bytes each {2 * m.weights / 1e9:.0f} GB.")

    draw_bends(m.layers, m.attention, settings.out / "bends.png")
    title = "W_O is where heads meet: without it, each head writes only its own numbers"
    titles = "concatenated, without W_O", "after the projection W_O: the output is the sum of the rows"
    names = [f"head {h + 1}" for h in range(heads)]
    with picture(settings.out / "heads.png", title, 12, 6, 2, sharey=True) as panels:
        for axes, rows, title in zip(panels, m.strips, titles, strict=True):
            image = heat_map(plain(axes, grid=False), rows, names)
            axes.set(title=title, xlabel=f"the {width} numbers of a token's vector", xlim=(0, width))
            axes.figure.colorbar(image, ax=axes, label="what it writes", shrink=0.7)


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw_bends(layers, attention, path):
    """Outputs along a straight way through the inputs: what is linear stays straight."""
    title = "Inputs on a straight line: the outputs of a linear operation lie on one too"
    with picture(path, title, 12, 4.8, 2) as panels:
        for axes, outputs in zip(panels, (layers, attention), strict=True):
            curves = {name: (np.linspace(-1, 2, len(row)), row / np.abs(row).max()) for name, row in outputs.items()}
            labels = {"xlabel": "the input, on the straight line through a and b"}
            lines(axes, curves, (GREY, VERMILION), ylabel="one number of the output, scaled", **labels)
            axes.set_xticks([0, 1], ["a", "b"], fontsize=13)
            axes.legend(edgecolor="none", loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, fontsize=10)


# --- a real model -----------------------------------------------------------------------------------------------------


PARTS = "attention", "FFN"


def measure_real(settings):
    """What attention and the FFN of each block of SmolLM2 add to "bank", in sentences of rivers and of money."""
    model, bank = smollm2('to read 24 sentences that end with "bank": 12 of rivers, 12 of money'), DATA["bank"]
    W_U = (model.unembedding.W_U.weight * model.norm.weight).detach().numpy()  # with the gains of the final norm
    water, money = (W_U[[first_token(model, word) for word in bank[f"{kind}_words"]]] for kind in ("water", "money"))
    directions = np.stack([water.mean(axis=0), money.mean(axis=0)]) - W_U.mean(axis=0)  # raise them over the mean token
    each, fires = [], []
    for sentence, *_ in (*bank["river"], *bank["money"]):
        parts, hidden, last = watched(model, sentence)
        each.append(parts @ directions.T * np.sqrt(len(last)) / np.linalg.norm(last))  # as the final norm scales them
        fires.append(hidden)
    adds = np.stack(each)  # (24, 2, blocks, 2): sentences; attention, FFN; blocks; water words, money words
    m = Measured(apart=(adds[:12].mean(axis=0) - adds[12:].mean(axis=0)) @ [1, -1])  # (2, blocks): water over money
    m.ffn_water, m.ffn_money = adds[:12, 1].sum(axis=1).T  # what the FFNs add after a river, (12,) each
    by_part = adds.sum(axis=2) @ [1, -1]  # (24, 2)
    towards = (by_part - by_part.mean(axis=0)) * np.repeat([[1], [-1]], 12, axis=0)  # the sense that it has here
    m.attention_tells, m.ffn_tells = towards.T
    units_that_tell(m, model, np.stack(fires), directions[0] - directions[1], W_U)
    return m


def report_real(m, settings):
    """Print what was measured, and draw it."""
    # How much attention and the FFNs tell rivers from money, and what the FFNs add after a river alone
    print("\n  How much more the scores of water words rise over those of money words, after a river than after money,")
    sixes = [(k, k + 6) for k in range(0, 30, 6)]
    rows = {name: [*(row[a:b].sum() for a, b in sixes), row.sum()] for name, row in zip(PARTS, m.apart, strict=True)}
    table((*(f"{a + 1}-{b}" for a, b in sixes), "together"), rows, "+.2f", "by blocks:")
    more = (m.ffn_tells > m.attention_tells).sum()
    print(f"  In {more} of {len(m.ffn_tells)} sentences FFNs add more than attention to the words of the sense read.")
    both = ((m.ffn_water > 0) & (m.ffn_money < 0)).sum()
    print(f"  After a river alone, against the mean token, they give water words {m.ffn_water.mean():+.2f},", end=" ")
    print(f"money words {m.ffn_money.mean():+.2f}.")
    print(f"  In {both} of {len(m.ffn_water)} sentences the FFNs activate the one and suppress the other.")

    # How many hidden units tell rivers from money, and what the best ones write
    print(f"\n  Does a hidden unit recognise a pattern? Of {m.all_units:,} units {m.sought:,} tell rivers from money")
    print(f"  in half of the sentences, by more than 3 spreads; {m.held:,} of these also in the other half")
    print(f"  (by chance, with the senses mixed: {m.by_luck:,}).")
    print("  The ten of them that raise water over money most: how they fire, and which tokens they write then:")
    for unit in m.units:
        print(f"    {unit}")
    recall = sum(n >= 2 for n in m.kindred)
    print(f"  {recall} of the ten recall words of one kind: two or more of the four are of water, or of money.")


def watched(model, sentence):
    """What the parts of each block add to the last token (2, blocks, width): attention, FFN; how strongly each hidden
    unit of the FFNs fires there (blocks, units); and the token's last vector (width,)."""
    trace = model.trace(model.tokenizer.encode(sentence))
    blocks = [f"blocks.{k}" for k in range(trace.layers)]
    adds = [[trace[f"{block}.{part}"][-1] for block in blocks] for part in ("attention", "ffn")]
    return np.stack(adds), np.stack([trace[f"{block}.ffn.units"][-1] for block in blocks]), trace.residual[-1][-1]


def units_that_tell(m, model, fires, direction, W_U):
    """Find the hidden units that tell rivers from money, and what the best ones write. fires: (24, blocks, units)."""

    def told(rows):  # how many spreads apart; rows: those of rivers, then those of money
        half = len(rows) // 2
        river, money = rows[:half], rows[half:]
        return (river.mean(0) - money.mean(0)) / np.sqrt((river.var(0) + money.var(0)) / 2 + 1e-3)

    found, again = told(fires[0::2]), told(fires[1::2])  # sought in half of the sentences, tested in the others
    mixed = np.r_[0:3, 6:9, 3:6, 9:12]  # half of both senses in each half, to see what chance does
    chance, chance_again = told(fires[0::2][mixed]), told(fires[1::2][mixed])
    held = (np.abs(found) > 3) & (np.sign(found) * again > 3)
    by_luck = (np.abs(chance) > 3) & (np.sign(chance) * chance_again > 3)
    m.all_units, m.sought, m.held, m.by_luck = found.size, (np.abs(found) > 3).sum(), held.sum(), by_luck.sum()
    W_downs = [block.ffn.down.weight.detach().numpy() for block in model.blocks]  # (width, units) each
    river, money = fires[1::2][:6].mean(0), fires[1::2][6:].mean(0)  # (blocks, units)
    effect = held * (river - money) * np.stack([direction @ W_down for W_down in W_downs])
    m.units, m.kindred = [], []
    for at in largest(effect, 10):
        layer, unit = at
        name, most = ("rivers", river[at]) if abs(river[at]) > abs(money[at]) else ("money", money[at])
        scores = W_U @ (W_downs[layer][:, unit] * most)
        tokens = [model.tokenizer.decode([int(i)]) for i in np.argsort(-scores)[:4]]
        kinds = (DATA["bank"][f"{kind}_words"] for kind in ("water", "money"))
        m.kindred.append(max(sum(text.strip().lower() in words for text in tokens) for words in kinds))
        both = f"rivers {river[at]:+7.2f}  money {money[at]:+7.2f}"
        m.units.append(f"block {layer + 1}, unit {unit + 1:4}  {both}   for {name}: {' '.join(map(visible, tokens))}")
