"""For 22_robust.py: if-then rules for one digit, spoilt pictures, what is printed and drawn."""

from dataclasses import dataclass

import numpy as np

from helpers.drawing import BLUE, GREEN, GREY, ORANGE, lines, picture
from helpers.program import SHOW_MORE, detail, holds, table

# A picture is a 3 if it has more than all of this, as shares: columns in the middle that meet three strokes, paper at
# the left of the upper and the lower half, rows with ink at the right of both. Each row is for threes missed before.
RULES = {
    "if-then rules": (0.4, 0.65, 0.65, 0.8, 0.8),
    "or short middle": (0.0, 0.65, 0.65, 0.8, 0.8),
    "or curl below": (0.4, 0.65, 0.4, 0.8, 0.8),
    "or curl above": (0.4, 0.5, 0.65, 0.5, 0.8),
    "or a bit of all": (0.2, 0.5, 0.5, 0.5, 0.5),
}


def is_a_three(picture, rules=1):
    """Whether a picture (28, 28) shows a 3, by the first of the rules: three strokes, open to the left, closed to the
    right."""
    ink = picture > 0.5
    ys, xs = np.nonzero(ink)
    box = ink[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]  # what is written, without its margins
    height, width = box.shape
    if height < 8 or width < 6:
        return False
    middle = box[:, width // 3 : 2 * width // 3 + 1]
    starts = (np.diff(middle.astype(int), axis=0, prepend=0) == 1).sum(axis=0)  # strokes met from top to bottom
    halves = slice(height // 5, 2 * height // 5), slice(3 * height // 5, 4 * height // 5)
    left = [1 - box[half, : width // 3].mean() for half in halves]
    right = [box[half, width // 2 :].any(axis=1).mean() for half in halves]
    shares = np.array([(starts == 3).mean(), *left, *right])
    return any((shares > limits).all() for limits in [*RULES.values()][:rules])


@dataclass
class Rule:
    """If a square of the picture has more ink than this, or not more, then this answer; and the rules asked next."""

    square: int
    than: float
    more: bool
    answer: int
    case: np.ndarray  # (49,): the picture that it was written for
    exception: "Rule | None" = None  # asked next where it holds
    otherwise: "Rule | None" = None  # asked next where it does not

    def judge(self, ink):
        """For a picture (49,): the last rule that holds, which answers; the last one asked; whether that one holds."""
        answers, asked, follower = self, self, self
        while follower:
            asked = follower
            holds = (ink[asked.square] > asked.than) == asked.more
            answers, follower = (asked, asked.exception) if holds else (answers, asked.otherwise)
        return answers, asked, holds


def write_rules(pictures, labels):
    """Yield all rules after each one that is written: for each picture (49,) read wrong, an exception to the rule
    that answered.

    It asks for the square that most sets the picture apart from the one that rule was written for, so this one stays
    right: ripple-down rules (Compton and Jansen, A philosophical basis for knowledge acquisition, 1990).
    """
    rules = [Rule(0, -1.0, True, int(labels[0]), pictures[0])]  # always holds
    for _ in range(3):  # in the third pass hardly a picture is read wrong
        for ink, label in zip(pictures, labels.tolist(), strict=True):
            wrong, asked, holds = rules[0].judge(ink)
            if wrong.answer != label:
                square = int(np.abs(ink - wrong.case).argmax())
                than, more = (ink[square] + wrong.case[square]) / 2, bool(ink[square] > wrong.case[square])
                rules.append(Rule(square, than, more, label, ink))
                setattr(asked, "exception" if holds else "otherwise", rules[-1])
                yield rules


# --- ways to spoil pictures, rows of 784 numbers from 0 for paper to 1 for ink ----------------------------------------


def add_noise(images, sigma, random):
    """Add to every pixel a normal random number of standard deviation sigma: a bad camera."""
    return (images + sigma * random.standard_normal(images.shape)).astype(np.float32)


def drop_pixels(images, share, random):
    """Set a share of the pixels to 0: missing values."""
    return np.where(random.random(images.shape) < share, np.float32(0), images)


def wrong_pixels(images, share, random):
    """Set a share of the pixels to 0 or 1 at random: measurement errors and outliers."""
    noise = random.integers(0, 2, images.shape).astype(np.float32)
    return np.where(random.random(images.shape) < share, noise, images)


def shift(images, pixels, random):
    """Move every picture to the right."""
    return np.roll(images.reshape(-1, 28, 28), int(pixels), axis=2).reshape(-1, 784)


def turn(images):
    """Turn every picture by 90 degrees."""
    return np.rot90(images.reshape(-1, 28, 28), axes=(1, 2)).reshape(-1, 784).copy()


KINDS = {
    "noise": ("noise, standard deviation", (0, 0.1, 0.2, 0.3, 0.5, 0.7), add_noise),
    "missing": ("missing pixels, share", (0, 0.1, 0.2, 0.3, 0.5, 0.7), drop_pixels),
    "wrong": ("wrong pixels, share", (0, 0.02, 0.05, 0.1, 0.2, 0.3), wrong_pixels),
    "shift": ("shift, pixels", (0, 1, 2, 3, 4, 5), shift),
}
HIDDEN = 0, 0.1, 0.3, 0.5, 0.7, 0.9  # shares of missing pixels, with which the network is asked how sure it is


# --- what is printed --------------------------------------------------------------------------------------------------


def report(m, settings):
    """Print what was measured, and draw it."""
    # How many threes rules and network find, and how often they are wrong
    print("Is it a 3? If-then rules (three strokes, open to the left, closed to the right), then more of them:")
    names = [*RULES]
    for name, found in m.found.items():
        show = detail if name in names[1:-1] else print
        show(f"  {name:15} found {found:3} of {m.n_threes}, missed {m.n_threes - found:2},", end=" ")
        show(f"and took {m.taken[name]:3} other digits for a 3")
    gained, taken = (some[names[-1]] - some[names[0]] for some in (m.found, m.taken))
    detail(f"  {len(names) - 1} more rules find {gained} more threes, and take {taken} more other digits for one.")
    detail("  The network was given no rule." + " It makes fewer mistakes." * holds("no rules", m))

    # How many digits are read right by the number of rules
    print("\nRules for all ten digits. Each training picture that they read wrong gets a new rule, an exception:")
    shares = {**m.by_rules, "the network": m.right}.items()
    print("  " + ", ".join(f"{name} {share:.1%}" for name, share in shares) + " of test pictures read right")
    detail(f"  {m.exceptions:,} of the {m.rules:,} rules need exceptions.")

    # The share of spoilt test pictures read right, by each method, and how much less that is on average
    print("\nTest pictures that are spoilt, and read right:")
    for kind, methods in m.spoilt.items():
        what, amounts, _ = KINDS[kind]
        lost = m.lost[kind]
        shown = [name for name in methods if SHOW_MORE.get() or "noise" not in name]
        rows = {name: [*methods[name], f"{100 * lost[name]:.1f} points"] for name in shown}
        table((*amounts, "lost on average"), rows, ".1%", what, say=detail if kind == "shift" else print)
    less = [KINDS[kind][0].split(",")[0] for kind in ("missing", "noise", "wrong") if holds(f"robust: {kind}", m)]
    print(f"  The network loses less than nearest mean by: {', '.join(less) or 'none of these'}.")

    # How often the network is sure, and right where it is
    print("\nIncomplete information. The network is sure of a picture if its largest output is above 0.8:")
    for what, k in ("all pixels", 0), ("30% of the pixels missing", 2):
        sure, right = m.sure[k], m.right_if_sure[k]
        print(f"  with {what} it is sure of {sure:.0%} of the pictures, and right for {right:.1%} of these")
    rows = {"sure of": m.sure, "of these read right": m.right_if_sure}
    table(HIDDEN, rows, ".1%", "missing pixels, share", say=detail)

    # What wrong labels in the training data do, without a pattern and with one
    read = ", ".join(f"{name} {share:.1%}" for name, share in m.misled.items())
    print(f"\nTrained with {1 - m.labels_right:.0%} of the labels wrong: {read} of test pictures read right.")
    some, others = m.threes.values()
    print(f"  60% of the threes get a wrong label: of new ones {some:.0%} are read right; if it is 8, {others:.0%}.")
    if holds("pattern", m):
        print("  So wrong labels without a pattern are outvoted, and those with one are learnt.")
    rights = f"{m.silenced:.1%} are read right on average, {m.worst:.1%} at worst; with all {m.right:.1%}"
    detail(f"\nOne of the 32 hidden neurons is silenced: {rights}.")

    # The share read right by the number of training pictures
    sizes = settings.sizes
    print()
    columns = *(f"{n:,}" for n in sizes), f"from {sizes[len(sizes) // 2]:,} on"
    rows = {name: [*shares, f"{100 * m.gained[name]:+.1f} points"] for name, shares in m.by_size.items()}
    table(columns, rows, ".1%", "More data: right, by training pictures")

    # What retraining on turned pictures does for them, and for the pictures of before
    print("\nThe world changes: all pictures come turned by 90 degrees. The network's training goes on with these:")
    steps, turned, upright = m.retrained.values()
    table([f"{n:,} steps" for n in steps], {"its new data": turned, "upright ones, no longer shown": upright}, ".1%")

    draw_spoilt(m.a_three, np.random.default_rng(settings.seed), settings.out / "spoilt.png")
    title = "Test pictures spoilt more and more: how long does each method read them?"
    with picture(settings.out / "robustness.png", title, 13, 8, 2, 2, sharey=True) as panels:
        for axes, (kind, methods) in zip(panels, m.spoilt.items(), strict=True):
            what, amounts, _ = KINDS[kind]
            curves = {name: (amounts, right) for name, right in methods.items()}
            colours = ORANGE, BLUE, GREEN  # of nearest mean, network, network that saw noise
            lines(axes, curves, colours, "o-", xlabel=what, ylabel="test pictures read right", ylim=(0, 1))
            axes.axhline(0.1, color=GREY, linestyle=":", label="guessing")
            axes.yaxis.set_major_formatter("{x:.0%}")
        axes.figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4, edgecolor="none")


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw_spoilt(image, random, path):
    """One picture, spoilt in every way and amount. image: (1, 784)."""
    title = "One 3, spoilt more and more: until where can you read it?"
    with picture(path, title, 11, 7.2, 6, len(KINDS)) as panels:
        for row, (kind, amounts, change) in zip(panels.reshape(-1, 6), KINDS.values(), strict=True):
            for axes, amount in zip(row, amounts, strict=True):
                axes.imshow(change(image, amount, random).reshape(28, 28), cmap="gray_r", vmin=0, vmax=1)
                axes.set(xticks=[], yticks=[])
                axes.set_title(f"{amount:g}", fontsize=11)
            row[0].set_ylabel(kind.replace(", ", ",\n"), rotation=0, ha="right", va="center", fontsize=12)
