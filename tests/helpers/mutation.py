"""Mutation testing of the backward rules: plant a bug, run the tests of its op, and see whether one fails.

    python tests/helpers/mutation.py                       every rule; takes a while
    python tests/helpers/mutation.py --op pow --op prod    the rules of these ops

Runs on a temporary copy of the engine. A bug that survives is printed with file, line and change: add an example to
the tests or, if the change alters no result, add it to equivalent.txt with the reason. Not part of the test run.
Bugs in what only large arrays reach, such as calls of compiled loops, survive here; tests of the kernels catch them.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
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
ENGINE_TESTS = ("ops/test_op_table", "ops/test_subgradients", "test_backend")
TESTS = [f"tests/tinygrad_lecture/{name}.py" for name in ENGINE_TESTS]
PATIENCE = 300  # seconds; a bug that makes the tests hang counts as caught


def equivalents() -> dict[tuple[str, str, str], str]:
    """The changes that alter no result, as (op, expression, changed expression) -> reason."""
    rows = Path(__file__).with_name("equivalent.txt").read_text(encoding="utf-8").splitlines()[3:]
    heads = (row.partition(": ") for row in rows[::3])
    return {(op, *map(str.strip, pair)): why for (op, _, why), *pair in zip(heads, rows[1::3], rows[2::3], strict=True)}


EQUIVALENT = equivalents()


@dataclass(frozen=True)
class Mutant:
    """A bug to plant: in `path`, bytes start to stop become `new`, so the line `before` becomes `after`.

    change: the same as a pair of normalised expressions.
    """

    op: str
    path: Path
    line: int
    start: int
    stop: int
    new: str
    before: str
    after: str
    change: tuple[str, str]

    def __str__(self) -> str:
        return f"{self.path}:{self.line} ({self.op})\n  - {self.before}\n  + {self.after}"

    @property
    def why_equivalent(self) -> str | None:
        """The reason why it alters no result; None for a real bug."""
        return EQUIVALENT.get((self.op, *self.change))

    def source(self, root: Path) -> bytes:
        """The whole file with the bug planted."""
        text = (root / self.path).read_bytes()
        return text[: self.start] + self.new.encode() + text[self.stop :]


# --- where bugs are planted ---------------------------------------------------------------------------------


def rules(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef | ast.Lambda]]:
    """The backward rules of a file, each with the op whose tests must catch a bug in it."""
    shared = {function.name: function for function in functions(tree)}
    for statement in tree.body:
        match statement:
            case ast.Expr(ast.Call(ast.Attribute(ast.Name(op), "backward"), [ast.Lambda() as rule])):
                yield op, rule  # op.backward(lambda g: ...)
            case ast.Expr(ast.Call(ast.Call(ast.Attribute(ast.Name(op), "backward")), [ast.Lambda() as rule])):
                yield op, rule  # op.backward("x")(lambda g: ...)
    for function in functions(tree):
        match function.decorator_list:
            case [ast.Call(args=[given, *_])]:  # @computed(rules) of the table of elementwise functions
                for rule in given.elts if isinstance(given, ast.Tuple) else [given]:
                    if isinstance(rule, ast.Lambda):
                        yield function.name, rule
                    elif isinstance(rule, ast.Name) and rule.id in shared:
                        yield function.name, shared.pop(rule.id)
        if function.name.endswith("_backward"):
            yield caller(function, tree).name.removesuffix("_backward"), function
        for decorator in function.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if isinstance(called, ast.Attribute) and called.attr == "backward" and isinstance(called.value, ast.Name):
                yield called.value.id, function
                break  # a rule shared by several ops counts for the first


def functions(tree: ast.Module) -> list[ast.FunctionDef]:
    return [node for node in tree.body if isinstance(node, ast.FunctionDef)]


def caller(helper: ast.FunctionDef, tree: ast.Module) -> ast.FunctionDef:
    """The backward function of a kernel whose helper this is, as of one time step; or the function itself."""
    outer = (f for f in functions(tree) if f is not helper and f.name.endswith("_backward"))
    return next((f for f in outer if re.search(rf"\b{helper.name}\b", ast.unparse(f))), helper)


def mutants(root: Path, path: Path, ops: Collection[str] | None = None) -> Iterator[Mutant]:
    """Every bug that can be planted in a file's rules, or in the rules of some ops, one at a time."""
    text = (root / path).read_bytes()
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for op, function in rules(ast.parse(text)):
        if ops is not None and op not in ops:
            continue
        seen = set()
        parents = {child: node for node in ast.walk(function) for child in ast.iter_child_nodes(node)}
        body = [function.body] if isinstance(function, ast.Lambda) else function.body
        for node in (node for statement in body for node in ast.walk(statement)):
            if not isinstance(node, (ast.expr, ast.stmt)):
                continue
            first, last = starts[node.lineno - 1], starts[node.end_lineno or node.lineno]
            start, stop = first + node.col_offset, starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
            before = text[first:last].decode().strip()
            for changed in changes(node):
                new = ast.unparse(changed)
                if isinstance(changed, (ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp)):
                    new = f"({new})"  # the source's own parentheses may lie outside start to stop
                after = f"{text[first:start].decode()}{new}{text[stop:last].decode()}".strip()
                change = in_context(node, changed, parents)
                mutant = Mutant(op, path, node.lineno, start, stop, new, before, after, change)
                if after != before and (first, after) not in seen and compiles(mutant, root):
                    seen.add((first, after))
                    yield mutant


def in_context(node: ast.AST, changed: ast.AST, parents: dict[ast.AST, ast.AST]) -> tuple[str, str]:
    """The expression around a node, before and after the change; for a statement, its first line."""
    around = parents[node]
    while isinstance(around, ast.UnaryOp) and isinstance(parents[around], ast.expr):
        around = parents[around]
    whole = isinstance(around, (ast.stmt, ast.Lambda))
    pair = (node, changed) if whole else (around, deepcopy(around, {id(node): changed}))
    before, after = (ast.unparse(part).strip().partition("\n")[0] for part in pair)
    return before, after


def compiles(mutant: Mutant, root: Path) -> bool:
    """Whether the file with the bug is still valid Python."""
    try:
        ast.parse(mutant.source(root))
    except SyntaxError:
        return False
    return True


# --- the changes of one expression or statement -------------------------------------------------------------

SWAPS = """
Add Sub  Sub Add  Mult Div  Div Mult  Pow Mult  BitAnd BitOr  BitOr BitAnd  And Or  Or And  Is IsNot  IsNot Is
In NotIn  NotIn In  Eq NotEq  NotEq Eq  Lt LtE  Lt Gt  LtE Lt  LtE GtE  Gt GtE  Gt Lt  GtE Gt  GtE LtE
"""  # pairs of operators: one, and one that it may be confused with


def swapped(operator: ast.AST) -> list[Any]:
    """The operators that this one may be confused with."""
    pairs = [pair.split() for pair in re.split(r"  |\n", SWAPS.strip())]
    return [getattr(ast, other)() for one, other in pairs if one == type(operator).__name__]


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
        case ast.If(_, body, orelse):
            yield ast.If(ast.Constant(True), body, orelse)
            yield ast.If(ast.Constant(False), body, orelse)
        case ast.Constant(bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(int() | float() as value):
            yield ast.Constant(value + 1)
        case ast.Call(ast.Name("isinstance")):
            pass  # a type check, not part of the formula
        case ast.Call(function, args, keywords):
            yield from (argument for argument in args if not isinstance(argument, ast.Starred))  # the call is forgotten
            if isinstance(function, ast.Attribute):
                yield function.value
            yield from (ast.Call(function, order, keywords) for order in neighbours_swapped(args))
            for position in range(len(keywords)):
                yield ast.Call(function, args, keywords[:position] + keywords[position + 1 :])
        case ast.Subscript(value):
            yield value
        case ast.AugAssign(target, operator, value):
            yield from (ast.AugAssign(target, other, value) for other in swapped(operator))
            yield ast.Pass()
        case ast.Expr(ast.Call()) | ast.Assign():
            yield ast.Pass()


def neighbours_swapped(items: list[ast.expr]) -> Iterator[list[ast.expr]]:
    for i in range(len(items) - 1):
        yield [*items[:i], items[i + 1], items[i], *items[i + 2 :]]


# --- running the tests --------------------------------------------------------------------------------------


def snapshot(folder: Path) -> Path:
    """A copy of the engine and its tests: edits during the run do not count as bugs."""
    for name in ("tinygrad_lecture", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "benchmarks"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def passes(task: tuple[Path, str, Mutant | None]) -> bool:
    """Whether the tests of an op pass on a copy with a bug planted. Runs in a process of its own."""
    original, op, mutant = task
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        copy = Path(name) / "copy"
        shutil.copytree(original, copy)
        if mutant is not None:
            (copy / mutant.path).write_bytes(mutant.source(original))
        os.chdir(copy)
        sys.path.insert(0, str(copy))
        sys.dont_write_bytecode = True
        os.environ["HYPOTHESIS_PROFILE"] = "mutation"
        signal.signal(signal.SIGALRM, _give_up)
        signal.alarm(PATIENCE)
        chosen = f"[{op}] or [{op}- or -{op}] or test_{op}_ or test_subgradients"
        with (Path(name) / "output").open("w") as output, redirect_stdout(output), redirect_stderr(output):
            status = pytest.main(["-x", "-q", "--assert=plain", "-p", "no:cacheprovider", "-k", chosen, *TESTS])
        os.chdir(ROOT)
    return status == 0


def _give_up(*_: object) -> None:
    raise TimeoutError("the tests take too long")


def run(planted: list[Mutant], original: Path) -> list[Mutant]:
    """Plant each bug in turn and return the survivors. Raises SystemExit if tests fail without a bug."""
    healthy = sorted({mutant.op for mutant in planted})
    tasks: list[tuple[Path, str, Mutant | None]] = [(original, op, None) for op in healthy]
    tasks += [(original, mutant.op, mutant) for mutant in planted]
    survivors: list[Mutant] = []
    with get_context("fork").Pool(maxtasksperchild=1) as pool:  # a fresh engine to import for each
        for count, ((_, op, mutant), passed) in enumerate(zip(tasks, pool.imap(passes, tasks), strict=True), 1):
            if mutant is None:
                if not passed:
                    raise SystemExit(f"the tests of {op} fail without a bug planted")
            elif passed:
                survivors.append(mutant)
                print(f"{mutant}\n", flush=True)
            if count % 50 == 0:
                print(f"{count} of {len(tasks)} runs", flush=True)
    return survivors


def main() -> int:
    parser = argparse.ArgumentParser(description="Plant bugs in backward rules and see whether the tests catch them.")
    parser.add_argument("--op", action="append", help="only the rules of this op; may be given several times")
    parser.add_argument("--equivalent", action="store_true", help="plant only the known equivalents, which survive")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="mutation-") as name:
        original = snapshot(Path(name))
        found = [mutant for path in SOURCES for mutant in mutants(original, path, options.op)]
        planted = [mutant for mutant in found if (mutant.why_equivalent is not None) == options.equivalent]
        survivors = run(planted, original)
    print(f"{len(planted) - len(survivors)} of {len(planted)} bugs caught")
    return 1 if survivors else 0


if __name__ == "__main__":
    raise SystemExit(main())
