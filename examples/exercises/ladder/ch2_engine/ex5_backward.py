"""2.5  Backpropagation

Now all is there. The cost changes with itself by 1: dC / dC = 1. From there go through
the nodes in the order of 2.4, and let each send its gradient back as in 2.3.

After backward(C), the grad of every Value that C was made from is dC / d value. Call it
again, and the gradients must be the same: set all of them to 0 first.

root: a Value.  Changes the grad of the Values, returns None.
"""

from ch2_engine.ex3_chain import send_back  # your own
from ch2_engine.ex4_order import topological_order  # your own


def backward(root):
    ...  # TODO
