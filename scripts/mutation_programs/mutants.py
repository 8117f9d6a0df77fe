"""Writes a sample of the mutants of some files, as JSON: one line for each.

    mutants.py SEED PART FILE ...

Runs where `cosmic-ray` is installed. Its operators make the mutants, and three of ours: a statement
is deleted, a result is None, a large number is ten times as large or as small.
"""

from __future__ import annotations

import ast
import json
import math
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import parso
from cosmic_ray.ast import ast_nodes, get_ast, is_number
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator, operator_names

THEIRS = re.compile(
    "core/(?:AddNot|Replace(?:True|False|And|Or|Break|Continue)With.*|ExceptionReplacer"
    "|RemoveDecorator|ZeroIterationForLoop|ReplaceUnaryOperator_(?:Delete_Not|USub_UAdd)"
    "|ReplaceComparisonOperator_(?:Eq_NotEq|NotEq_Eq|Is_IsNot|IsNot_Is"
    "|Lt_LtE|Lt_GtE|LtE_Lt|LtE_Gt|Gt_GtE|Gt_LtE|GtE_Gt|GtE_Lt)"
    "|ReplaceBinaryOperator_(?:Add_Sub|Sub_Add|Mul_Div|Div_Mul|FloorDiv_Mul|Mod_Mul|Pow_Mul"
    "|BitOr_BitAnd|BitAnd_BitOr))"
)
FALSE = ("None", "False")  # as good to whoever asks
LARGE = 10  # a constant as large is a choice: one more or less is as good


class OwnOperator(Operator):  # type: ignore[misc]
    """An operator of ours: `_change` returns the code of what replaces a node, by index."""

    def _changes(self, node: Any) -> list[str]:
        raise NotImplementedError

    def mutation_positions(self, node: Any) -> Iterator[Any]:
        """Yield a position for each change."""
        for _ in self._changes(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """Return what replaces the node."""
        return parso.parse(node.get_first_leaf().prefix + self._changes(node)[index])

    @classmethod
    def examples(cls) -> tuple[()]:
        """Return no examples."""
        return ()


class DeleteStatement(OwnOperator):
    """Replaces a call, an assignment to an attribute or an item, or a raise, by ``pass``."""

    def _changes(self, node: Any) -> list[str]:
        if node.parent is None or node.parent.type != "simple_stmt":
            return []
        first = node.children[0] if hasattr(node, "children") else node
        kept = node.type in ("atom_expr", "await_expr", "raise_stmt", "del_stmt")
        if node.type == "expr_stmt":
            kept = first.type == "atom_expr" or getattr(node.children[1], "value", "=") != "="
        return ["pass"] if kept else []


class ReturnNone(OwnOperator):
    """Replaces what a function returns by None."""

    def _changes(self, node: Any) -> list[str]:
        if node.type != "return_stmt" or node.children[1].get_code().strip() in FALSE:
            return []
        return ["return None"]


class ReplaceNumber(OwnOperator):
    """Adds or takes 1; a large number, or one that multiplies, becomes ten times or a tenth."""

    def _changes(self, node: Any) -> list[str]:
        if not is_number(node):
            return []
        value = ast.literal_eval(node.value)
        if value >= LARGE:
            return [str(value * LARGE), str(value // LARGE)]
        return [str(value + 1), f"({value - 1})"]


OWN = (DeleteStatement, ReturnNone, ReplaceNumber)


class Meaning(ast.NodeTransformer):
    """Leaves out what does nothing when it runs, or guards against our own typing errors.

    These are annotations and their imports, the decorator `overload`, which parameters have to be
    named, and that a dataclass is frozen or has slots.
    """

    def _function(self, node: Any) -> Any:
        self.generic_visit(node)
        node.returns = None
        node.decorator_list = [one for one in node.decorator_list if ast.unparse(one) != "overload"]
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = _function

    def visit_arguments(self, node: ast.arguments) -> ast.arguments:
        """Leave out which parameters have to be named."""
        self.generic_visit(node)
        node.args = [*node.posonlyargs, *node.args, *node.kwonlyargs]
        node.defaults = [*node.defaults, *(one for one in node.kw_defaults if one is not None)]
        node.posonlyargs, node.kwonlyargs, node.kw_defaults = [], [], []
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        """Leave out the annotation of a parameter."""
        node.annotation = None
        return node

    def visit_If(self, node: ast.If) -> ast.If | None:
        """Leave out what is imported for type checkers."""
        self.generic_visit(node)
        return None if "TYPE_CHECKING" in ast.unparse(node.test) else node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign:
        """Leave out the annotation of a variable."""
        self.generic_visit(node)
        node.annotation = ast.Constant(None)
        return node

    def visit_Call(self, node: ast.Call) -> ast.Call:
        """Leave out two options of a dataclass."""
        self.generic_visit(node)
        if ast.unparse(node.func) == "dataclass":
            node.keywords = [one for one in node.keywords if one.arg not in ("frozen", "slots")]
        return node


def meaning(code: str) -> str:
    """Return what the code does, to compare."""
    return ast.dump(Meaning().visit(ast.parse(code)))


Change = tuple[str, Operator, int]
Places = dict[tuple[int, int], list[Change]]


def places(code: str) -> Places:
    """Return the places of the code where something can be changed, and the changes of each."""
    nodes = list(ast_nodes(get_ast(code)))
    theirs = [(name, get_operator(name)) for name in operator_names() if THEIRS.fullmatch(name)]
    found: Places = {}
    for name, operator_class in [*theirs, *((one.__name__, one) for one in OWN)]:
        operator, count = operator_class(), 0
        for node in nodes:
            for start, _ in operator.mutation_positions(node):
                found.setdefault(start, []).append((name.rpartition("/")[2], operator, count))
                count += 1
    return found


def sample(path: str, seed: str, part: float) -> Iterator[dict[str, Any]]:
    """Yield a mutant for a part of the places of a file: one that does something else."""
    code = Path(path).read_text(encoding="utf-8")
    chance = random.Random(f"{seed} {path}")
    found = sorted(places(code).items())
    chance.shuffle(found)
    wanted = math.ceil(len(found) * part)
    for place, changes in found:
        if not wanted:
            return
        name, operator, occurrence = chance.choice(changes)
        mutated = mutate_code(code, operator, occurrence)
        if mutated is not None and differs(mutated, code):
            wanted -= 1
            yield {"path": path, "line": place[0], "operator": name, "code": mutated}


def differs(mutated: str, code: str) -> bool:
    """Return whether it can run, and does something else."""
    try:
        return meaning(mutated) != meaning(code)
    except SyntaxError:
        return False


seed, part, *paths = sys.argv[1:]
for each in paths:
    for mutant in sample(each, seed, float(part)):
        print(json.dumps(mutant))
