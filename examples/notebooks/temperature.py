# %% [markdown]
# # Temperature
#
# A language model has read "The weather today is". It gives each word a score for how well it would go on. These are
# the scores of the lecture.

# %%
import numpy as np

import tinygrad_lecture as tl
from transformer import probabilities

SCORES = {"sunny": 2.0, "cloudy": 1.8, "rainy": 1.2, "snowy": 0.8, "windy": 0.6}
words, scores = list(SCORES), tl.tensor(list(SCORES.values()), dtype=tl.float64)
scores

# %% [markdown]
# ## From scores to probabilities
#
# Softmax makes probabilities of scores. The temperature $T$ divides the scores first:
#
# $$P(token_i) = \frac{e^{score_i / T}}{\sum_j e^{score_j / T}}$$
#
# We compute it by hand for $T = 0.5$.

# %%
powers = tl.exp(scores / 0.5)
print(f"powers {[round(x, 1) for x in powers.tolist()]}, their sum {powers.sum().item():.1f}")
P = powers / powers.sum()
assert tl.allclose(P, tl.softmax(scores / 0.5, axis=0))
P

# %% [markdown]
# A row for each temperature, a column for each word. A low temperature prefers the best word. A high one makes all
# words more alike. (Three of these the lecture rounds otherwise: it has 0.05 for "snowy" at 0.5, and at 2.0 it has
# 0.18 for "rainy" and 0.13 for "windy".)

# %%
temperatures = [0.5, 1.0, 2.0]
table = tl.stack([tl.softmax(scores / T, axis=0) for T in temperatures])
print("      " + "".join(f"{word:>8}" for word in words))
for T, row in zip(temperatures, table.tolist(), strict=True):
    print(f"T = {T}" + "".join(f"{p:8.2f}" for p in row))
table

# %% [markdown]
# ## What happens at the ends?
#
# As $T$ approaches 0, all probability goes to the best word. As $T$ grows, all words become equally likely: 1 of 5
# each.

# %%
cold, hot = probabilities(scores, temperature=0.01), probabilities(scores, temperature=1000)
assert cold[0].item() > 0.999
assert tl.allclose(hot, tl.full(5, 0.2, dtype=tl.float64), atol=1e-3)
tl.stack([cold, hot])

# %% [markdown]
# ## Why?
#
# $\log P_i - \log P_j = (score_i - score_j) / T$. So the temperature divides every difference between words. How much
# does the probability of "sunny" change with $T$? Backpropagation answers it: here it falls as $T$ rises.

# %%
T = tl.tensor(1.0, dtype=tl.float64, requires_grad=True)
with tl.Graph():
    sunny = tl.softmax(scores / T, axis=0)[0]
    sunny.backward()
    told = tl.explain(sunny)
assert T.grad < 0
told

# %% [markdown]
# ## Drawing a word
#
# The next word is drawn. Each comes about as often as its probability says. For a weather report one wants $T = 0.5$
# or less: nearly always the likeliest words. For a poem, $T = 2$: all of them have a chance.

# %%
random = np.random.default_rng(0)
for T, row in zip(temperatures, table.tolist(), strict=True):
    counts = random.multinomial(1000, np.array(row) / sum(row))
    assert abs(counts[0] / 1000 - row[0]) < 0.05
    print(f"T = {T}: " + ", ".join(f"{word} {count}" for word, count in zip(words, counts.tolist(), strict=True)))

# %% [markdown]
# ## An exercise
#
# At which temperature is "sunny" three times as likely as "windy"? Solve $(2.0 - 0.6) / T = \log 3$, and have it
# checked.

# %%
T = (2.0 - 0.6) / np.log(3)  # the solution: put something else here first
P = probabilities(scores, temperature=T)
print(f"sunny is {P[0].item() / P[-1].item():.2f} times as likely as windy, at T = {T:.3f}")
assert abs(P[0].item() / P[-1].item() - 3) < 1e-6

# %% [markdown]
# `python examples/13_temperature.py` goes on: which temperature for which kind of request, and with `--real` the scores
# of a real language model.
