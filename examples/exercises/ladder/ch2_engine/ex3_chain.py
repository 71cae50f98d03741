"""2.3  The chain rule, one step back

Let C be the cost at the very end, and node.grad = dC / d node, already known. How much
does C change with a parent of node? The chain rule multiplies:

    dC / d parent  =  dC / d node  *  d node / d parent

The second factor is in node.locals. A parent may be used in several places, or twice
in the same: each use is a way by which it changes C. So contributions are added to
parent.grad; they never replace what is there.

node: a Value with `parents`, `locals`, `grad`.  Changes the parents' grad, returns None.
"""


def send_back(node):
    for parent, local in zip(node.parents, node.locals, strict=True):
        ...  # TODO
