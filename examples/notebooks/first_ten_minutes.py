# %% [markdown]
# # The first ten minutes
#
# A tensor is an array that remembers how it was computed. From this memory the engine finds gradients. With gradients
# a network learns.

# %%
import nn
import tinygrad_lecture as tl

tl.manual_seed(0)
x = tl.tensor([[0.2, -1.5, 0.7], [1.0, 0.0, -0.3]])
x

# %% [markdown]
# The tensor has two rows with three numbers each: its shape is (2, 3). Blue numbers are above 0, orange ones below.
#
# Operations work on all elements at once. `@` multiplies matrices.

# %%
W = tl.randn(4, 3, requires_grad=True)
z = x @ W.T  # (2, 3) @ (3, 4) -> (2, 4)
z

# %% [markdown]
# The head says what made `z`: `matmul`, a product of matrices. `W` requires a gradient, so the engine has recorded the
# product.
#
# Next we compute a cost, a number that is to become small. The question of the lecture: how much does the cost change
# with each weight? `backward` finds the answer, the gradient.

# %%
cost = (tl.sigmoid(z) ** 2).mean()
cost.backward()
W.grad

# %% [markdown]
# Where the gradient is above 0, a larger weight makes the cost larger. A step against the gradient makes it smaller.

# %%
before = cost.item()
with tl.no_grad():  # a step is no part of the graph
    W -= 5.0 * W.grad
after = (tl.sigmoid(x @ W.T) ** 2).mean().item()
print(f"cost {before:.4f} -> {after:.4f}")
assert after < before

# %% [markdown]
# ## Watching
#
# A `Graph` sees every value and every gradient. Here it watches one neuron.

# %%
inputs, weights = tl.tensor([1.0, 0.5]), tl.tensor([0.5, -1.5], requires_grad=True)
with tl.Graph() as graph:
    weighted = weights @ inputs
    answer = tl.sigmoid(weighted)
    C = (answer - 1.0) ** 2
    C.backward()
graph.name(globals())
graph

# %% [markdown]
# `tl.explain` writes down how the gradients came about. `tl.page(C, "neuron.html")` writes a page to step through.

# %%
tl.explain(C)

# %% [markdown]
# ## A network that learns
#
# Some points lie inside of a circle, the others outside. The network gets points, each with the right answer. It never
# sees the circle, but learns where it is.

# %%
points = tl.rand(400, 2) * 2 - 1
inside = ((points * points).sum(axis=1) < 0.6).long()
learn, test = nn.data.random_split(nn.TensorDataset(points, inside), [0.8, 0.2], seed=0)
model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
model

# %%
nn.summary(model, points)

# %%
batches = nn.DataLoader(learn, batch_size=32, shuffle=True, seed=0)
optimizer = nn.optim.AdamW(model.parameters(), lr=0.02)
options = {"test": [test[:]], "accuracy": True, "show": False}
history = nn.fit(model, batches, nn.CrossEntropyLoss(), optimizer, epochs=30, **options)
history

# %% [markdown]
# How many points does it get right that it has not learnt from?

# %%
assert history[-1].test.accuracy > 0.85
print(f"{history[-1].test.accuracy:.0%} of the test points are right")

# %% [markdown]
# Where does a step of training spend its time? The first step with so many points also loads what it needs, so the
# second one is measured.

# %% tags=["measured"]
for _ in range(2):
    with tl.profile() as profile:
        nn.CrossEntropyLoss()(model(points), inside).backward()
profile

# %% [markdown]
# Next: `backpropagation.py` does the same with pencil and paper first.
