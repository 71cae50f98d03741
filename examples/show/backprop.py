"""For 04_backprop.py: what it prints and draws, read from the graph that has watched forward and backward."""

import tracemalloc
from time import perf_counter

import numpy as np

import nn
import tinygrad_lecture as tl
from helpers.drawing import tell
from helpers.program import detail, holds, table
from tinygrad_lecture.inspect.drawing import draw_graph
from tinygrad_lecture.inspect.graph import in_line

BATCHES = 1, 8, 32, 128, 512  # pictures whose mean gradient is compared with that of all
FORWARD = {
    "matmul": "weighs and sums",
    "add": "adds the bias",
    "sub": "compares with what is wanted",
    "pow": "squares",
    "sum": "adds up the squares of all outputs",
}


def steps(graph):
    """The steps of computing, in their order, from 1."""
    return enumerate((vertex for vertex in graph if vertex.op is not None), start=1)


def report(m, settings):
    """Print what was measured, and draw it."""
    # Every value in the order of computing
    layers = settings.layers
    a0, y = (in_line(m.graph[m.values_of[name]].value) for name in ("a0", "y"))
    print(f"A network of {'-'.join(map(str, layers))} neurons, sigma = {settings.activation}:", end=" ")
    print(f"inputs a0 = {a0}, wanted y = {y}.")
    print("\nForward: each layer weighs, sums and activates.")
    for layer in range(1, len(layers)):
        W, b = (in_line(m.graph[m.parameters[f"{name}{layer}"]].value, 64) for name in "Wb")
        print(f"  layer {layer}:   W{layer} = {W}   b{layer} = {b}")
    for number, vertex in steps(m.graph):
        words = FORWARD.get(vertex.op or "", "activates")
        print(f"  {number:2}.  {f'{vertex} = {written(vertex)}':21} {in_line(vertex.value, 64):32} {words}")

    # The steps of backward in its own order: what each passes back
    print("\nBackward: from the cost back. Each step passes back what it gets, times its local derivative.")
    for number, vertex in zip(m.order, m.graph.visited, strict=True):
        label = f"  {number:2}.  {f'{vertex} = {written(vertex)}':18}"
        for position, (x, passed) in enumerate(zip(vertex.inputs, vertex.input_gradients, strict=True)):
            if passed is not None:
                rule = local_rule(vertex, position, m.activation)
                mark = "   *" if x.op is None else ""
                print(f"{label:25} {f'dC/d{x}':11} = {rule} = {in_line(passed, 64)}{mark}")
                label = ""
    print("  *: the gradient of a parameter. Outer product: each element of one times each of the other")

    # Every parameter's gradient by the formula, by backward() and by nudging
    detail("\nThe gradient of every parameter in three ways:\n")
    columns = "a", "· sigma'(z)", "· dC/da", "= formula", "backward()", "by nudging"
    table(columns, m.gradients, ".6f", say=detail)
    detail("\n  a: the activation that a weight multiplies, 1 for a bias. By nudging: (C(w + h) - C(w - h)) / 2h.")
    print(f"\nA step downhill, {settings.rate:g} times each gradient: cost {m.C:.6f} -> {m.after:.6f}")
    if m.after > m.C:
        print("  The cost has risen: the step was too large. Try a smaller --rate.")

    # How long forward, backward and nudging take, pictures per second, and the memory
    print("\nThe price of a gradient: the digit network of 13,002 parameters")
    rows = {}
    for (n, (ahead, back)), rate, size in zip(m.times.items(), m.per_second, m.memory, strict=True):
        rows[f"{n:,}"] = f"{1e3 * ahead:.2f}", f"{1e3 * back:.2f}", back / ahead, f"{rate:,.0f}", f"{size:.2f}"
    columns = "forward (ms)", "backward (ms)", "backward / forward", "pictures per second", "memory (MB)"
    table(columns, rows, ".1f", "pictures at once", say=detail)
    if holds("in parallel", m):
        fast = f"The fastest is {m.together:.0f} times as fast as one by one"
        detail(f"  {fast}: one matrix product does the work of many small ones.")
    print(f"  Backward takes {m.ratio:.1f} times as long as forward.", end=" ")
    print(f"To nudge each parameter takes {m.nudging:,.0f} times as long as backward.")

    # How far the gradient of a batch lies from that of all pictures
    detail("\nThe noise of a batch: how far its gradient lies from that of all 8,500 pictures, relative to its length")
    rows = {f"{n} at once": (noise, m.noise[0] * n**-0.5) for n, noise in zip(BATCHES, m.noise, strict=True)}
    table(("measured", f"expected: {m.noise[0]:.2f} / sqrt(n)"), rows, ".2f", say=detail)

    title, path = "The computation graph of a network and its cost", settings.out / "graph.svg"
    draw_graph(m.graph, path, title)
    tell(path, title)
    if settings.page:
        path = tl.page(m.graph, settings.out / "backprop.html", title="Backpropagation")
        print(f"A page to step through: {path}")


# --- forward and backward, step by step -------------------------------------------------------------------------------


def written(vertex):
    """A vertex's formula as the lecture writes it."""
    if vertex.op == "matmul":
        return f"{vertex.inputs[0]} {vertex.inputs[1]}"
    if vertex.op == "pow":
        return f"{vertex.inputs[0]}²"
    return vertex.formula if vertex.op in ("add", "sub", "sum") else f"sigma({vertex.inputs[0]})"


def local_rule(vertex, position, activation):
    """What a backward rule makes of the gradient that it receives, as a formula with numbers where they help."""
    x, received = vertex.inputs[position], f"dC/d{vertex}"
    upstream = in_line(vertex.grad, 64)
    if vertex.op == "pow":
        return f"2{x} · {received} = 2 · {in_line(x.value, 64)} · {upstream}"
    if vertex.op == "matmul":
        other = vertex.inputs[1 - position]
        return f"outer product of {received} and {other}" if position == 0 else f"{other} transposed · {received}"
    if vertex.op in ("add", "sub", "sum"):
        return f"1 · {received}"
    return f"sigma'({x}) · {received} = {in_line(slopes(activation, tl.tensor(x.value)), 64)} · {upstream}"


def slopes(activation, z):
    """sigma'(z), element by element."""
    return tl.func.grad(lambda z: activation(z).sum())(z.detach()).numpy()


def three_ways(parameters, values, graph, activation, cost):
    """For every parameter: a, sigma'(z), dC/da, and its gradient by the formula, by backward() and by nudging."""
    found, h = {}, 1e-6
    for name, parameter in parameters.items():
        layer = int(name[1:])
        slope, blame = slopes(activation, values[f"z{layer}"]), graph[values[f"a{layer}"]].grad
        inputs = values[f"a{layer - 1}"].tolist()
        for index in np.ndindex(parameter.shape):
            j = index[0]
            a = inputs[index[1]] if name[0] == "W" else 1.0
            costs = []
            for shift in (h, -h):
                moved = parameter.detach().clone()
                moved[index] += shift
                costs.append(cost({**parameters, name: moved}))
            gradients = a * slope[j] * blame[j], parameter.grad[index].item(), (costs[0] - costs[1]) / (2 * h)
            found[f"{name}[{', '.join(str(i + 1) for i in index)}]"] = [a, slope[j], blame[j], *gradients]
    return found


# --- the price of a gradient: time, memory, finite differences --------------------------------------------------------


def measure_times(model, x, y, repeats):
    """The median seconds of a forward and of a backward pass."""
    seconds = []
    for _ in range(repeats + 1):
        model.zero_grad()
        begin = perf_counter()
        C = nn.functional.mse_loss(model(x), y)
        middle = perf_counter()
        C.backward()
        seconds.append((middle - begin, perf_counter() - middle))
    return tuple(np.median(seconds[1:], axis=0).tolist())  # the first is slower


def memory(model, x, y):
    """The most bytes that a forward and a backward pass hold at once, beside the pictures and the weights."""
    model.zero_grad()
    tracemalloc.start()
    try:
        nn.functional.mse_loss(model(x), y).backward()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def gradient(model, x, y):
    """The gradient of the mean cost for all parameters, (13002,)."""
    model.zero_grad()
    nn.functional.mse_loss(model(x), y).backward()
    return nn.utils.parameters_to_vector([p.grad for p in model.parameters()])


def gradient_noise(model, x, y, n, seed):
    """How far the gradients of 20 random batches of n pictures lie from that of all, relative to its length."""
    whole = gradient(model, x, y)  # (13002,)
    batches = np.random.default_rng(seed).integers(0, len(x), (20, n))
    return [((gradient(model, x[i], y[i]) - whole).norm() / whole.norm()).item() for i in batches]
