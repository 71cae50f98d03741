"""Looking inside a model, and trying what if: every point of it has a name.

points.py           the names; a hook at each, which sees the value and may change it
trace.py            what a model computes at every point while it reads a text; its attention as maps; the logit lens
shares.py           a logit as the sum of what each head and each FFN added
inspectable.py      the base of the models: points, trace, edit, and patch, which says what points make two texts differ

For those who know TransformerLens, its first recipes, and what to write here:

    run_with_cache          trace = model.trace(tokens); trace["blocks.0.attention.heads"]
    names of hooks          model.points()
    run_with_hooks          with model.edit({"blocks.0": lambda x: 2 * x}): model(tokens)
    ablation of a head      with model.edit({"blocks.0.attention.heads": lambda x: x * mask}): model(tokens)
    activation patching     model.patch(clean, corrupted, score, "blocks.*", each="token")
    logit lens              model.trace(tokens).logits_at(1)
    logit attribution       model.trace(tokens).shares(token)
    attention patterns      model.trace(tokens).maps(labels)
    induction heads         model.trace(twice)["blocks.1.attention.weights"][:, n:, 1:n].diagonal(0, 1, 2)
    steering                with model.edit({"blocks.0": lambda x: x + direction}): model.generate(tokens)
    gradients               t = model.trace(tokens, requires_grad=True); tl.grad(score(t["logits"]), t["blocks.0"])

`mask` is (heads, 1, 1), 0 for the head; `twice` are n random tokens, said two times. Blocks and heads count from 0. Not
there: weights with the norms folded into them, path patching, sparse autoencoders. examples/25_change_a_thought.py
uses most of these.
"""

# ruff: noqa: F403
from .inspectable import *
from .shares import *
from .trace import *
