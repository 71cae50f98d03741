"""2.4  In which order?

A node may send its gradient back only when it is complete: when all nodes that use it
have sent theirs. So put all nodes in an order in which each stands after everything
that was made from it. The last result comes first, the inputs come last. This is a
topological order, backwards.

One way: visit a node's parents first, each with all of its parents, then put the node
itself at the end of a list; never visit a node twice. At the end, turn the list round.

root: a Value.  Returns a list of root and all Values it was made from, each once.
"""


def topological_order(root):
    done = []  # parents before what is made from them
    seen = set()  # of id(node): two Values are different, even with the same number

    def visit(node):
        ...  # TODO

    visit(root)
    return done[::-1]
