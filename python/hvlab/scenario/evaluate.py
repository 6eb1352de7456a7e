# SPDX-License-Identifier: GPL-2.0-or-later
"""The value of an expression, and of each operand in it: shown when an assertion fails."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hvlab.scenario.expression import COMPARISONS, CONSTANTS, Expression, ExpressionError, segment
from hvlab.scenario.shapes import UNITS, Kind, Record, Value, format_value

MAX_BITS = 256
MAX_CHARACTERS = 1 << 20
_MAX_NUMERAL = 100

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge,
}  # fmt: skip


@dataclass(frozen=True)
class Evaluation:
    """A result, and the operands that it came from as (text, shown value), in the order of the
    text.
    """

    value: Value
    operands: tuple[tuple[str, str], ...]


class Unevaluable(Exception):
    """An expression has no value, as in a division by zero. Holds the operands known until then."""

    def __init__(self, message: str, operands: tuple[tuple[str, str], ...]) -> None:
        super().__init__(message)
        self.operands = operands


def evaluate(
    expression: Expression, values: Mapping[str, Record], kinds: Mapping[str, Mapping[str, Kind]]
) -> Evaluation:
    """Evaluates a checked expression. Raises Unevaluable.

    Args:
        values: what the names stand for; kinds: of their fields, so that a time is shown as one.
    """
    walker = _Walker(expression, values, kinds)
    try:
        value = walker.value(expression.tree)
    except ExpressionError as error:
        raise Unevaluable(error.message, walker.shown()) from None
    except (ArithmeticError, ValueError, TypeError) as error:
        raise Unevaluable(str(error), walker.shown()) from None
    return Evaluation(value, walker.shown())


class _Walker:
    def __init__(
        self,
        expression: Expression,
        values: Mapping[str, Record],
        kinds: Mapping[str, Mapping[str, Kind]],
    ) -> None:
        self._expression = expression
        self._values = values
        self._kinds = kinds
        self._operands: dict[tuple[int, int], tuple[str, str]] = {}

    def shown(self) -> tuple[tuple[str, str], ...]:
        unique = {text: value for _, (text, value) in sorted(self._operands.items())}
        return tuple(unique.items())

    def value(self, node: ast.expr) -> Value:
        match node:
            case ast.Constant():
                return self._bounded(node, node.value)
            case ast.Name():
                return UNITS[node.id][1] if node.id in UNITS else CONSTANTS[node.id]
            case ast.Attribute(value=ast.Name(id=name), attr=field):
                return self._note(
                    node, self._field(node, name, field), self._kinds[name].get(field)
                )
            case ast.Subscript():
                return self._note(node, self._subscript(node))
            case ast.Compare():
                return self._compare(node)
            case ast.BoolOp():
                return self._boolean(node)
            case ast.UnaryOp():
                return self._unary(node)
            case ast.BinOp():
                return self._arithmetic(node, self.value(node.left), self.value(node.right))
            case ast.Call():
                return self._note(node, self._call(node))
        raise ExpressionError(
            f"{type(node).__name__} is not allowed"
        )  # the checker lets none through

    def _note(self, node: ast.expr, value: Value, kind: Kind | None = None) -> Value:
        key = (node.col_offset, -(node.end_col_offset or 0))
        self._operands[key] = (
            segment(self._expression, node),
            format_value(value, kind or Kind.ANY),
        )
        return value

    def _bounded(self, node: ast.expr, value: object) -> Value:
        if isinstance(value, int) and value.bit_length() > MAX_BITS:
            raise self._refuse(node, f"the number has more than {MAX_BITS} bits")
        if isinstance(value, str) and len(value) > MAX_CHARACTERS:
            raise self._refuse(node, f"the text has more than {MAX_CHARACTERS} characters")
        if value is None or isinstance(value, bool | int | float | str):
            return value
        raise self._refuse(node, f"{type(value).__name__} is not a value")

    def _refuse(self, node: ast.expr, message: str) -> ExpressionError:
        return ExpressionError(f"in '{segment(self._expression, node)}': {message}")

    def _field(self, node: ast.expr, name: str, field: str) -> Value:
        """Of a value that a step named; what a `python` step's has is known only now."""
        fields = self._values[name].fields
        if field not in fields:
            known = ", ".join(fields) or "nothing"
            raise self._refuse(node, f"'{name}' has no '{field}'; it has {known}")
        return fields[field]

    def _subscript(self, node: ast.Subscript) -> Value:
        if isinstance(node.value, ast.Name) and isinstance(node.slice, ast.Constant):
            record, index = self._values[node.value.id], node.slice.value
            if isinstance(index, str):
                return self._field(node, node.value.id, index)
            if int(str(index)) >= len(record.items):
                raise self._refuse(node, f"'{node.value.id}' has no item [{index!r}]")
            return record.items[int(str(index))]
        text = self.value(node.value)
        if not isinstance(text, str):
            raise self._refuse(node, f"{format_value(text)} has no parts")
        if isinstance(node.slice, ast.Slice):
            lower, upper = node.slice.lower, node.slice.upper
            low = None if lower is None else self._index(lower)
            high = None if upper is None else self._index(upper)
            return text[low:high]
        at = self._index(node.slice)
        if not -len(text) <= at < len(text):
            raise self._refuse(node, f"there is no character {at} in a text of {len(text)}")
        return text[at]

    def _index(self, node: ast.expr) -> int:
        value = self.value(node)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._refuse(node, f"{format_value(value)} is no index")
        return value

    def _compare(self, node: ast.Compare) -> bool:
        left, left_node = self.value(node.left), node.left
        for op, right_node in zip(node.ops, node.comparators, strict=True):
            right = self.value(right_node)
            for side, value in ((left_node, left), (right_node, right)):
                if isinstance(side, ast.BinOp | ast.UnaryOp):
                    self._note(side, value)
            if not self._holds(node, COMPARISONS[type(op)], left, right):
                return False
            left, left_node = right, right_node
        return True

    def _holds(self, node: ast.expr, symbol: str, left: Value, right: Value) -> bool:
        if symbol in ("in", "not in"):
            if not isinstance(left, str) or not isinstance(right, str):
                raise self._refuse(node, f"{format_value(left)} {symbol} {format_value(right)}")
            return (left in right) == (symbol == "in")
        numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (left, right))
        texts = isinstance(left, str) and isinstance(right, str)
        same = type(left) is type(right) or left is None or right is None
        if numbers or texts or (same and symbol in ("==", "!=")):
            return _COMPARE[symbol](left, right)
        hint = (
            "; int(...) makes a number of a text"
            if isinstance(left, str) or isinstance(right, str)
            else ""
        )
        raise self._refuse(
            node, f"{format_value(left)} can't be compared with {format_value(right)}{hint}"
        )

    def _boolean(self, node: ast.BoolOp) -> bool:
        decisive = isinstance(node.op, ast.Or)
        return decisive if any(self._truth(v) is decisive for v in node.values) else not decisive

    def _truth(self, node: ast.expr) -> bool:
        value = self.value(node)
        if not isinstance(value, bool):
            raise self._refuse(node, f"{format_value(value)} is not true or false")
        return value

    def _unary(self, node: ast.UnaryOp) -> Value:
        if isinstance(node.op, ast.Not):
            return not self._truth(node.operand)
        value = self._number(node.operand, self.value(node.operand))
        if isinstance(node.op, ast.Invert):
            return ~self._integer(node.operand, value)
        return -value if isinstance(node.op, ast.USub) else value

    def _number(self, node: ast.expr, value: Value) -> int | float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            hint = "; int(...) makes a number of a text" if isinstance(value, str) else ""
            raise self._refuse(node, f"{format_value(value)} is not a number{hint}")
        return value

    def _integer(self, node: ast.expr, value: Value) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._refuse(node, f"{format_value(value)} is not a whole number")
        return value

    def _arithmetic(self, node: ast.BinOp, left: Value, right: Value) -> Value:
        if isinstance(node.op, ast.Add) and isinstance(left, str) and isinstance(right, str):
            return self._bounded(node, left + right)
        if isinstance(node.op, ast.LShift | ast.RShift | ast.BitAnd | ast.BitOr | ast.BitXor):
            return self._bits(
                node, self._integer(node.left, left), self._integer(node.right, right)
            )
        a, b = self._number(node.left, left), self._number(node.right, right)
        match node.op:
            case ast.Add():
                return self._bounded(node, a + b)
            case ast.Sub():
                return self._bounded(node, a - b)
            case ast.Mult():
                return self._bounded(node, a * b)
            case ast.Div():
                return a / b
            case ast.FloorDiv():
                return a // b
            case ast.Mod():
                return a % b
            case ast.Pow():
                return self._power(node, a, b)
        raise self._refuse(node, "not allowed")  # the checker lets none through

    def _bits(self, node: ast.BinOp, a: int, b: int) -> Value:
        match node.op:
            case ast.BitAnd():
                return a & b
            case ast.BitOr():
                return a | b
            case ast.BitXor():
                return a ^ b
        if not 0 <= b <= MAX_BITS:
            raise self._refuse(node, f"a shift by {b}; 0 to {MAX_BITS} is possible")
        return self._bounded(node, a << b) if isinstance(node.op, ast.LShift) else a >> b

    def _power(self, node: ast.BinOp, a: int | float, b: int | float) -> Value:
        if isinstance(a, int) and isinstance(b, int) and b >= 0:
            # The size of the result, before it is computed.
            if a not in (-1, 0, 1) and (abs(a).bit_length() - 1) * b > MAX_BITS:
                raise self._refuse(node, f"the number has more than {MAX_BITS} bits")
            return self._bounded(node, a**b if abs(a) > 1 else a ** (b % 2 + 2 * (b > 0)))
        result = float(a) ** float(b)
        if isinstance(result, complex):
            raise self._refuse(node, "a root of a negative number")
        return float(result)

    def _call(self, node: ast.Call) -> Value:
        assert isinstance(node.func, ast.Name)  # the checker's work
        arguments = [self.value(arg) for arg in node.args]
        first = arguments[0]
        match node.func.id:
            case "len":
                if not isinstance(first, str):
                    raise self._refuse(node, f"{format_value(first)} has no length")
                return len(first)
            case "str":
                return first if isinstance(first, str) else format_value(first)
            case "abs":
                return abs(self._number(node.args[0], first))
            case "int":
                return self._int(node, first, arguments[1:])
            case "float":
                return self._float(node, first)
            case "min" | "max" as name:
                return self._extreme(node, arguments, name)
        raise self._refuse(node, "not a function")  # the checker lets none through

    def _int(self, node: ast.Call, value: Value, base: list[Value]) -> int:
        if isinstance(value, str):
            radix = self._integer(node.args[1], base[0]) if base else 10
            text = value.strip()
            if len(text) > _MAX_NUMERAL:
                raise self._refuse(node, f"a number of {len(text)} characters")
            if radix not in (0, 2, 8, 10, 16):
                raise self._refuse(node, f"base {radix}; 2, 8, 10, 16 or 0 (by prefix) is possible")
            try:
                return int(text, radix)
            except ValueError:
                raise self._refuse(
                    node, f"{format_value(value)} is no number of base {radix}"
                ) from None
        if base:
            raise self._refuse(node, "only a text has a base")
        result = int(self._number(node.args[0], value))
        return self._integer(node, self._bounded(node, result))

    def _float(self, node: ast.Call, value: Value) -> float:
        if isinstance(value, str):
            if len(value) > _MAX_NUMERAL:
                raise self._refuse(node, f"a number of {len(value)} characters")
            try:
                return float(value)
            except ValueError:
                raise self._refuse(node, f"{format_value(value)} is no number") from None
        return float(self._number(node.args[0], value))

    def _extreme(self, node: ast.Call, values: list[Value], name: str) -> Value:
        if len(values) > 1 and all(isinstance(value, str) for value in values):
            texts = [str(value) for value in values]
            return min(texts) if name == "min" else max(texts)
        numbers = [self._number(arg, v) for arg, v in zip(node.args, values, strict=True)]
        return min(numbers) if name == "min" else max(numbers)
