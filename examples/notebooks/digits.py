# %% [markdown]
# # A network that reads digits
#
# Each "3" looks different, yet we recognise it at once. Nobody can write down the rules for it. So we give examples,
# 8,500 pictures of handwritten digits with the right answers, and let a network learn.

# %%
import gzip
from pathlib import Path

import numpy as np

import nn
import tinygrad_lecture as tl

tl.manual_seed(0)
data = Path("../data")  # beside this folder
pixels = np.frombuffer(gzip.decompress((data / "digits-images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16)
labels = np.frombuffer(gzip.decompress((data / "digits-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8)
images, labels = tl.tensor(pixels.reshape(-1, 784) / 255, dtype=tl.float32), tl.tensor(labels).long()
learn, test = nn.TensorDataset(images[:-1500], labels[:-1500]), (images[-1500:], labels[-1500:])
three = test[0][(test[1] == 3).numpy().argmax()]
three.reshape(28, 28)

# %% [markdown]
# A picture is 28 × 28 = 784 numbers, from 0 for paper to 1 for ink.
#
# ## The network
#
# 784 inputs, two hidden layers of 16 neurons, ten outputs: one for each digit. Each neuron weighs its inputs, sums,
# adds its bias, and activates. Weights and biases are the knobs to turn: 12,960 + 42 = 13,002.

# %%
model = nn.MLP([784, 16, 16, 10], nn.Sigmoid, nn.Sigmoid)
for layer in (model[0], model[2], model[4]):
    nn.init.xavier_uniform_(layer.weight)
assert sum(parameter.numel() for parameter in model.parameters()) == 13_002
nn.summary(model, images[:1])

# %% [markdown]
# ## How wrong is it?
#
# For a 3, output 3 should be 1 and all others 0. The cost adds up the squared differences: $C = \sum_j (a_j - y_j)^2$.
# The network knows nothing yet, so its outputs are nowhere near.

# %%
wanted = tl.eye(10)  # row k: the ten outputs wanted for the digit k


def cost(outputs, digits):
    return ((outputs - wanted[digits]) ** 2).sum(axis=1).mean()


outputs = model(three[None])
print(f"cost of one 3: {cost(outputs, tl.tensor([3])).item():.2f}")
outputs.detach()

# %% [markdown]
# ## Learning
#
# Take 32 pictures. Backpropagation finds how much the cost changes with each of the 13,002 knobs. Turn each a little
# in the direction that lowers the cost. Then take the next 32. An epoch is one pass through all pictures.

# %%
batches = nn.DataLoader(learn, batch_size=32, shuffle=True, seed=0)
optimizer = nn.optim.SGD(model.parameters(), lr=1.0)
history = nn.fit(model, batches, cost, optimizer, epochs=10, show=False)
history

# %% [markdown]
# How many digits does it read right that it has not learnt from?

# %%
with tl.no_grad():
    answers = model(test[0])
right = (answers.argmax(axis=1) == test[1]).float().mean().item()
assert right > 0.8
print(f"{right:.1%} of {len(test[1]):,} unseen digits are right; who guesses gets 10%")

# %% [markdown]
# ## What does it look for?
#
# The weights of a neuron of the first layer are a picture: where is ink to excite it (blue), where to inhibit it
# (orange)? The lecture hopes for edges. Are these edges?

# %%
model[0].weight[0].detach().reshape(28, 28)

# %% [markdown]
# ## Which pixels say 3?
#
# The gradient of output 3 by the input is a picture, too. More ink where it is blue makes the network surer of a 3.

# %%
x = three[None].clone().requires_grad_()
model(x)[0, 3].backward()
x.grad.reshape(28, 28)

# %% [markdown]
# ## What does it make of noise?
#
# Nobody told the network that a picture may show no digit. There are ten outputs, and none of them says so. Each row
# below is its answer to a picture of random pixels.

# %%
with tl.no_grad():
    noise = model(tl.rand(1500, 784))
for name, found in {"digits": answers, "noise": noise}.items():
    print(f"the largest output for {name} is {found.amax(axis=1).mean().item():.2f} on average")
noise[:10]

# %% [markdown]
# The whole computation of one picture, step by step, as a page on which its numbers can be changed:
#
#     with tl.Graph():
#         C = cost(model(three[None]), tl.tensor([3]))
#         tl.page(C, "digit.html")
#
# `python examples/02_digits.py` goes on: pictures of all neurons, what the mistakes are, how many pixels it needs.
