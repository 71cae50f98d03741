"""How ops are named and documented: names, settings, examples of help()."""

import inspect

import pytest
from op_table import DEFINED

import tinygrad_lecture as tl
from tinygrad_lecture import ops

# --- names ----------------------------------------------------------------------------------------------------


def test_the_ops_of_tl_are_those_that_the_files_of_ops_list():
    assert set(ops.__all__) <= set(tl.__all__)
    assert all(hasattr(tl, name) for name in tl.__all__)
    assert len(set(ops.__all__)) == len(ops.__all__)
    assert all(getattr(tl, name) is DEFINED[name] for name in ops.__all__)


def test_internal_ops_are_not_public():
    internal = set(DEFINED) - set(ops.__all__) - set(tl.linalg.__all__)
    assert {"alias", "astype", "getitem", "expand_copy", "concatenate"} <= internal
    assert not [name for name in internal if hasattr(tl, name)]


# --- help -----------------------------------------------------------------------------------------------------


PUBLIC = {name: getattr(ops, name) for name in ops.__all__}


def example_of(op):
    """The indented lines of a docstring."""
    return [line.strip() for line in inspect.getdoc(op).split("\n") if line.startswith("    ")]


@pytest.mark.parametrize("name", PUBLIC)
def test_every_setting_is_explained(name):
    op = PUBLIC[name]
    parameters = inspect.signature(op).parameters.values()
    words = {p.name for p in parameters if p.default is not p.empty}
    if any(p.name == "axis" for p in parameters):
        words |= {"axis", "dim"}
    missing = sorted(word for word in words if word not in op.__doc__)
    assert not missing, f"help(tl.{name}) does not mention {', '.join(missing)}"


@pytest.mark.parametrize("name", [name for name, op in PUBLIC.items() if example_of(op)])
def test_examples_give_the_results_they_show(name):
    names = {"tl": tl}
    for line in example_of(PUBLIC[name]):
        code, _, expected = (part.strip() for part in line.partition("  #"))
        if expected:
            found = repr(eval(code, names))
            assert found.replace("\n", "").replace(" ", "") == expected.replace(" ", ""), code
        else:
            exec(code, names)
