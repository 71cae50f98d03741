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
from transformer.inspect.attention_maps import AttentionMaps

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
# In "Was the bank flooded?" the bank is a river's, in "Was the bank closed?" it keeps money, and an old bank may be
# either. The cost asks for this sense, read off the new vector of "bank". No weight is told what to be. The sentences
# differ in one word, so what "bank" takes from that word must tell. The map shows the first sentence.

# %%
closed, old = (tl.cat([vectors[:3], tl.randn(1, width), vectors[4:]]) for _ in range(2))  # one word is another
sentences = tl.stack([vectors, closed, old, old])  # (4, tokens, width)
senses = tl.tensor([0, 1, 0, 1])  # river, money; the last two are the same sentence
head, sense = SingleHeadAttention(width, head_dim), nn.Linear(head_dim, 2)
optimizer = nn.optim.AdamW([*head.parameters(), *sense.parameters()], lr=0.02, weight_decay=0.5)
for _ in range(100):
    new, found = head(sentences)  # (4, tokens, head_dim), (4, tokens, tokens)
    scores = sense(new[:, 2])  # of "bank": (4, 2)
    cost = nn.functional.cross_entropy(scores, senses)
    optimizer.zero_grad()
    cost.backward()
    optimizer.step()
p = tl.softmax(scores, axis=-1)
assert p[0, 0].item() > 0.9
assert p[1, 1].item() > 0.9
assert abs(p[2, 0].item() - 0.5) < 0.1
print(f"flooded: river {p[0, 0].item():.0%}, closed: money {p[1, 1].item():.0%}, old: river {p[2, 0].item():.0%}")
AttentionMaps([found[0].detach().numpy()[None]], tokens)

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
batches = nn.DataLoader(windows, batch_size=16, shuffle=True, seed=0)
nn.fit(model, batches, TokenCrossEntropy(), nn.optim.AdamW(model.parameters(), lr=0.01), epochs=2, show=False)

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
#         letters = [tokenizer.decode([i]) for i in range(tokenizer.vocab_size)]
#         tl.page(loss, "gpt.html", tokens=list(sentence[:-1]), classes=letters)
