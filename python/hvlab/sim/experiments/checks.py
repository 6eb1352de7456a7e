# SPDX-License-Identifier: GPL-2.0-or-later
"""The expressions of an experiment's `assert`: those of scenarios, with measures for names."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hvlab.scenario import evaluate, expression
from hvlab.scenario.expression import CONSTANTS, Expression, ExpressionError
from hvlab.scenario.shapes import FUNCTIONS, UNITS, Kind, Record, Shape
from hvlab.sim.measures import Unit, UnknownMeasure, split

_MEASURES = "measures"  # what expressions call them inside; never seen


@dataclass(frozen=True)
class Check:
    """A checked expression. `kinds`: of the measures that it names."""

    expression: Expression
    kinds: Mapping[str, Kind]

    @property
    def text(self) -> str:
        return self.expression.text

    def holds(self, values: Mapping[str, float | None]) -> tuple[bool, str]:
        """Whether it does, and its operands with their values, for a person. False where a measure has no
        value.
        """
        missing = [name for name in self.kinds if values.get(name) is None]
        if missing:
            return False, f"{missing[0]} has no value"
        # Times are whole numbers of ns to expressions.
        fields = {
            name: round(values[name] or 0) if kind is Kind.TIME else values[name]
            for name, kind in self.kinds.items()
        }
        try:
            found = evaluate.evaluate(
                self.expression, {_MEASURES: Record(fields)}, {_MEASURES: self.kinds}
            )
        except evaluate.Unevaluable as error:
            return False, str(error)
        shown = ", ".join(f"{name} is {value}" for name, value in found.operands)
        return bool(found.value), shown


def parse(text: str, vms: Sequence[str], hosts: Sequence[str]) -> Check:
    """Parses and checks. Raises ExpressionError."""
    parsed = expression.parse(text)
    naming = _Naming(parsed.text, vms, hosts)
    named = Expression(parsed.text, naming.visit(copy.deepcopy(parsed.tree)))
    expression.check(named, {_MEASURES: Shape(naming.kinds)})
    if not expression.is_comparison(named):
        raise ExpressionError("an assert compares: ready < 0.5", 0, len(text))
    return Check(named, naming.kinds)


class _Naming(ast.NodeTransformer):
    """`web.response.p99` -> one field of one name."""

    def __init__(self, text: str, vms: Sequence[str], hosts: Sequence[str]) -> None:
        self._text = text
        self._vms = vms
        self._hosts = hosts
        self.kinds: dict[str, Kind] = {}

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in UNITS or node.id in CONSTANTS or node.id in FUNCTIONS:
            return node
        return self._measure(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        return self._measure(node)

    def _measure(self, node: ast.Name | ast.Attribute) -> ast.expr:
        name = ".".join(reversed(list(_parts(node))))
        try:
            _, measure = split(name, self._vms, self._hosts)
        except UnknownMeasure as error:
            start, end = expression.span(self._text, node)
            raise ExpressionError(str(error), start, end - start) from None
        self.kinds[name] = Kind.TIME if measure.unit is Unit.TIME else Kind.NUMBER
        inner = ast.copy_location(ast.Name(_MEASURES, ast.Load()), node)
        return ast.copy_location(ast.Attribute(inner, name, ast.Load()), node)


def _parts(node: ast.expr) -> Iterator[str]:
    while isinstance(node, ast.Attribute):
        yield node.attr
        node = node.value
    yield node.id if isinstance(node, ast.Name) else "?"
