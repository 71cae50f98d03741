"""What 04_backprop.py prints, read from the graph that has watched forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

import tinygrad_lecture as tl
from helpers.program import DataError
from tinygrad_lecture.inspect.graph import Vertex, in_line

Activation = Callable[[tl.Tensor], tl.Tensor]
FORWARD = {
    "matmul": "weighs and sums",
    "add": "adds the bias",
    "sub": "compares with what is wanted",
    "pow": "squares",
    "sum": "adds up the squares of all outputs",
}


def check(layers: Sequence[int], inputs: Sequence[float] | None, target: Sequence[float] | None) -> None:
    """Raises DataError for settings that make no network."""
    if len(layers) < 2 or min(layers) < 1:
        raise DataError("--layers: a network has inputs and at least one layer, each of 1 or more, such as 2 2 1")
    for name, given, n in (("inputs", inputs, layers[0]), ("target", target, layers[-1])):
        if given is not None and len(given) != n:
            raise DataError(f"--{name}: a network {'-'.join(map(str, layers))} needs {n} of them, not {len(given)}")


# --- forward and backward, step by step ---------------------------------------------------------------------


def forward(layers: Sequence[int], sigma: str, graph: tl.Graph) -> None:
    """Every value in the order of computing."""
    print(f"A network of {'-'.join(map(str, layers))} neurons, sigma = {sigma}.")
    print("\nForward: each layer weighs, sums and activates.\n")
    for vertex in graph:
        if vertex.op is None:
            print(
                f"       {vertex!s:4} {'parameter' if vertex.requires_grad else 'given':16} {in_line(vertex.value, 64)}"
            )
    print()
    for step, vertex in enumerate((v for v in graph if v.op is not None), start=1):
        words = FORWARD.get(vertex.op or "", "activates")
        print(f"  {step:2}.  {f'{vertex} = {written(vertex)}':21} {in_line(vertex.value, 64):32} {words}")


def written(vertex: Vertex) -> str:
    """A vertex's formula as the lecture writes it."""
    if vertex.op == "matmul":
        return f"{vertex.inputs[0]} {vertex.inputs[1]}"
    if vertex.op == "pow":
        return f"{vertex.inputs[0]}²"
    return vertex.formula if vertex.op in ("add", "sub", "sum") else f"sigma({vertex.inputs[0]})"


def backward(graph: tl.Graph, activation: Activation) -> None:
    """The steps of backward in its own order: what each receives, its local derivative, what it hands on."""
    print("\nBackward: from the cost back. Each step hands on what it receives, times its local derivative.\n")
    number_of = {id(v): step for step, v in enumerate((v for v in graph if v.op is not None), start=1)}
    for vertex in graph.visited:
        begins = "   backward begins here: dC/dC = 1" if vertex is graph.visited[0] else ""
        print(f"  {number_of[id(vertex)]:2}.  {vertex} = {written(vertex)}")
        print(f"         receives {f'dC/d{vertex}':7} = {in_line(vertex.grad, 64)}{begins}")
        for position, (x, gradient) in enumerate(zip(vertex.inputs, vertex.input_gradients, strict=True)):
            if gradient is not None:
                rule = local_rule(vertex, position, activation)
                mark = "   *" if x.op is None else ""
                print(f"         hands on {f'dC/d{x}':7} = {rule} = {in_line(gradient, 64)}{mark}")
    print("\n  * the gradient of a parameter: what backward is for")
    print("  outer product: each element of one times each of the other")


def local_rule(vertex: Vertex, position: int, activation: Activation) -> str:
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


def slopes(activation: Activation, z: tl.Tensor) -> np.ndarray:
    """sigma'(z), element by element."""
    return tl.func.grad(lambda z: activation(z).sum())(z.detach()).numpy()


def three_ways(
    parameters: Mapping[str, tl.Tensor],
    values: Mapping[str, tl.Tensor],
    graph: tl.Graph,
    activation: Activation,
    cost: Callable[[dict[str, tl.Tensor]], float],
) -> None:
    """Every parameter's gradient by the formula, by backward() and by trying."""
    print("\nThe gradient of every parameter in three ways:\n")
    print("                 a  · sigma'(z) ·  dC/da  =  formula  backward()  by trying")
    furthest, h = 0.0, 1e-6
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
            formula, found, tried = (
                a * slope[j] * blame[j],
                parameter.grad[index].item(),
                (costs[0] - costs[1]) / (2 * h),
            )
            furthest = max(furthest, abs(formula - found), abs(tried - found))
            label = f"{name}[{', '.join(str(i + 1) for i in index)}]"
            factors = f"{a:8.4f} · {slope[j]:8.4f} · {blame[j]:8.4f}"
            print(f"  {label:9} {factors} = {formula:10.6f}  {found:10.6f} {tried:10.6f}")
    print("\n  a: the activation that a weight multiplies, 1 for a bias. By trying: (C(w + h) - C(w - h)) / 2h.")
    print(f"  The three differ by {furthest:.0e} at most.")


def step(rate: float, before: float, after: float) -> None:
    """What a step downhill does to the cost."""
    print(f"\nA step downhill: every parameter minus {rate:g} times its gradient. Cost {before:.6f} -> {after:.6f}")
    if after > before:
        print("  The cost has risen: the step was too large. Try a smaller --rate.")


def negative_sums(largest: Mapping[str, float]) -> None:
    """What is left of the gradient behind neurons whose sums are all negative."""
    print("\nA hidden layer with biases of -3, so that all its sums are negative. The largest gradient of its weights:")
    for name, gradient in largest.items():
        note = {0.0: "no example changes these weights any more"}.get(gradient, "")
        print(f"  {name:11} {gradient:8.5f}   {note}".rstrip())
    print(
        "  Leaky ReLU keeps a slope of 0.01 where ReLU has none, so its neurons can still learn. (0.01 is usual, as in"
    )
    print("  PyTorch; 01 takes 0.1, which can be seen in a picture.)")


# --- the price ----------------------------------------------------------------------------------------------


def price(times: Mapping[int, tuple[float, float]], memory: Mapping[int, int]) -> None:
    """Seconds of forward and backward by batch size, their ratio, pictures per second, and the memory in bytes."""
    print("\nThe price of a gradient: the digit network, all 13,002 derivatives at once")
    print("  pictures at once    forward   backward   backward / forward   pictures per second      memory")
    for n, (ahead, back) in times.items():
        print(
            f"  {n:16,} {1e3 * ahead:7.2f} ms {1e3 * back:7.2f} ms {back / ahead:20.1f} {n / (ahead + back):21,.0f}",
            end="",
        )
        print(f"{memory[n] / 1e6:9.2f} MB")
    best = max(times, key=lambda n: n / sum(times[n]))
    print(f"  {best:,} pictures at once are fastest here: one matrix product does the work of many small ones.")
    if best != max(times):
        print(f"  With {max(times):,} its numbers may no longer fit into the processor's cache.")
    print("  The memory is for what both passes compute; the pictures themselves take 3 kB each.")


def trying(times: tuple[float, float], error: float) -> None:
    """The price of finite differences for all parameters: two forward passes for each."""
    forward, backward = times
    whole = 2 * 13_002 * forward
    print("\nBy trying, each parameter costs two forward passes. With 32 pictures:")
    print(f"  2 · 13,002 · {1e3 * forward:.2f} ms = {whole:.1f} s, {whole / backward:,.0f} times as long as backward")
    print(f"  50 parameters tried: they agree with backward() within {error:.0e} x the largest derivative")


def noise(distances: Mapping[int, Sequence[float]]) -> None:
    """How far the gradient of a batch lies from that of all pictures."""
    print("\nThe noise of a batch: how far its gradient lies from that of all 8,500 pictures, relative to its length")
    one = float(np.mean(distances[1]))
    for n, values in distances.items():
        expected = f"expected: {one:.2f} / sqrt({n}) = {one * n**-0.5:.2f}" if n > 1 else ""
        print(f"  {n:4} picture{'s' if n > 1 else ' '}   {np.mean(values):6.2f}   {expected}".rstrip())
    print("  Four times the pictures halve the noise, for four times the work.")
