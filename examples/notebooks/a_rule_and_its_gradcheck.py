# %% [markdown]
# # A rule, and its gradcheck
#
# Every op has a rule: from the gradient of its result to the gradient of its input. Here you write one, with a mistake,
# and see how it is found.

# %%
import tinygrad_lecture as tl

# %% [markdown]
# ## An op
#
# Swish is $x \cdot \sigma(x)$. Forward is a line.


# %%
@tl.op
def swish(x, /):
    return x * tl.sigmoid(x)


# %% [markdown]
# Its derivative, by the product rule: $\sigma(x) + x \cdot \sigma(x) (1 - \sigma(x))$. A first try forgets the last
# factor.


# %%
@swish.backward
def _(g, x):
    s = tl.sigmoid(x)
    return g * (s + x * s)


# %% [markdown]
# ## Is it right?
#
# The check changes each input a little, and looks how much the output changes. That needs no rule.

# %%
x = tl.tensor([-2.0, 0.5, 3.0], dtype=tl.float64)
report = tl.gradcheck(swish, x, raise_exception=False)
assert not report
report

# %% [markdown]
# Which difference does it mean? By hand, for the element 0.5:

# %%
step = 1e-6
difference = ((swish(x + step) - swish(x - step)) / (2 * step))[1].item()
x.requires_grad_()
(by_rule,) = tl.grad(swish(x).sum(), x)
x.requires_grad_(False)
print(f"by differences {difference:.6f}, by the rule {by_rule[1].item():.6f}")

# %% [markdown]
# ## The right rule


# %%
@swish.backward
def _(g, x):
    s = tl.sigmoid(x)
    return g * (s + x * s * (1 - s))


report = tl.gradcheck(swish, x)
assert report
report

# %% [markdown]
# Written with `tl` functions, the rule can be differentiated itself: second derivatives come for free, and are checked.

# %%
tl.gradgradcheck(swish, x)

# %% [markdown]
# ## When nobody can tell
#
# Far out, the derivative is so small that rounding swallows it. A fair judge says so.

# %%
far = tl.gradcheck(tl.tanh, tl.tensor([0.5, 20.0], dtype=tl.float64))
assert far.cannot_tell == 1
far

# %% [markdown]
# ## An exercise
#
# Softplus is $\log(1 + e^x)$. Write its rule, and have it checked. (What is the derivative? You have seen it today.)


# %%
@tl.op
def softplus(x, /):
    return tl.log1p(tl.exp(x))


@softplus.backward
def _(g, x):
    return g * tl.sigmoid(x)  # the solution: put something else here first


tl.gradcheck(softplus, x)
