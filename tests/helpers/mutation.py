"""The tests tested: plant a bug in a backward rule, run the tests of its op, and see whether they notice.

    python tests/helpers/mutation.py                       every rule; some minutes
    python tests/helpers/mutation.py --op pow --op prod    the rules of these ops
    python tests/helpers/mutation.py --sample 25           25 bugs, drawn over all rules
    python tests/helpers/mutation.py --forward --op prod   bugs in what computes prod's value, not in its rule

Works on a temporary copy of the engine. Bugs that no test notices are printed with file, line and change; then either
the tests want an example more, or the change is none and belongs into EQUIVALENT with the reason. Not part of the test
run.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import hypothesis.extra.numpy  # noqa: F401 - imported here once, and so by no process of the many
import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(path.relative_to(ROOT) for path in (ROOT / "tinygrad_lecture/ops").glob("*.py"))
SOURCES.append(Path("tinygrad_lecture/kernels/fused.py"))
ENGINE_TESTS = ("ops/test_op_table", "ops/test_subgradients", "test_strict_device")
TESTS = [f"tests/tinygrad_lecture/{name}.py" for name in ENGINE_TESTS]
PATIENCE = 300  # seconds; a bug that makes the tests hang is noticed

# Changes that change nothing anyone could see: (op, the changed line) -> why.
EQUIVALENT: dict[tuple[str, str], str] = {
    ("pow", "return g * (y * x ** (y - 1)) if y not in (0, 1) else g * y"): "an int times a float",
    (
        "pow",
        "return g * (y * x ** where((x == 0) & (y == 0), 1, y - 1))  # 0 at 0 ** 0, where x ** -1 would make nan of it",
    ): "0 times 0, not 0 times 1",
    ("root", "return where(out == 0, 0, 0.5 * g / where(out == 0, 2, out))"): "of the branch not taken",
    ("put", "if not index:"): "the long way, which leads to the same place",
    ("put", "written = lib.zeros(x_shape)"): "whole numbers, as floats",
    ("matmul", "return matmul(g, swapaxes(b, -2, -1))  # (..., n, m) @ (..., m, k)"): "the same exchange",
    ("matmul", "return matmul(swapaxes(a, -2, -1), g)  # (..., k, n) @ (..., n, m)"): "the same exchange",
    (
        "matmul",
        "return matmul(swapaxes(a, -2, -1), g[..., None])[..., 0]  # (..., k, n) @ (..., n, 1) -> (..., k)",
    ): "the same exchange",
    ("matmul", "pass"): "many small products, which the tape sums",
    (
        "matmul",
        "if b_shape == 2:  # sum over the batch within one product",
    ): "many small products, which the tape sums",
    ("swapaxes", "return swapaxes(g, axis1, axis0)"): "the same exchange",
    ("permute", "return permute(g, inverse)"): "a list of axes",
    (
        "pad",
        "return g[tuple(slice(before, before + n) for (before, _), n in zip(pairs, x_shape))]",
    ): "the lengths are equal",
    (
        "pad",
        "return g[tuple(slice(before, before + n) for (before, _), n in zip(pairs, x_shape, strict=False))]",
    ): "the lengths are equal",
    ("max", "ties = sum(chosen, axis, keepdims)"): "a count of bools is an integer, and the tape casts",
    (
        "cross_entropy",
        "p[xp(logits).arange(targets.size), targets.reshape(-2)] -= 1",
    ): "NumPy takes any negative size for -1",
    ("cross_entropy", "p *= g.reshape(-2, 1)"): "NumPy takes any negative size for -1",
    ("layer_norm", "y *= _row_products(y, d) / max(y.shape[1], 1)"): "the same exchange",
    ("layer_norm", "y *= _row_products(d, y) / max(1, y.shape[1])"): "the same exchange",
    ("layer_norm", "y *= _row_products(d, y) / y.shape[1]"): "of no numbers y is empty",
    ("layer_norm", "y *= _row_products(d, y) / max(y.shape[1], 2)"): "of one number y is 0",
    ("layer_norm", "d = g if weight is None else g * weight.reshape(-2)"): "NumPy takes any negative size for -1",
    (
        "layer_norm",
        "dweight = lib.einsum('rn,rn->n', y, g).reshape(normalized) if len(needs) > 1 and needs[1] else None",
    ): "the same exchange",
    ("squared_error", "d *= g * (2 / max(1, d.size) if average else 2)"): "the same exchange",
    ("attention_weights", "dscores = g - lib.einsum('...k,...k->...', out, g)[..., None]"): "the same exchange",
    ("attention_weights", "dk = lib.matmul(dscores.swapaxes(-2, -1), q) if needs[1] else None"): "the same exchange",
    **{
        ("gelu", f"in_pieces(piece, dx, g, x, out{read})"): "test_pieces.py has what cannot be written"
        for read in ("", ", read=(2, 2, 3)", ", read=(1, 3, 3)", ", read=(1, 2, 4)")
    },
}


@dataclass(frozen=True)
class Mutant:
    """A bug to plant: in `path`, bytes start to stop become `new`, and so the line `before` becomes `after`."""

    op: str
    path: Path
    line: int
    start: int
    stop: int
    new: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} ({self.op})\n  - {self.before}\n  + {self.after}"

    @property
    def why_equivalent(self) -> str | None:
        """Why it is no bug, if it is known to be none."""
        return EQUIVALENT.get((self.op, self.after))

    def source(self, root: Path) -> bytes:
        """The whole file with the bug in it."""
        text = (root / self.path).read_bytes()
        return text[: self.start] + self.new.encode() + text[self.stop :]


# --- where the rules are ------------------------------------------------------------------------------------


def rules(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """The backward rules of a file, each with the op whose tests must notice a bug in it."""
    for function in functions(tree):
        if function.name.endswith("_backward"):
            yield function.name.removesuffix("_backward"), function
        for decorator in function.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if isinstance(called, ast.Attribute) and called.attr == "backward" and isinstance(called.value, ast.Name):
                yield called.value.id, function
                break  # a rule shared by several ops is the first one's


def forwards(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """The functions that compute values: ops, what is composed of them, and kernels."""
    for function in functions(tree):
        decorators = {ast.unparse(decorator).partition("(")[0] for decorator in function.decorator_list}
        kernel = not (decorators or function.name.startswith("_") or function.name.endswith("_backward"))
        if decorators & {"op", "fused", "composite"} or kernel:
            yield function.name, function


def functions(tree: ast.Module) -> list[ast.FunctionDef]:
    return [node for node in tree.body if isinstance(node, ast.FunctionDef)]


def mutants(root: Path, path: Path, ops: Collection[str] | None = None, within: Any = rules) -> Iterator[Mutant]:
    """Every bug that can be planted in a file's rules, or in those of some ops, one at a time."""
    text = (root / path).read_bytes()
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for op, function in within(ast.parse(text)):
        if ops is not None and op not in ops:
            continue
        seen = set()
        for node in (node for statement in function.body for node in ast.walk(statement)):
            if not isinstance(node, (ast.expr, ast.stmt)):
                continue
            first, last = starts[node.lineno - 1], starts[node.end_lineno or node.lineno]
            start, stop = first + node.col_offset, starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
            before = text[first:last].decode().strip()
            for changed in changes(node):
                new = ast.unparse(changed)
                if isinstance(changed, (ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp)):
                    new = f"({new})"  # whatever it stands in, as the parentheses of the source may go
                after = f"{text[first:start].decode()}{new}{text[stop:last].decode()}".strip()
                mutant = Mutant(op, path, node.lineno, start, stop, new, before, after)
                if after != before and (first, after) not in seen and compiles(mutant, root):
                    seen.add((first, after))
                    yield mutant


def compiles(mutant: Mutant, root: Path) -> bool:
    """Whether it is still Python."""
    try:
        ast.parse(mutant.source(root))
    except SyntaxError:
        return False
    return True


# --- what can go wrong in one expression or statement -------------------------------------------------------

SWAPS: dict[type[ast.AST], list[type[ast.AST]]] = {
    ast.Add: [ast.Sub],
    ast.Sub: [ast.Add],
    ast.Mult: [ast.Div],
    ast.Div: [ast.Mult],
    ast.Pow: [ast.Mult],
    ast.BitAnd: [ast.BitOr],
    ast.BitOr: [ast.BitAnd],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Lt: [ast.LtE, ast.Gt],
    ast.LtE: [ast.Lt, ast.GtE],
    ast.Gt: [ast.GtE, ast.Lt],
    ast.GtE: [ast.Gt, ast.LtE],
    ast.And: [ast.Or],
    ast.Or: [ast.And],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
}


def swapped(operator: ast.AST) -> list[Any]:
    """The operators that it may be mistaken for."""
    return [kind() for kind in SWAPS.get(type(operator), [])]


def changes(node: ast.AST) -> Iterator[ast.AST]:
    """The node, gone wrong in each way that a human might get it wrong."""
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
            pass  # what could be changed there is no slip of a rule's author
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
    """The engine and its tests as they are now, so that nobody's edits meanwhile count as bugs."""
    for name in ("tinygrad_lecture", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "benchmarks"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def passes(task: tuple[Path, str, Mutant | None]) -> bool:
    """Whether the tests of an op pass, in a process of their own, on a copy with a bug planted in it."""
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


def run(planted: list[Mutant], original: Path, workers: int) -> list[Mutant]:
    """Plant each bug in turn, and return those that no test noticed. Raises SystemExit if tests fail without a bug."""
    healthy = sorted({mutant.op for mutant in planted})
    tasks: list[tuple[Path, str, Mutant | None]] = [(original, op, None) for op in healthy]
    tasks += [(original, mutant.op, mutant) for mutant in planted]
    survivors: list[Mutant] = []
    start = time.monotonic()
    with get_context("fork").Pool(workers, maxtasksperchild=1) as pool:  # each with a fresh engine to import
        for count, ((_, op, mutant), passed) in enumerate(zip(tasks, pool.imap(passes, tasks), strict=True), 1):
            if mutant is None:
                if not passed:
                    raise SystemExit(f"the tests of {op} fail without a bug planted")
            elif passed:
                survivors.append(mutant)
                print(f"\r{mutant}\n", flush=True)
            if sys.stdout.isatty() or count % 50 == 0 or count == len(tasks):
                spent = time.monotonic() - start
                done = f"{max(count - len(healthy), 0)}/{len(planted)} bugs planted"
                print(f"\r{done}, {len(survivors)} survived, {spent:.0f} s", end="", flush=True)
    print()
    return survivors


def main() -> int:
    parser = argparse.ArgumentParser(description="Plant bugs in backward rules, and see whether the tests notice.")
    parser.add_argument("--op", action="append", help="only the rules of this op; may be given several times")
    parser.add_argument("--sample", type=int, help="so many bugs, drawn at random but always the same")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="how many at a time")
    parser.add_argument("--forward", action="store_true", help="in the functions that compute values, not in rules")
    parser.add_argument("--equivalent", action="store_true", help="only what is known to change nothing: it survives")
    parser.add_argument("--list", action="store_true", help="print the bugs and plant none")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="mutation-") as name:
        original = snapshot(Path(name))
        within = forwards if options.forward else rules
        found = [mutant for path in SOURCES for mutant in mutants(original, path, options.op, within)]
        planted = [mutant for mutant in found if (mutant.why_equivalent is not None) == options.equivalent]
        if options.sample is not None and options.sample < len(planted):
            planted = random.Random(0).sample(planted, options.sample)
        if options.list:
            print(*planted, sep="\n")
            return 0
        survivors = run(planted, original, options.workers)
    print(f"{len(planted) - len(survivors)} of {len(planted)} bugs noticed")
    return 1 if survivors else 0


if __name__ == "__main__":
    raise SystemExit(main())
