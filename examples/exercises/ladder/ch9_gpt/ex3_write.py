"""9.3  It writes names

Generation is a loop. Begin with the token 0, the line's beginning and end. Give the model
what is written so far, take the scores at the last place, draw the next token from their
probabilities, put it behind. Stop at 0, or when there are `most` tokens.

    softmax(logits / temperature), then your top_p, then rng.choice(size, p=...)

The model sees at most `context` tokens, the last ones.
p: the parameters.  rng: a NumPy generator.  Returns the list of tokens, without the 0s.
"""

import numpy as np
from ch5_losses.ex2_softmax import softmax  # all your own
from ch8_transformer.ex12_unembed import top_p
from ch9_gpt.ex1_gpt import gpt


def write(p, heads, context, rng, temperature=1.0, keep=0.95, most=20):
    ids = [0]
    while len(ids) <= most:
        logits = gpt(p, np.array([ids[-context:]]), heads).data  # (1, n, vocabulary)
        ...  # TODO: probabilities, and the next token, `following`
        if following == 0:
            break
        ids.append(int(following))
    return ids[1:]
