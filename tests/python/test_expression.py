# SPDX-License-Identifier: GPL-2.0-or-later
"""Expressions: what they give, what they refuse, and that hostile ones cost nothing."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from hvlab.scenario import expression
from hvlab.scenario.evaluate import Evaluation, Unevaluable, evaluate
from hvlab.scenario.expression import ExpressionError
from hvlab.scenario.shapes import Kind, Record, Shape, Value, match_shape, stop_shape

SCOPE: Mapping[str, Shape] = {
    "ready": match_shape(0, {}),
    "digest": match_shape(2, {"sum": 1, "count": 2}),
    "end": stop_shape(counts=True),
    "vars": Shape({"word": Kind.ANY, "number": Kind.ANY, "on": Kind.ANY, "nothing": Kind.ANY}),
}
VALUES: Mapping[str, Record] = {
    "ready": Record({"time": 1_204_000_000, "text": "/ # "}, ("/ # ",)),
    "digest": Record(
        {"sum": "2c7ab8", "count": "17", "time": 2_000_000_000, "text": "2c7ab8 17"},
        ("2c7ab8 17", "2c7ab8", "17"),
    ),
    "end": Record(
        {
            "reason": "debug-exit",
            "code": 3,
            "time": 5,
            "instructions": None,
            "rip": 0xFFF0,
            "message": "x",
        }
    ),
    "vars": Record({"word": "abc", "number": 7, "on": True, "nothing": None}),
}


def run(text: str) -> Evaluation:
    parsed = expression.parse(text)
    expression.check(parsed, SCOPE)
    return evaluate(parsed, VALUES, {name: shape.fields for name, shape in SCOPE.items()})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('digest.sum == "2c7ab8"', True),
        ('digest["sum"] != "x" and digest[2] == "17"', True),
        ("int(digest.count) + 1", 18),
        ("int(digest.sum, 16)", 0x2C7AB8),
        ('int("0x10", 0)', 16),
        ("ready.time < 5*second", True),
        ("1 <= end.code < 3", False),
        ("digest.time - ready.time", 796_000_000),
        ("digest.time / second", 2.0),
        ("5*minutes + 1*hour", 3_900_000_000_000),
        ("3*MiB // KiB", 3072),
        ("abs(ready.time - digest.time) > 1*ms", True),
        ("min(3, 1, 2) + max(1, 2)", 3),
        ('"7a" in digest.sum and "zz" not in digest.sum', True),
        ("len(digest.sum)", 6),
        ("digest.sum[0:2] + digest.sum[-1]", "2c8"),
        ("str(end.code) + vars.word", "3abc"),
        ("vars.on == true and not vars.on == false", True),
        ("vars.nothing == null", True),
        ("end.instructions == None", True),
        ("2 ** 10 | 1 << 3", 1032),
        ("~0 & 0xff ^ 0x0f", 0xF0),
        ("-7 % 3", 2),
        ('float("2.5") * 2', 5.0),
        ("1 == 1 or 1 / 0 == 1", True),
        ("(-1) ** 1000001", -1),
        ("0 ** 0 + 1 ** 10 ** 9", 2),
        ("1_000_000 == 1000000", True),
        ('"\u00fc" + "x" == "\u00fcx"', True),
    ],
)
def test_values(text: str, value: Value) -> None:
    result = run(text)
    assert result.value == value
    assert type(result.value) is type(value)


def test_every_operand_is_shown_in_the_order_of_the_text() -> None:
    result = run('digest.sum == "x" or int(digest.count) + 1 > 20 or ready.time > 2*second')
    assert result.value is False
    assert result.operands == (
        ("digest.sum", "'2c7ab8'"),
        ("int(digest.count) + 1", "18"),
        ("int(digest.count)", "17"),
        ("digest.count", "'17'"),
        ("ready.time", "1.204 s (1204000000 ns)"),
        ("2*second", "2000000000"),
    )


@pytest.mark.parametrize(
    ("text", "said", "at"),
    [
        ("redy.time > 0", "unknown name 'redy' (did you mean 'ready'?)", 0),
        ("ready.time > 0*secnd", "unknown name 'secnd' (did you mean 'second'?)", 15),
        ("ready.tme > 0", "'ready' has no 'tme' (did you mean 'time'?)", 0),
        ('digest["sm"] == ""', "'digest' has no 'sm' (did you mean 'sum'?)", 7),
        ("digest[3] == ''", "'digest' has no item [3]; its last is [2]", 7),
        ("end[0] == ''", "'end' has no item [0]; it has none", 4),
        ("digest[vars.number] == ''", "plain number or a name in quotes", 7),
        ("ready.time < 5", "'5' has no unit, beside a time", 13),
        ("ready.time + 5 > 1*s", "'5' has no unit, beside a time", 13),
        ("max(ready.time, 5) > 1*s", "'5' has no unit", 16),
        ("ready.time * ready.time > 0", "'*' between a time and a time", 0),
        ("ready.time + 1*MiB > 0", "'+' between a time and a size", 0),
        ("digest.sum > 5", "'>' between a text and a number", 0),
        ("digest.sum * 3 == ''", "'*' calculates with numbers, not with a text", 0),
        ("'%d' % 5 == ''", "'%' calculates with numbers, not with a text", 0),
        ("digest.sum and 1 == 1", "'digest.sum' is a text, not true or false", 0),
        ("not end.code", "'end.code' is a number, not true or false", 4),
        ("1 in digest.sum", "'in' looks for a text in a text, not for a number", 0),
        ("end.code is 3", "'is' is not allowed", 12),
        ("-digest.sum == 1", "a sign before a text", 0),
        ("len(5) == 1", "len() is of a text, not of a number", 4),
        ("len(digest.sum, 2) == 1", "len() takes 1 values, not 2", 0),
        ("int(x=5) == 1", "int() takes no named arguments here", 0),
        ("lenn(digest.sum) == 1", "unknown function 'lenn' (did you mean 'len'?)", 0),
        ("ready", "'ready' has several values", 0),
        ("digest.sum.upper == ''", "'.upper' is not one", 0),
        ("", "the expression is empty", 0),
        ("1 ==", "the expression ends too early", 3),
        ("end.code = 3", "'=' does not compare", 9),
        ("a == 'x=y' = 3", "'=' does not compare", 11),
        ("\x00 == 1", "can't be printed", 0),
        ("'\u00fc' == ready.tme", "'ready' has no 'tme'", 7),
    ],
)
def test_refused(text: str, said: str, at: int) -> None:
    with pytest.raises(ExpressionError) as caught:
        run(text)
    assert said in caught.value.message
    assert caught.value.offset == at


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "().__class__",
        "ready.__class__ == 1",
        "ready.time.__class__ == 1",
        "digest.sum.__len__() == 1",
        "[x for x in 'abc'] == 1",
        "{1: 2} == 1",
        "(1, 2) == 1",
        "[1] == 1",
        "(lambda: 1)() == 1",
        "f'{ready.time}' == ''",
        "(x := 5) == 5",
        "b'x' == 1",
        "1j == 1",
        "... == 1",
        "1 if ready.time else 2",
        "int.real == 1",
        "len == 1",
        "min(*digest.sum) == 1",
        "eval('1') == 1",
        "print('x') == 1",
        "1 @ 2 == 3",
        "ready.time[0] == 1",
        "digest.sum[::2] == 1",
        "await ready == 1",
        "(yield) == 1",
        "lambda: 1",
        "x; y",
        "import os",
        "vars.__dict__ == 1",
    ],
)
def test_nothing_else_of_python_is_there(text: str) -> None:
    with pytest.raises(ExpressionError):
        run(text)


@pytest.mark.parametrize(
    "text",
    [
        "9**9**9 > 0",
        "2**100000000 > 0",
        "10**10**10**10 > 0",
        "1 << 1000000000 > 0",
        "1 << -1 > 0",
        "2**255 * 2**255 > 0",
        "2.0**100000 > 0",
        "int(1e308 * 10) > 0",
        "int('" + "9" * 500 + "') > 0",
        "float('" + "9" * 500 + "') > 0",
        "9" * 1500 + " > 0",
        "9" * 900 + " > 0",
        "(" * 300 + "1" + ")" * 300 + " > 0",
        "-" * 900 + "1 > 0",
        "not " * 200 + "1 == 1",
        "+".join(["1"] * 400) + " > 0",
        " and ".join(["1 == 1"] * 120),
        "1 / 0 > 0",
        "1 % 0 > 0",
        "0 ** -1 > 0",
        "(-8) ** 0.5 > 0",
        "int('abc') > 0",
        "int('10', 7) > 0",
        "int('5', 2) > 0",
        "vars.word[100] == 'x'",
        "vars.word > 5",
        "vars.nothing < 5",
        "vars.on + 1 > 0",
        "vars.number and vars.on",
        "digest.sum[1 << 200] == 'x'",
    ],
)
def test_hostile(text: str) -> None:
    with pytest.raises((ExpressionError, Unevaluable)) as caught:
        run(text)
    assert str(caught.value)


def test_texts_do_not_grow_without_end() -> None:
    values = {"vars": Record({"word": "x" * (1 << 20)})}
    parsed = expression.parse("vars.word + vars.word == 'x'")
    with pytest.raises(Unevaluable, match="more than 1048576 characters"):
        evaluate(parsed, values, {"vars": {"word": Kind.ANY}})


def test_what_was_known_is_shown_when_there_is_no_value() -> None:
    with pytest.raises(Unevaluable) as caught:
        run("int(digest.sum) > 0")
    assert "no number of base 10" in str(caught.value)
    assert ("digest.sum", "'2c7ab8'") in caught.value.operands
