# %% [markdown]
# # Backpropagation, by hand and by the engine
#
# A network with two inputs, two hidden neurons and one output has nine weights and biases. We compute the gradient of
# each by hand, with the chain rule. Then we ask the engine.

# %%
import math

import tinygrad_lecture as tl


def sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))


x = [1.0, 0.5]  # the inputs
y = 1.0  # what would be right
W1, b1 = [[0.5, -1.0], [1.0, 2.0]], [0.1, -0.3]  # a row of weights for each hidden neuron
W2, b2 = [1.5, -0.5], 0.2

# %% [markdown]
# ## Forward, by hand
#
# Each neuron multiplies its inputs by its weights, sums, adds its bias, and activates.

# %%
z1 = [sum(w * value for w, value in zip(row, x, strict=True)) + b for row, b in zip(W1, b1, strict=True)]
h = [sigmoid(z) for z in z1]
z2 = sum(w * value for w, value in zip(W2, h, strict=True)) + b2
a = sigmoid(z2)
C = (a - y) ** 2
print(f"hidden sums {z1}\nhidden activations {[round(value, 4) for value in h]}\nanswer {a:.4f}, cost {C:.4f}")

# %% [markdown]
# ## Backward, by hand
#
# We go back from the cost, link by link. Each gradient is the one before it, times one derivative.
#
# - The cost: $dC/da = 2 (a - y)$.
# - The activation: $da/dz_2 = a (1 - a)$.
# - The sum: $dz_2/dW_2 = h$, $dz_2/db_2 = 1$, $dz_2/dh = W_2$.
# - The hidden layer goes in the same way.

# %%
dC_da = 2 * (a - y)
dC_dz2 = dC_da * a * (1 - a)
dC_dW2 = [dC_dz2 * value for value in h]
dC_db2 = dC_dz2
dC_dh = [dC_dz2 * w for w in W2]
dC_dz1 = [g * value * (1 - value) for g, value in zip(dC_dh, h, strict=True)]
dC_dW1 = [[g * value for value in x] for g in dC_dz1]
dC_db1 = dC_dz1
print(f"dC/dW1 = {[[round(value, 5) for value in row] for row in dC_dW1]}")

# %% [markdown]
# ## By the engine
#
# Here is the same network with tensors. `backward` does what we did.

# %%
X, target = tl.tensor(x, dtype=tl.float64), tl.tensor([y], dtype=tl.float64)
weights1, bias1 = (tl.tensor(values, dtype=tl.float64, requires_grad=True) for values in (W1, b1))
weights2, bias2 = (tl.tensor(values, dtype=tl.float64, requires_grad=True) for values in ([W2], [b2]))

with tl.Graph() as graph:
    hidden = tl.sigmoid(weights1 @ X + bias1)
    answer = tl.sigmoid(weights2 @ hidden + bias2)
    cost = ((answer - target) ** 2).sum()
    cost.backward()

weights1.grad

# %% [markdown]
# Are they the same numbers?

# %%
by_hand = [dC_dW1, dC_db1, [dC_dW2], [dC_db2]]
for parameter, gradient in zip((weights1, bias1, weights2, bias2), by_hand, strict=True):
    assert tl.allclose(parameter.grad, tl.tensor(gradient, dtype=tl.float64), rtol=1e-12)
print("all nine are")

# %% [markdown]
# ## The graph
#
# Each box is a value. Below its numbers stands its gradient, in red.

# %%
graph.name({"W1": weights1, "b1": bias1, "W2": weights2, "b2": bias2, "x": X, "y": target, "h": hidden, "a": answer})
graph

# %% [markdown]
# `tl.explain` tells it all in words and numbers; each line opens. `tl.page(cost, "backpropagation.html")` writes a
# page to step through.

# %%
tl.explain(cost)

# %% [markdown]
# ## A value that is used twice
#
# Its gradient is the sum of what comes back from its uses.

# %%
u = tl.tensor(3.0, requires_grad=True)
with tl.Graph():
    v = u * 2
    w = v * v + v
    w.backward()
    told = tl.explain(w)
assert u.grad == 26  # (2 v + 1) · 2, with v = 6
told
