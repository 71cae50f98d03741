# %% [markdown]
# # A rule, and its gradcheck
#
# Every op has a backward rule. It turns the gradient of the result into the gradient of the input. Here you write a
# rule with a mistake, and see how the mistake is found.

# %%
import tinygrad_lecture as tl

# %% [markdown]
# ## An op
#
# Swish is $x \cdot \sigma(x)$. Its forward is one line.


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
# The check changes each input a little, and looks how much the output changes. It needs no rule for that.

# %%
x = tl.tensor([-2.0, 0.5, 3.0], dtype=tl.float64)
report = tl.gradcheck(swish, x, raise_exception=False)
assert not report
report

# %% [markdown]
# The check compares the rule with a difference. For the element 0.5 we compute both by hand. The report has multiplied
# both by an upstream gradient, which its table shows.

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
# The rule is written with `tl` functions, so it can be differentiated itself. That gives second derivatives, and they
# can be checked too.

# %%
tl.gradgradcheck(swish, x)

# %% [markdown]
# ## When nobody can tell
#
# For large inputs the derivative of tanh is so small that rounding swallows it. The check says so, and does not guess.

# %%
far = tl.gradcheck(tl.tanh, tl.tensor([0.5, 20.0], dtype=tl.float64))
assert far.cannot_tell == 1
far

# %% [markdown]
# ## An exercise
#
# Softplus is $\log(1 + e^x)$. Write its rule, and have it checked. You have seen its derivative today.


# %%
@tl.op
def softplus(x, /):
    return tl.log1p(tl.exp(x))


@softplus.backward
def _(g, x):
    return g * tl.sigmoid(x)  # the solution: put something else here first


tl.gradcheck(softplus, x)
