# %% [markdown]
# # Attention
#
# "Was the bank flooded?" The embedding table gives "bank" the same vector in every sentence. Attention lets each token
# collect something from the others. A token's query is what it looks for. Its key is what it offers. Its value is what
# it sends.

# %%
import nn
import tinygrad_lecture as tl
from transformer import GPT, CharTokenizer, GPTConfig, TokenCrossEntropy, Windows
from transformer.attention import SingleHeadAttention
from transformer.trace import AttentionMaps

tl.manual_seed(0)
tokens = ["Was", "the", "bank", "flooded", "?"]
width, head_dim = 8, 4
vectors = tl.randn(len(tokens), width)  # one row for each token
vectors

# %% [markdown]
# ## Three matrices
#
# Each token's vector times $W_Q$ is its query, times $W_K$ its key, times $W_V$ its value. A model learns these
# matrices. Here they are random, so what attends to what means nothing yet.

# %%
W_Q, W_K, W_V = (tl.randn(head_dim, width, requires_grad=True) for _ in range(3))
query, key, value = (vectors @ W.T for W in (W_Q, W_K, W_V))  # (tokens, head_dim) each
query

# %% [markdown]
# ## Scores and weights
#
# How well does a query fit a key? The score says it: their dot product, divided by the square root of their size.
# Softmax turns each row of scores into weights. Weights are positive and sum to 1.

# %%
scores = query @ key.T / head_dim**0.5  # (tokens, tokens)
weights = tl.softmax(scores, axis=-1)
AttentionMaps([weights.detach().numpy()[None]], tokens)

# %% [markdown]
# Each token's new vector is the sum of all values, each times its weight. The engine has all of this in one op.

# %%
new = weights @ value  # (tokens, head_dim)
assert tl.allclose(new, tl.attention(query, key, value), atol=1e-5)
new

# %% [markdown]
# ## Only what came before
#
# A decoder predicts the next token, so a token may not see those after it. Their scores become -inf, their weights 0.

# %%
past = tl.tril(tl.ones(len(tokens), len(tokens))).bool()
causal = tl.softmax(tl.where(past, scores, -tl.inf), axis=-1)
AttentionMaps([causal.detach().numpy()[None]], tokens)

# %% [markdown]
# ## A head that learns
#
# "bank" is to take what "flooded" sends, so that its vector comes to mean a river's bank. For that, one weight is to be
# near 1. The cost is how far it is from 1, squared.

# %%
head = SingleHeadAttention(width, head_dim)
optimizer = nn.optim.Adam(head.parameters(), lr=0.05)
for _ in range(60):
    _, found = head(vectors)
    cost = (found[2, 3] - 1.0) ** 2  # of "bank" for "flooded"
    optimizer.zero_grad()
    cost.backward()
    optimizer.step()
assert found[2, 3].item() > 0.9
AttentionMaps([found.detach().numpy()[None]], tokens)

# %% [markdown]
# ## In a small GPT
#
# This GPT has two blocks with two heads each. We train it on a few sentences. Then we look at what each letter attends
# to.

# %%
text = "the cat sat on the mat. the dog sat on the log. " * 10
tokenizer = CharTokenizer.train(text)
model = GPT(GPTConfig(vocab_size=tokenizer.vocab_size, context=16, layers=2, heads=2, width=16))
windows = Windows(tokenizer.encode(text), 16)
trainer = nn.Trainer(
    model,
    nn.DataLoader(windows, batch_size=16, shuffle=True, seed=0),
    TokenCrossEntropy(),
    nn.optim.AdamW(model.parameters(), lr=0.01),
    steps=60,
    record_every=10,
    show=False,
)
trainer.fit()

# %%
sentence = "the cat sat on t"
model.trace(tokenizer.encode(sentence)).maps(list(sentence))

# %% [markdown]
# `tl.page` shows backpropagation through all of it. Blocks and what is in them are boxes that open:
#
#     with tl.Graph():
#         ids = tl.tensor(tokenizer.encode(sentence))
#         loss = TokenCrossEntropy()(model(ids[:-1]), ids[1:])
#         loss.backward()
#         tl.page(loss, "gpt.html", tokens=list(sentence[:-1]))
