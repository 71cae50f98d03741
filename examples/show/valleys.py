"""For 21_valleys.py: what it prints and draws."""

from math import comb

import numpy as np

from helpers.drawing import BLUE, GREY, ORANGE, lines, picture, plain
from helpers.program import counted, detail, elsewhere, holds, table

LEARNT, STUCK = 0.05, 0.4  # costs of XOR below which it is learnt, and above which the descent is stuck
PATTERNS = {"ink": "ink in each of 16 squares", "holes": "whether a line encloses paper", "digit": "which digit it is"}


def report(m, settings):
    """Print what was measured, and draw it."""
    # Where the descents end, and whether more neurons help
    hidden = settings.hidden
    print(f"XOR with 2-{hidden}-1 neurons, gradient descent from {m.starts} random starts:")
    print(f"  {m.learnt} reach cost 0, the global minimum")
    if m.stuck:
        heights = sorted({f"{cost:.2f}" for cost in m.courses[-1][are_stuck(m.courses)]})
        print(f"  {m.stuck} come to rest higher up, at a cost of {' or '.join(heights)}{elsewhere('missed', 'd', m)}")
    wider = ", ".join(f"with {n * hidden} neurons {share:.0%}" for n, share in zip((1, 2, 4), m.wider, strict=True))
    print(f"  Starts that lead to cost 0: {wider}{'. More hidden neurons help' if holds('wider', m) else ''}")

    noise(m)

    # The signs of the Hessian's eigenvalues: at random starts, on a way down, and where the gradient is 0
    print(f"\nMost points are saddles? The eigenvalues of the Hessian, {m.at_starts.shape[1]} at each point for XOR:")
    print(f"  at {m.both_signs:.0%} of the random starts they have both signs.")
    print("  In 172 dimensions, a 16-6-10 network that learns 200 digits. The share of negative ones on its way:")
    print(f"    {', '.join(f'{share:.0%} at cost {cost:.2f}' for cost, share in m.on_the_way)}")
    lowest, *others = m.critical
    print(f"  In 130 dimensions, a linear 16-5-10 network has a gradient of 0 at {comb(10, 5)} kinds of points.")
    print(f"  Of {len(others)} drawn {np.sum(m.critical[1:] > 0)} are saddles: {min(others)} to {max(others)}", end=" ")
    print(f"directions curve down. At the lowest point {lowest or 'none'} does.")

    # How close networks of growing width come to a curve
    print("\nUniversal approximation: one hidden layer of tanh neurons learns a curve.")
    largest_errors = [(outputs - m.y).abs().max().item() for outputs in m.fits.values()]
    rows = {n: (f"{3 * n + 1}", *errors) for n, *errors in zip(m.fits, m.errors, largest_errors, strict=True)}
    table(("parameters", "mean squared error", "largest error"), rows, ".6f", "hidden neurons")
    print("  The theorem says: a network that is wide enough comes as close as one likes.")
    print("  It does not say that training finds this network.")

    # What a linear probe explains, given each layer, of the trained and of the untrained network
    layers = range(1, len(m.read["ink"]))
    print(f"\nDepth. A network with {counted(len(layers), 'hidden layer')} learns to read digits.", end=" ")
    print("What a linear probe explains, given a layer:")
    columns = "pixels", *(f"layer {i}" for i in layers)
    table(columns, {what: m.read[name] for name, what in PATTERNS.items()}, ".0%")
    table(columns, {what: m.read_at_random[name] for name, what in PATTERNS.items()}, ".0%",
          "  with random weights", say=detail)  # fmt: skip
    if holds("depth", m):
        print(f"  Layer {layers[-1]} explains more than layer 1 of lines, and of the digit.")
    if holds("without learning", m):
        print(f"  With random weights (--more) layer {layers[-1]} explains less: depth alone does not help.")

    draw_courses(m.courses, settings.out / "xor.png")

    draw_approximation(m, settings.out / "approximation.png")


# --- what is measured -------------------------------------------------------------------------------------------------


def are_stuck(courses):
    """Which descents have ended above cost 0: high up, and no lower than halfway. courses: (steps, starts)."""
    halfway, end = courses[len(courses) // 2], courses[-1]
    return (end > STUCK) & (halfway - end < 0.02)


def have_both_signs(eigenvalues):
    """At which points some directions curve up and some down. eigenvalues: (points, parameters)."""
    return (eigenvalues.min(axis=1) < 0) & (eigenvalues.max(axis=1) > 0)


def largest(weights):
    """The largest weight of a network; the median of several networks."""
    return float(np.median(np.max([np.abs(w.numpy()).max(axis=(1, 2)) for w in weights], axis=0)))


def critical_point(x, y, kind):
    """Weights W1, W2 of a linear network x @ W1 @ W2 at which its gradient is 0. x: (n, inputs); y: (n, outputs).

    It is the least-squares fit, seen through some of the principal components of what it says: those of `kind`.
    """
    fit = np.linalg.lstsq(x, y, rcond=None)[0]  # (inputs, outputs)
    components = np.linalg.svd(x @ fit, full_matrices=False)[2][list(kind)]  # (neurons, outputs)
    return fit @ components.T, components


def have_holes(images):
    """Whether ink encloses paper, as in 0 or 8: (n, 784) -> (n,)."""
    paper = images.reshape(-1, 28, 28) < 0.5
    outside, last = paper.copy(), None
    outside[:, 1:-1, 1:-1] = False  # it comes in from the edges
    while last is None or (outside != last).any():
        last = outside.copy()
        for axis, step in ((1, 1), (1, -1), (2, 1), (2, -1)):  # what leaves at an edge comes in where all is outside
            outside |= paper & np.roll(last, step, axis)
    return (paper & ~outside).any(axis=(1, 2))


def explained(learnt, new, wanted, truth):
    """The share of the variance of `truth` (m, k) that a linear probe explains, given a layer's `new` (m, neurons).

    It is fitted by least squares to `wanted` (n, k) from `learnt` (n, neurons).
    """
    rows, new_rows = (np.c_[a, np.ones(len(a))].astype(float) for a in (learnt, new))
    normal = rows.T @ rows, rows.T @ wanted  # equations with the same solution, and as many rows as neurons
    said = new_rows @ np.linalg.lstsq(*normal, rcond=None)[0]
    return float(1 - ((said - truth) ** 2).sum() / ((truth - truth.mean(axis=0)) ** 2).sum())


# --- what is printed --------------------------------------------------------------------------------------------------


def noise(m):
    """What the noise of single examples does at a saddle, and in what looks like a valley."""
    n, (batch, single) = m.starts, m.left.values()
    print("\nDoes noise help? Near weights of 0 all hidden neurons are alike and every answer is 0.5, with cost 1. The")
    print(f"curvatures have both signs at {have_both_signs(m.near_saddle).sum()} of {n} such starts.", end=" ")
    print(f"After {len(m.saddle['batch']):,} steps {batch} of {n} batch descents have\nleft, {single} of {n}", end=" ")
    print(f"stochastic ones. {'The noise of single examples pushes off.' if holds('noise at a saddle', m) else ''}")
    if not m.stuck:
        return
    print(f"The descents that came to rest go on, one example a step: {m.escaped} of {m.stuck} reach cost 0.", end=" ")
    print("Noise has helped." if holds("noise in a valley", m) else "Noise does not help.")
    (before, after), (small, large) = m.flat_cost, m.flat_weight
    print(f"  With all examples a step the cost goes from {before:.4f} to {after:.4f}, and the largest weight", end=" ")
    print(f"from {small:.1f} to {large:.1f}.")
    if not holds("valleys", m):
        print("  So these are no valleys but slopes that flatten: a sigmoid is flat where its weights are large.")


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw_courses(costs, path):
    """The cost of every descent by step."""
    stuck = are_stuck(costs)
    learnt, n = (costs[-1] < LEARNT).sum(), costs.shape[1]
    title = f"XOR from {n} starts: {learnt} descents reach cost 0, {stuck.sum()} (orange) come to rest higher up"
    steps = np.arange(1, len(costs) + 1)
    with picture(path, title) as axes:
        axes.plot(steps, costs[:, ~stuck], color=BLUE, linewidth=1, alpha=0.7)
        axes.plot(steps, costs[:, stuck], color=ORANGE, linewidth=1.5, alpha=0.9)
        xlabel = "step of gradient descent (logarithmic)"
        plain(axes).set(xscale="log", ylim=(0, None), ylabel="cost C", xlabel=xlabel)


def draw_approximation(m, path):
    """A panel for each width with the curve and the fit."""
    x, y = m.x.numpy()[:, 0], m.y.numpy()[:, 0]
    n = len(m.fits)
    with picture(path, "Universal approximation: fits by width", 3.6 * n, 4, n, sharey=True) as panels:
        for axes, (width, outputs), error in zip(panels, m.fits.items(), m.errors, strict=True):
            curves = {"the curve": (x, y), "the network": (x, outputs.numpy()[:, 0])}
            title = f"{counted(width, 'hidden neuron')}:\nmean squared error {error:.2g}"
            lines(axes, curves, (GREY, BLUE), legend="lower left", title=title, xlabel="input x")
