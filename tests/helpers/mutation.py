"""Mutation testing of the backward rules: plant a bug, run the tests of its op, and see whether one fails.

    python tests/helpers/mutation.py                       every rule; takes a while
    python tests/helpers/mutation.py --op pow --op prod    the rules of these ops

Runs on temporary copies of the engine. A bug that survives is printed with file, line and change: add an example to
the tests or, if the change alters no result, add it to equivalent.txt with the reason. Not part of the test run.
Bugs in what only large arrays reach, such as calls of compiled loops, survive here; tests of the kernels catch them.
"""

from __future__ import annotations

import argparse
import ast
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import redirect_stderr, redirect_stdout
from copy import deepcopy
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import hypothesis.extra.numpy  # noqa: F401 - imported once here, not by every process
import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(path.relative_to(ROOT) for path in (ROOT / "tinygrad_lecture/ops").rglob("*.py"))
SOURCES += [
    Path(f"tinygrad_lecture/kernels/{name}.py") for name in ("attention", "fused", "gelu", "recurrent", "windows")
]
TESTS = [f"tests/tinygrad_lecture/{name}.py" for name in ("ops/test_op_table", "ops/test_subgradients", "test_backend")]
PATIENCE = 300  # seconds; a bug that makes the tests hang counts as caught


@dataclass(frozen=True)
class Mutant:
    """A bug to plant: an expression or the first line of a statement, before and after; the whole file with the bug."""

    op: str
    path: Path
    line: int
    before: str
    after: str
    source: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} ({self.op})\n  - {self.before}\n  + {self.after}"

    @property
    def is_equivalent(self) -> bool:
        """Whether it is known to alter no result: a row "op: before -> after" of equivalent.txt."""
        return f"    {self.op}: {self.before}  ->  {self.after}" in EQUIVALENT


EQUIVALENT = Path(__file__).with_name("equivalent.txt").read_text(encoding="utf-8").splitlines()

# --- where bugs are planted ---------------------------------------------------------------------------------


def rules(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef | ast.Lambda]]:
    """The backward rules of a file, each with the op whose tests must catch a bug in it."""
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    for statement in tree.body:
        match statement:
            case ast.Expr(ast.Call(ast.Attribute(ast.Name(op), "backward"), [ast.Lambda() as rule])):
                yield op, rule  # op.backward(lambda g: ...)
            case ast.Expr(ast.Call(ast.Call(ast.Attribute(ast.Name(op), "backward")), [ast.Lambda() as rule])):
                yield op, rule  # op.backward("x")(lambda g: ...)
            case ast.FunctionDef(name) if name.endswith("_backward"):
                yield name.removesuffix("_backward"), statement
            case ast.FunctionDef(name, decorator_list=[ast.Call(args=[given, *_])]):
                # @computed(rules) of the table of elementwise functions
                for rule in given.elts if isinstance(given, ast.Tuple) else [given]:
                    if isinstance(rule, ast.Lambda):
                        yield name, rule
                    elif isinstance(rule, ast.Name) and rule.id in functions:
                        yield name, functions.pop(rule.id)
        for decorator in statement.decorator_list if isinstance(statement, ast.FunctionDef) else []:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if isinstance(called, ast.Attribute) and called.attr == "backward" and isinstance(called.value, ast.Name):
                yield called.value.id, statement
                break  # a rule shared by several ops counts for the first


def mutants(path: Path, ops: Collection[str] | None = None) -> Iterator[Mutant]:
    """Every bug that can be planted in a file's rules, or in the rules of some ops, one at a time."""
    tree, seen = ast.parse((ROOT / path).read_text(encoding="utf-8")), set()
    for op, function in rules(tree):
        if ops is not None and op not in ops:
            continue
        parents = {child: node for node in ast.walk(function) for child in ast.iter_child_nodes(node)}
        body = [function.body] if isinstance(function, ast.Lambda) else function.body
        for node in (node for statement in body for node in ast.walk(statement)):
            for changed in changes(node):
                before, after = in_context(node, changed, parents)
                if before != after and (node.lineno, before, after) not in seen:
                    seen.add((node.lineno, before, after))
                    planted = ast.fix_missing_locations(deepcopy(tree, {id(node): changed}))
                    yield Mutant(op, path, node.lineno, before, after, ast.unparse(planted))


def in_context(node: ast.AST, changed: ast.AST, parents: dict[ast.AST, ast.AST]) -> tuple[str, str]:
    """The expression around a node, before and after the change; for a statement, its first line."""
    around = parents[node]
    while isinstance(around, ast.UnaryOp) and isinstance(parents[around], ast.expr):
        around = parents[around]
    whole = isinstance(around, (ast.stmt, ast.Lambda))
    pair = (node, changed) if whole else (around, deepcopy(around, {id(node): changed}))
    before, after = (ast.unparse(part).strip().partition("\n")[0] for part in pair)
    return before, after


# --- the changes of one expression or statement -------------------------------------------------------------

SWAPS = {  # operators, each with those that it may be confused with
    "Add": "Sub", "Sub": "Add", "Mult": "Div", "Div": "Mult", "Pow": "Mult", "BitAnd": "BitOr", "BitOr": "BitAnd",
    "And": "Or", "Or": "And", "Is": "IsNot", "IsNot": "Is", "In": "NotIn", "NotIn": "In", "Eq": "NotEq", "NotEq": "Eq",
    "Lt": "LtE Gt", "LtE": "Lt GtE", "Gt": "GtE Lt", "GtE": "Gt LtE",
}  # fmt: skip


def swapped(operator: ast.AST) -> list[Any]:
    """The operators that this one may be confused with."""
    return [getattr(ast, other)() for other in SWAPS.get(type(operator).__name__, "").split()]


def changes(node: ast.AST) -> Iterator[ast.AST]:
    """The node with each mistake that a person might make."""
    match node:
        case ast.BinOp(left, operator, right):
            yield from (ast.BinOp(left, other, right) for other in swapped(operator))
            yield from (left, right)  # a term or factor is forgotten
            if isinstance(operator, (ast.Sub, ast.Div, ast.MatMult, ast.Pow)):
                yield ast.BinOp(right, operator, left)
        case ast.UnaryOp(ast.USub() | ast.Not() | ast.Invert(), operand):
            yield operand
        case ast.Compare(left, [operator], [right]):
            yield from (ast.Compare(left, [other], [right]) for other in swapped(operator))
        case ast.BoolOp(operator, values):
            yield from (ast.BoolOp(other, values) for other in swapped(operator))
            yield from values
        case ast.IfExp(_, body, orelse):
            yield from (body, orelse)
        case ast.Constant(bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(int() | float() as value):
            yield ast.Constant(value + 1)
        case ast.Call(ast.Name("isinstance")) | ast.Subscript(ast.Name("needs")):
            pass  # no part of the formula
        case ast.Call(function, args, keywords):
            yield from (argument for argument in args if not isinstance(argument, ast.Starred))  # the call is forgotten
            if isinstance(function, ast.Attribute):
                yield function.value
            for i in range(len(args) - 1):
                yield ast.Call(function, [*args[:i], args[i + 1], args[i], *args[i + 2 :]], keywords)
            for i in range(len(keywords)):
                yield ast.Call(function, args, keywords[:i] + keywords[i + 1 :])
        case ast.Subscript(value):
            yield value
        case ast.AugAssign(target, operator, value):
            yield from (ast.AugAssign(target, other, value) for other in swapped(operator))
            yield ast.Pass()
        case ast.Expr(ast.Call()) | ast.Assign():
            yield ast.Pass()


# --- running the tests --------------------------------------------------------------------------------------


def passes(task: tuple[str, Mutant | None]) -> bool:
    """Whether the tests of an op pass on a copy of the engine with a bug planted. Runs in a process of its own."""
    op, mutant = task
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        copy = Path(name)
        for folder in ("tinygrad_lecture", "tests"):
            shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", "benchmarks"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        if mutant is not None:
            (copy / mutant.path).write_text(mutant.source, encoding="utf-8")
        os.chdir(copy)
        sys.path.insert(0, name)
        sys.dont_write_bytecode = True
        os.environ["HYPOTHESIS_PROFILE"] = "mutation"
        signal.signal(signal.SIGALRM, _give_up)
        signal.alarm(PATIENCE)
        chosen = f"[{op}] or [{op}- or -{op}] or test_{op}_ or test_subgradients"
        with (copy / "output").open("w") as output, redirect_stdout(output), redirect_stderr(output):
            status = pytest.main(["-x", "-q", "--assert=plain", "-p", "no:cacheprovider", "-k", chosen, *TESTS])
        os.chdir(ROOT)
    return status == 0


def _give_up(*_: object) -> None:
    raise TimeoutError("the tests take too long")


def survivors(planted: list[Mutant]) -> Iterator[Mutant]:
    """Plant each bug in turn; those that no test catches. Raises SystemExit if tests fail without a bug."""
    tasks: list[tuple[str, Mutant | None]] = [(op, None) for op in {mutant.op for mutant in planted}]
    tasks += [(mutant.op, mutant) for mutant in planted]
    with get_context("fork").Pool(maxtasksperchild=1) as pool:  # a fresh engine to import for each
        for (op, mutant), passed in zip(tasks, pool.imap(passes, tasks), strict=True):
            if mutant is None and not passed:
                raise SystemExit(f"the tests of {op} fail without a bug planted")
            if mutant is not None and passed:
                yield mutant


def main() -> int:
    parser = argparse.ArgumentParser(description="Plant bugs in backward rules and see whether the tests catch them.")
    parser.add_argument("--op", action="append", help="only the rules of this op; may be given several times")
    parser.add_argument("--equivalent", action="store_true", help="plant only the known equivalents, which survive")
    options = parser.parse_args()

    found = [mutant for path in SOURCES for mutant in mutants(path, options.op)]
    planted = [mutant for mutant in found if mutant.is_equivalent == options.equivalent]
    count = 0
    for count, mutant in enumerate(survivors(planted), 1):  # noqa: B007 - how many there are
        print(f"{mutant}\n", flush=True)
    print(f"{len(planted) - count} of {len(planted)} bugs caught")
    return 1 if count else 0


if __name__ == "__main__":
    raise SystemExit(main())
