# SPDX-License-Identifier: GPL-2.0-or-later
"""The expressions of `assert` and `measure`: parsed, checked against an allow-list, never given to
`eval`.

An expression is at most 1000 characters, 200 pieces and 40 levels deep; its numbers stay below
2^256 and its texts below 1 MiB, checked before they are computed. So the time of one evaluation is
bounded.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from hvlab.scenario.nearest import did_you_mean
from hvlab.scenario.shapes import FUNCTIONS, UNITS, Kind, Shape

MAX_TEXT = 1000
MAX_PIECES = 200
MAX_DEPTH = 40

COMPARISONS: Mapping[type[ast.cmpop], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip
ARITHMETIC: Mapping[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
    ast.Pow: "**", ast.LShift: "<<", ast.RShift: ">>", ast.BitAnd: "&", ast.BitOr: "|",
    ast.BitXor: "^",
}  # fmt: skip
CONSTANTS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None}
_MEASURED = (Kind.TIME, Kind.SIZE)


class ExpressionError(Exception):
    """An expression is wrong.

    Attributes:
        message: what is wrong; offset, width: which characters of the text it is about.
    """

    def __init__(self, message: str, offset: int = 0, width: int = 1) -> None:
        self.message = message
        self.offset = offset
        self.width = width
        super().__init__(message)


class AbsentValue(ExpressionError):
    """An expression asks for what the case has no value of."""


@dataclass(frozen=True)
class Expression:
    """A parsed expression that holds only what the allow-list has. Made by `parse`."""

    text: str
    tree: ast.expr


@lru_cache(maxsize=256)  # each case of a matrix asks for the same ones, and each run again
def parse(text: str) -> Expression:
    """Parses `text`. Raises ExpressionError for what is no expression, too large or not allowed."""
    if len(text) > MAX_TEXT:
        raise ExpressionError(
            f"the expression is too long: {len(text)} characters, at most {MAX_TEXT}"
        )
    text = text.replace("\n", " ").rstrip()  # a folded or block scalar's line ends
    if not text.strip():
        raise ExpressionError("the expression is empty")
    if not text.isprintable():
        raise ExpressionError("the expression has characters that can't be printed")
    lead = len(text) - len(text.lstrip())
    try:
        with (
            warnings.catch_warnings()
        ):  # Python's own advice on the syntax is not the user's business
            warnings.simplefilter("ignore")
            tree = ast.parse(text[lead:], mode="eval").body
    except SyntaxError as error:
        raise _syntax_error(text, lead, error) from None
    except (ValueError, RecursionError, MemoryError):
        raise ExpressionError(
            "the expression is nested too deeply or has too large a number"
        ) from None
    if lead:
        for node in ast.walk(tree):
            if isinstance(node, ast.expr):
                node.col_offset += lead
                node.end_col_offset = (node.end_col_offset or 0) + lead
    expression = Expression(text, tree)
    _bound(expression)
    return expression


def check(expression: Expression, scope: Mapping[str, Shape]) -> Kind:
    """Checks names, fields and units against `scope`. Returns the kind of the result. Raises
    ExpressionError.
    """
    return _Checker(expression.text, scope).kind(expression.tree)


def is_comparison(expression: Expression) -> bool:
    """Whether the result is true or false: what an `assert` has to be."""
    tree = expression.tree
    if isinstance(tree, ast.UnaryOp):
        return isinstance(tree.op, ast.Not)
    return isinstance(tree, ast.Compare | ast.BoolOp)


def segment(expression: Expression, node: ast.expr) -> str:
    """The text that `node` was parsed from."""
    start, end = span(expression.text, node)
    return expression.text[start:end]


_SEARCHES = frozenset({"startswith", "endswith", "find", "index", "count", "contains", "match"})
_UNIT_RUN_ON = re.compile(rf"(?<![\w.])(\d+(?:\.\d+)?)({'|'.join(UNITS)}|min)\b")
_ONE_EQUALS_SIGN = re.compile(r"(?<![=<>!])=(?!=)")


def _syntax_error(text: str, lead: int, error: SyntaxError) -> ExpressionError:
    equals = _ONE_EQUALS_SIGN.search(re.sub(r"(['\"]).*?\1", lambda m: "_" * len(m[0]), text))
    if equals is not None:
        return ExpressionError("'=' does not compare (did you mean '=='?)", equals.start())
    together = _UNIT_RUN_ON.search(text)
    if together is not None:
        number, unit = together[1], "minute" if together[2] == "min" else together[2]
        message = f"'{together[0]}' is no number (did you mean '{number}*{unit}'?)"
        return ExpressionError(message, together.start(), len(together[0]))
    offset = lead + (error.offset or 0) - 1
    if not lead <= offset < len(text):
        return ExpressionError("the expression ends too early", len(text) - 1)
    message = (error.msg or "invalid syntax").split(". ")[0]
    for wrong, right in (("&&", "and"), ("||", "or"), ("<>", "!="), ("!", "not")):
        if wrong in text.replace("!=", ""):
            message += f" (did you mean '{right}' instead of '{wrong}'?)"
            break
    return ExpressionError(f"not an expression: {message}", offset)


def _bound(expression: Expression) -> None:
    """Refuses what is too large, without recursion: the tree is not trusted yet."""
    pieces = 0
    level: list[ast.AST] = [expression.tree]
    depth = 0
    while level:
        pieces += sum(isinstance(node, ast.expr) for node in level)
        depth += 1
        if pieces > MAX_PIECES:
            raise ExpressionError(f"the expression has more than {MAX_PIECES} pieces")
        if depth > MAX_DEPTH:
            raise ExpressionError(f"the expression is nested more than {MAX_DEPTH} levels deep")
        level = [child for node in level for child in ast.iter_child_nodes(node)]


def span(text: str, node: ast.expr) -> tuple[int, int]:
    """Offsets in characters: Python's own count UTF-8 bytes."""
    if text.isascii():
        return node.col_offset, node.end_col_offset or node.col_offset + 1
    data = text.encode()
    end = node.end_col_offset or node.col_offset + 1
    return len(data[: node.col_offset].decode()), len(data[:end].decode())


class _Checker:
    """Walks a tree with an allow-list and infers kinds."""

    def __init__(self, text: str, scope: Mapping[str, Shape]) -> None:
        self._text = text
        self._scope = scope

    def kind(self, node: ast.expr) -> Kind:
        match node:
            case ast.Constant():
                return self._constant(node)
            case ast.Name():
                return self._name(node)
            case ast.Attribute():
                return self._attribute(node)
            case ast.Subscript():
                return self._subscript(node)
            case ast.Compare():
                return self._compare(node)
            case ast.BoolOp():
                for value in node.values:
                    self._truth(value)
                return Kind.TRUTH
            case ast.UnaryOp():
                return self._unary(node)
            case ast.BinOp():
                return self._arithmetic(node)
            case ast.Call():
                return self._call(node)
            case _:
                hint = ""
                if isinstance(node, ast.List | ast.Tuple | ast.Set):
                    hint = "; compare with each: x == 1 or x == 2"
                raise self._error(node, f"{_describe(node)} not allowed in an expression{hint}")

    def _constant(self, node: ast.Constant) -> Kind:
        if isinstance(node.value, bool):
            return Kind.TRUTH
        if isinstance(node.value, int | float):
            return Kind.NUMBER
        if isinstance(node.value, str):
            return Kind.TEXT
        if node.value is None:
            return Kind.ANY
        raise self._error(
            node, f"{type(node.value).__name__} literals are not allowed in an expression"
        )

    def _name(self, node: ast.Name) -> Kind:
        if node.id in UNITS:
            return UNITS[node.id][0]
        if node.id in CONSTANTS:
            return Kind.ANY if CONSTANTS[node.id] is None else Kind.TRUTH
        if node.id in FUNCTIONS:
            raise self._error(node, f"'{node.id}' is a function: write {node.id}(...)")
        shape = self._shape(node)
        fields = ", ".join(f"{node.id}.{name}" for name in list(shape.fields)[:6])
        raise self._error(
            node, f"'{node.id}' has several values; name one: {fields or 'it has none'}"
        )

    def _shape(self, node: ast.Name) -> Shape:
        shape = self._scope.get(node.id)
        if shape is None:
            raise self._error(node, f"unknown name '{node.id}'{self._which(node.id)}")
        if shape.refused:
            raise self._error(node, shape.refused)
        return shape

    def _which(self, name: str) -> str:
        for scope in ("vars", "matrix"):
            if scope in self._scope and name in self._scope[scope].fields:
                return f" (did you mean '{scope}.{name}'?)"
        hint = did_you_mean(name, [*self._scope, *UNITS, *FUNCTIONS])
        return hint or "; no step before this one names it with 'as'"

    def _attribute(self, node: ast.Attribute) -> Kind:
        if not isinstance(node.value, ast.Name):
            raise self._error(node, f"only what a step named has fields: '.{node.attr}' is not one")
        shape = self._shape(node.value)
        if shape.anything:
            return Kind.ANY
        kind = shape.fields.get(node.attr)
        if node.attr in shape.absent:
            raise self._absent(node, shape.absent[node.attr])
        if kind is None:
            known = ", ".join(shape.fields)
            hint = did_you_mean(node.attr, shape.fields) or (f"; it has {known}" if known else "")
            raise self._error(node, f"'{node.value.id}' has no '{node.attr}'{hint}")
        return kind

    def _subscript(self, node: ast.Subscript) -> Kind:
        if isinstance(node.value, ast.Name) and node.value.id in self._scope:
            return self._item(node, self._shape(node.value))
        inner = self.kind(node.value)
        if inner not in (Kind.TEXT, Kind.ANY):
            raise self._error(node, f"{inner} has no parts to take with [...]")
        parts = [node.slice]
        if isinstance(node.slice, ast.Slice):
            if node.slice.step is not None:
                raise self._error(node, "a slice has no step here: [from:to]")
            parts = [part for part in (node.slice.lower, node.slice.upper) if part is not None]
        for part in parts:
            if self.kind(part) not in (Kind.NUMBER, Kind.ANY):
                raise self._error(part, "a text is indexed with numbers")
        return Kind.TEXT

    def _item(self, node: ast.Subscript, shape: Shape) -> Kind:
        name = self._text[slice(*span(self._text, node.value))]
        index = node.slice
        if shape.anything:
            return Kind.ANY
        if isinstance(index, ast.Constant) and isinstance(index.value, str):
            if index.value in shape.absent:
                raise self._absent(node, shape.absent[index.value])
            if index.value not in shape.fields:
                hint = did_you_mean(index.value, shape.fields)
                raise self._error(index, f"'{name}' has no '{index.value}'{hint}")
            return shape.fields[index.value]
        if not isinstance(index, ast.Constant) or type(index.value) is not int:
            raise self._error(index, f"'{name}' is indexed with a plain number or a name in quotes")
        if index.value >= shape.items:
            what = f"its last is [{shape.items - 1}]" if shape.items else "it has none"
            raise self._error(index, f"'{name}' has no item [{index.value}]; {what}")
        return Kind.TEXT

    def _compare(self, node: ast.Compare) -> Kind:
        sides = [node.left, *node.comparators]
        kinds = [self.kind(side) for side in sides]
        for op, left, right, a, b in zip(
            node.ops, sides, sides[1:], kinds, kinds[1:], strict=False
        ):
            symbol = COMPARISONS.get(type(op))
            if symbol is None:
                raise self._error(right, "'is' is not allowed in an expression; write '=='")
            if symbol in ("in", "not in"):
                for side, kind in ((left, a), (right, b)):
                    if kind not in (Kind.TEXT, Kind.ANY):
                        raise self._error(
                            side, f"'{symbol}' looks for a text in a text, not for {kind}"
                        )
                continue
            self._same(left, right, a, b, symbol)
        return Kind.TRUTH

    def _same(self, left: ast.expr, right: ast.expr, a: Kind, b: Kind, symbol: str) -> None:
        """Refuses `a symbol b` where the kinds can't go together."""
        if Kind.ANY in (a, b) or a is b:
            return
        for side, kind, other in ((left, a, b), (right, b, a)):
            if kind is Kind.NUMBER and other in _MEASURED:
                if isinstance(side, ast.Constant) and side.value == 0:
                    return
                example = "5*second" if other is Kind.TIME else "5*MiB"
                text = self._text[slice(*span(self._text, side))]
                raise self._error(
                    side, f"'{text}' has no unit, beside {other}; write it as in {example}"
                )
        raise self._error(left, f"'{symbol}' between {a} and {b}", right)

    def _truth(self, node: ast.expr) -> None:
        kind = self.kind(node)
        if kind not in (Kind.TRUTH, Kind.ANY):
            text = self._text[slice(*span(self._text, node))]
            raise self._error(
                node, f"'{text}' is {kind}, not true or false; compare it with something"
            )

    def _unary(self, node: ast.UnaryOp) -> Kind:
        if isinstance(node.op, ast.Not):
            self._truth(node.operand)
            return Kind.TRUTH
        kind = self.kind(node.operand)
        if kind in (Kind.TEXT, Kind.TRUTH):
            raise self._error(node, f"a sign before {kind}")
        return kind

    def _arithmetic(self, node: ast.BinOp) -> Kind:
        symbol = ARITHMETIC.get(type(node.op))
        if symbol is None:
            raise self._error(node, "'@' is not allowed in an expression")
        a, b = self.kind(node.left), self.kind(node.right)
        if symbol in ("+", "-"):
            self._same(node.left, node.right, a, b, symbol)
            if Kind.TRUTH in (a, b) or (symbol == "-" and Kind.TEXT in (a, b)):
                raise self._error(node, f"'{symbol}' between {a} and {b}")
            return a if a is not Kind.ANY else b
        for side, kind in ((node.left, a), (node.right, b)):
            if kind in (Kind.TEXT, Kind.TRUTH):
                raise self._error(side, f"'{symbol}' calculates with numbers, not with {kind}")
        return self._product(node, symbol, a, b)

    def _product(self, node: ast.BinOp, symbol: str, a: Kind, b: Kind) -> Kind:
        left, right = a in _MEASURED, b in _MEASURED
        if left and right:
            if symbol in ("/", "//", "%") and a is b:
                return a if symbol == "%" else Kind.NUMBER
            raise self._error(node, f"'{symbol}' between {a} and {b}")
        if left and symbol in ("*", "/", "//"):
            return a
        if right and symbol == "*":
            return b
        return Kind.ANY if Kind.ANY in (a, b) or left or right else Kind.NUMBER

    def _call(self, node: ast.Call) -> Kind:
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
            if isinstance(node.func, ast.Name):
                hint = did_you_mean(node.func.id, FUNCTIONS)
                raise self._error(node.func, f"unknown function '{node.func.id}'{hint}")
            hint = ""
            if isinstance(node.func, ast.Attribute) and node.func.attr in _SEARCHES:
                hint = '; "x" in TEXT looks for a text in a text'
            known = ", ".join(FUNCTIONS)
            raise self._error(node.func, f"only these can be called: {known}{hint}")
        name = node.func.id
        if node.keywords:
            raise self._error(node, f"{name}() takes no named arguments here")
        least, most = {"int": (1, 2), "min": (1, 20), "max": (1, 20)}.get(name, (1, 1))
        if not least <= len(node.args) <= most:
            takes = f"{least}" if least == most else f"{least} to {most}"
            raise self._error(node, f"{name}() takes {takes} values, not {len(node.args)}")
        kinds = [self.kind(arg) for arg in node.args]
        for left, right, a, b in zip(node.args, node.args[1:], kinds, kinds[1:], strict=False):
            if name != "int":
                self._same(left, right, a, b, f"{name}()")
        if name == "len" and kinds[0] not in (Kind.TEXT, Kind.ANY):
            raise self._error(node.args[0], f"len() is of a text, not of {kinds[0]}")
        if name == "abs" and kinds[0] in (Kind.TEXT, Kind.TRUTH):
            raise self._error(node.args[0], f"abs() is of a number, not of {kinds[0]}")
        if name in ("abs", "min", "max"):
            return kinds[0]
        if name in ("int", "float") and kinds[0] in _MEASURED:
            return kinds[0]
        return Kind.TEXT if name == "str" else Kind.NUMBER

    def _absent(self, node: ast.expr, reason: str) -> AbsentValue:
        start, end = span(self._text, node)
        return AbsentValue(f"'{self._text[start:end]}' has no value: {reason}", start, end - start)

    def _error(self, node: ast.expr, message: str, last: ast.expr | None = None) -> ExpressionError:
        start = span(self._text, node)[0]
        end = span(self._text, last or node)[1]
        return ExpressionError(message, start, end - start)


def _describe(node: ast.expr) -> str:
    names = {
        ast.Lambda: "'lambda' is", ast.IfExp: "'if ... else' is", ast.JoinedStr: "f-strings are",
        ast.List: "lists are", ast.Tuple: "lists are", ast.Dict: "dictionaries are",
        ast.Set: "sets are",
        ast.ListComp: "loops are", ast.SetComp: "loops are", ast.DictComp: "loops are",
        ast.GeneratorExp: "loops are", ast.NamedExpr: "':=' is",
        ast.Starred: "'*' before a value is",
        ast.Await: "'await' is", ast.Yield: "'yield' is", ast.Slice: "a slice is",
    }  # fmt: skip
    return names.get(type(node), f"{type(node).__name__} is")
