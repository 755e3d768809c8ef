"""From the syntax tree of a text to tensors: a walk over the kinds of syntax that are allowed.

Every kind is a row of `Reader.KINDS`; what has no row is refused with its place. Nothing of the
text is ever executed: names are looked up in tables, operators are functions of this file.
"""

from __future__ import annotations

import ast
import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import sympy

from . import caret, functions, parse_hints, parse_words
from .dims import Dim, FreshDim, extent, least
from .errors import ClosedformError, ParseError, ShapeError
from .origin import reading
from .suggestions import meant
from .tensor import Tensor, as_tensor

NESTING = 100  # brackets, calls and operators within each other; a long sum is not nested
EXPONENT = 1000
WHOLE = 10**18  # integers, typed or computed
STRING = 100

BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.MatMult: operator.matmul,
    ast.Pow: operator.pow,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
}
FOLDED = (ast.Add, ast.Sub, ast.Mult, ast.Pow)  # of two whole numbers: done at once
UNARY: dict[type, Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
}
COMPARISONS: dict[type, Callable[[Any, Any], Tensor]] = {
    ast.Lt: functions.lt,
    ast.LtE: functions.le,
    ast.Gt: functions.gt,
    ast.GtE: functions.ge,
    ast.Eq: functions.eq,
    ast.NotEq: functions.neq,
}
# syntax that Python has and a text has not -> what to write instead
INSTEAD: dict[type, tuple[str, str]] = {
    ast.BitXor: ("the operator ^", "write ** for a power, X.T for a transpose"),
    ast.BoolOp: ("'and' or 'or'", "write (a > 0) & (b > 0), or | for or"),
    ast.Not: ("'not'", "write ~ of a comparison"),
    ast.IfExp: ("an if", "write where(condition, a, b)"),
    ast.Lambda: ("a lambda", "apply it at once, as in (lambda r: r*r)(x + y), to name a part"),
    ast.NamedExpr: (":=", "apply a lambda, as in (lambda r: r*r)(x + y), to name a part"),
    ast.JoinedStr: ("an f-string", "write the expression itself"),
    ast.ListComp: ("a comprehension", "write whole-array operations"),
    ast.GeneratorExp: ("a comprehension", "write whole-array operations"),
    ast.Dict: ("a dict", "write expressions, tuples or lists"),
    ast.Starred: ("a starred argument", "write every argument"),
    ast.LShift: ("the operator <<", "write a product with a power of 2"),
    ast.RShift: ("the operator >>", "write a division by a power of 2"),
}
_FAILURES = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError)


def of_extents(op: ast.operator, left: Any, right: Any) -> bool:
    """Whether an operation gives the extent of an axis: a sum, or a product without sums."""
    pair = (left, right)
    if not are_extents(pair) or not isinstance(op, ast.Add | ast.Mult):
        return False
    return isinstance(op, ast.Add) or not any(isinstance(v, sympy.Add) for v in pair)


def are_extents(values: Sequence[Any]) -> bool:
    """Whether all are extents of axes or whole numbers, and some are no numbers."""
    symbolic = any(isinstance(v, sympy.Expr) for v in values)
    return symbolic and all(isinstance(v, sympy.Expr) or type(v) is int for v in values)


class Reader:
    """Reads one text.

    names      what is declared: a tensor, an extent, or a function of tensors
    undeclared makes the value of a name that is not, or raises ParseError
    """

    def __init__(
        self, text: str, names: dict[str, Any], undeclared: Callable[[str], Tensor | float]
    ) -> None:
        self.text, self.names, self.undeclared = text, names, undeclared
        self.used: set[str] = set()
        self.defined: dict[str, ParseError] = {}  # the error for one that nothing uses
        self._depth = 0

    def read(self, node: ast.expr) -> Any:
        """The value of one expression."""
        kind = self.KINDS.get(type(node))
        if kind is None:
            raise self.refused(node, node)
        self._depth += 1
        if self._depth > NESTING:
            raise self.error(
                node,
                f"an expression that is nested more than {NESTING} deep",
                "name a part: parse it by itself and hand the tensor over by name",
            )
        try:
            return kind(self, node)
        finally:
            self._depth -= 1

    # ------------------------------------------------------------ definitions

    def define(self, node: ast.stmt) -> None:
        """Read `name = expression`; the name is new, the value an array or a number."""
        if not isinstance(node, ast.Assign) or len(node.targets) > 1:
            raise self.error(node, "a line that defines no name", "write name = expression")
        (target,) = node.targets
        assert isinstance(target, ast.Name), "the line begins with a name and ="
        try:
            parse_words.check_name(target.id)
        except ParseError as error:
            raise self.error(target, error.found, error.fix) from None
        value = self.read(node.value)
        if isinstance(value, tuple | list):
            what = f"{target.id!r} as the name of a {type(value).__name__}"
            raise self.error(node.value, what, "name arrays and numbers: array([x, y])")
        value = self.operand(node.value, value)
        if target.id in self.names:
            what = f"{target.id!r} is defined, but it has a meaning already"
            raise self.error(target, what, "choose a name that nothing else has")
        self.names[target.id] = value
        what = f"{target.id!r} is defined, and the lines after it do not use it"
        self.defined[target.id] = self.error(target, what, "remove the definition")

    def check_definitions(self) -> None:
        """Raise ParseError for a definition that nothing uses."""
        for name, error in self.defined.items():
            if name not in self.used:
                raise error

    # ------------------------------------------------------------ errors

    def error(self, node: ast.AST, found: str, fix: str) -> ParseError:
        """An error with the place of the node under the text."""
        return ParseError(found, where=str(caret.of_node(self.text, node)), fix=fix)

    def refused(self, node: ast.AST, place: ast.AST) -> ParseError:
        what, fix = INSTEAD.get(
            type(node),
            (
                f"syntax that no expression has ({type(node).__name__})",
                "write operators, calls, indices and numbers",
            ),
        )
        return self.error(place, what, fix)

    def perform(self, node: ast.AST, action: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What the action gives; its errors name the place in the text."""
        place = caret.of_node(self.text, node)
        try:
            with reading(place.quoted):
                return action(*args, **kwargs)
        except ClosedformError as error:
            fix = error.fix + parse_hints.of_shapes(node) * isinstance(error, ShapeError)
            raise type(error)(error.found, where=str(place), fix=fix) from None
        except _FAILURES as error:
            raise self.error(
                node, f"{place.quoted!r} has no meaning: {error}", "check its arguments"
            ) from error

    # ------------------------------------------------------------ atoms

    def constant(self, node: ast.Constant) -> Any:
        value = node.value
        if value is None or value is Ellipsis or isinstance(value, bool):
            return value
        if isinstance(value, int):
            return self.whole(node, value)
        if isinstance(value, float):
            if value == float("inf"):
                raise self.error(node, "a number beyond the range of floats", "write 1e308 or less")
            return value
        if isinstance(value, str) and len(value) <= STRING:
            return value
        kind = type(value).__name__
        raise self.error(node, f"a constant of type {kind}", "write integers and decimal numbers")

    def whole(self, node: ast.AST, value: int) -> int:
        if abs(value) > WHOLE:
            raise self.error(
                node, f"a whole number beyond {WHOLE:.0e}", "write it as a float, as in 1e20"
            )
        return value

    def name(self, node: ast.Name) -> Any:
        if node.id not in self.names:
            if parse_words.function(node.id) is not None:
                fix = f"call it, as in {node.id}(x), or declare a variable of this name"
                raise self.error(node, f"the function {node.id!r} without arguments", fix)
            try:
                self.names[node.id] = self.undeclared(node.id)
            except ParseError as error:
                raise self.error(node, error.found, error.fix) from None
        self.used.add(node.id)
        value = self.names[node.id]
        if callable(value) and not isinstance(value, Tensor | sympy.Basic):
            raise self.error(
                node, f"the function {node.id!r} without arguments", f"call it: {node.id}(x)"
            )
        return value

    def items(self, node: ast.List | ast.Tuple) -> Any:
        values = [self.read(item) for item in node.elts]
        return tuple(values) if isinstance(node, ast.Tuple) else values

    # ------------------------------------------------------------ operators

    def operand(self, node: ast.AST, value: Any) -> Any:
        """A value that arithmetic can use: a number or a tensor."""
        if isinstance(value, Tensor) or (
            isinstance(value, int | float) and not isinstance(value, bool)
        ):
            return value
        if isinstance(value, bool | list | tuple | Dim | FreshDim | sympy.Expr):
            return self.perform(node, as_tensor, value)
        kind = "None" if value is None else f"a value of type {type(value).__name__}"
        raise self.error(node, f"{kind} in arithmetic", "use numbers and tensors")

    def binary(self, node: ast.BinOp) -> Any:
        """Operators; the left sides of a long sum are walked in a loop."""
        spine = [node]
        while isinstance(spine[-1].left, ast.BinOp):
            spine.append(spine[-1].left)
        value = self.read(spine[-1].left)
        for step in reversed(spine):
            other = self.read(step.right)
            if of_extents(step.op, value, other):
                value = BINARY[type(step.op)](value, other)
                continue
            left, right = self.operand(step.left, value), self.operand(step.right, other)
            value = self.apply(step, left, right)
        return value

    def apply(self, node: ast.BinOp, left: Any, right: Any) -> Any:
        kind = type(node.op)
        if kind not in BINARY:
            raise self.refused(node.op, node)
        number = isinstance(right, int | float)
        if kind is ast.Pow and number and abs(right) > EXPONENT:
            raise self.error(
                node.right, f"the exponent {right}", f"use exponents from {-EXPONENT} to {EXPONENT}"
            )
        if isinstance(left, int) and isinstance(right, int) and kind in FOLDED:
            return self.fold(node, left, right)
        if isinstance(left, int | float) and number:
            left = as_tensor(left)
        return self.perform(node, BINARY[kind], left, right)

    def fold(self, node: ast.BinOp, left: int, right: int) -> Any:
        """Whole numbers, computed exactly: they may stand for a shape or a position."""
        if not isinstance(node.op, ast.Pow):
            return self.whole(node, BINARY[type(node.op)](left, right))
        if abs(left) > 1 and right > 60:
            raise self.error(node, f"{left}**{right}", "write it as a float, as in 1e20")
        if right < 0:
            return self.perform(node, operator.pow, as_tensor(float(left)), right)
        return self.whole(node, left**right)

    def unary(self, node: ast.UnaryOp) -> Any:
        if type(node.op) not in UNARY:
            raise self.refused(node.op, node)
        value = self.operand(node.operand, self.read(node.operand))
        if isinstance(node.op, ast.Invert) and not isinstance(value, Tensor):
            value = as_tensor(value)
        return self.perform(node, UNARY[type(node.op)], value)

    def compare(self, node: ast.Compare) -> Tensor:
        if len(node.ops) > 1:
            raise self.error(node, "a chain of comparisons", "write (a < b) & (b < c)")
        (op,), (other,) = node.ops, node.comparators
        if type(op) not in COMPARISONS:
            raise self.error(node, f"the comparison {type(op).__name__}", "use < <= > >= == !=")
        left = self.operand(node.left, self.read(node.left))
        right = self.operand(other, self.read(other))
        return self.perform(node, COMPARISONS[type(op)], left, right)

    # ------------------------------------------------------------ indices and attributes

    def subscript(self, node: ast.Subscript) -> Any:
        base = self.read(node.value)
        key = self.key(node.slice)
        if isinstance(base, tuple | list):
            if not isinstance(key, int) or isinstance(key, bool):
                raise self.error(node.slice, "the index of a list", "use one whole number")
            return self.perform(node, operator.getitem, base, key)
        if not isinstance(base, Tensor):
            kind = type(base).__name__
            raise self.error(node, f"an index of a value of type {kind}", "index a tensor")
        return self.perform(node, operator.getitem, base, key)

    def key(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Tuple):
            return tuple(map(self.key, node.elts))
        if isinstance(node, ast.Slice):
            return slice(*(p and self.read(p) for p in (node.lower, node.upper, node.step)))
        return self.read(node)

    def attribute(self, node: ast.Attribute) -> Any:
        path = self.path(node)
        if path is not None:
            return self.of_library(node, path)
        if node.attr not in parse_words.ATTRIBUTES:
            known = [*parse_words.ATTRIBUTES, *parse_words.METHODS]
            hint = meant(node.attr, known) or "use .T or .shape, and call methods"
            raise self.error(node, f"the attribute {node.attr!r}", hint)
        base = self.read(node.value)
        if not isinstance(base, Tensor):
            base = self.perform(node, as_tensor, self.operand(node.value, base))
        return self.perform(node, getattr, base, node.attr)

    def path(self, node: ast.expr) -> list[str] | None:
        """The names of `np.linalg.inv`; None if it does not begin with a library's name."""
        found: list[str] = []
        while isinstance(node, ast.Attribute):
            found.insert(0, node.attr)
            node = node.value
        library = isinstance(node, ast.Name) and node.id in parse_words.MODULES
        return found if library and node.id not in self.names else None  # type: ignore

    def foreign(self, node: ast.Name) -> bool:
        """Whether a name is that of another library."""
        return node.id in parse_words.FOREIGN and node.id not in self.names

    def of_library(self, node: ast.AST, path: list[str]) -> float:
        if len(path) == 1 and path[0] in parse_words.CONSTANTS:
            return parse_words.CONSTANTS[path[0]]
        raise self.error(node, f"{'.'.join(path)!r} without arguments", "call it, as in np.exp(x)")

    # ------------------------------------------------------------ calls

    def call(self, node: ast.Call) -> Any:
        if isinstance(node.func, ast.Lambda):
            return self.let(node, node.func)
        name, func, first = self.callee(node.func)
        args = [*first, *(self.read(a) for a in node.args)]
        kwargs: dict[str, Any] = {}
        for k in node.keywords:
            if k.arg is None:
                raise self.error(node, *INSTEAD[ast.Starred])
            kwargs[k.arg] = self.read(k.value)
        largest = parse_hints.LARGEST.get(name) if isinstance(node.func, ast.Name) else None
        if largest and len(args) == 2 and (isinstance(args[1], Tensor) or args[1] == 0):
            raise self.error(
                node,
                f"{name} of two arguments",
                f"write {largest}(x, y) for the one of each pair, {name}(x, axis=0) along an axis",
            )
        if name == "minimum" and not kwargs and are_extents(args):
            return functools.reduce(least, map(extent, args))
        wrong = parse_words.misfit(func, args, kwargs)
        if wrong:
            raise self.error(node, f"{name}: {wrong}", f"it is {parse_words.signature(name, func)}")
        return self.perform(node, func, *args, **kwargs)

    def callee(self, node: ast.expr) -> tuple[str, Callable[..., Any], list[Any]]:
        """The function that is called: its name, itself, and the tensor whose method it is."""
        if isinstance(node, ast.Name):
            return node.id, self.declared(node) or self.function(node, node.id), []
        if not isinstance(node, ast.Attribute):
            raise self.error(node, "a call of what is no function", "write * between factors")
        path = self.path(node)
        if isinstance(node.value, ast.Name) and self.foreign(node.value):
            fix = f"write np.{node.attr}(x), in NumPy's words"
            raise self.error(node, f"the library {node.value.id!r}", fix)
        if path is not None:
            if not set(path[:-1]) <= set(parse_words.NAMESPACES):
                raise self.error(node, f"the module {'.'.join(path[:-1])!r}", "write np.exp(x)")
            return path[-1], self.function(node, path[-1]), []
        if node.attr not in parse_words.METHODS:
            hint = meant(node.attr, parse_words.METHODS) or "call a function instead"
            raise self.error(node, f"the method {node.attr!r}", hint)
        base = as_tensor(self.operand(node.value, self.read(node.value)))
        method = getattr(base, node.attr, None)
        if method is None:
            raise self.error(node, f"the method {node.attr!r}", "call a function instead")
        return node.attr, method, []

    def declared(self, node: ast.Name) -> Callable[..., Any] | None:
        """The function that the caller declared under this name."""
        value = self.names.get(node.id)
        if value is None:
            return None
        self.used.add(node.id)
        if isinstance(value, Tensor | sympy.Basic) or not callable(value):
            raise self.error(
                node, f"a call of {node.id!r}, which is a variable", "write * between factors"
            )
        return value

    def function(self, node: ast.AST, name: str) -> Callable[..., Any]:
        found = parse_words.function(name)
        if found is None:
            known = [*parse_words.names(), *(n for n, v in self.names.items() if callable(v))]
            hint = parse_hints.FUNCTIONS.get(name) or meant(name, known)
            hint = hint or f"use one of {', '.join(known[:12])}, ..."
            raise self.error(node, f"there is no function {name!r}", hint)
        return found

    def let(self, node: ast.Call, function: ast.Lambda) -> Any:
        """`(lambda r: r*r)(x + y)`: the body with its parameters as names."""
        given = function.args
        parameters = [a.arg for a in given.args]
        plain = not (given.vararg or given.kwarg or given.kwonlyargs or given.defaults)
        if not plain or given.posonlyargs or node.keywords or len(parameters) != len(node.args):
            raise self.error(node, "a lambda", "give one argument per parameter, by position")
        values = [self.read(a) for a in node.args]
        before = dict(self.names)
        self.names.update(zip(parameters, values, strict=True))
        try:
            return self.read(function.body)
        finally:
            for name in parameters:
                self.names.pop(name, None)
                if name in before:
                    self.names[name] = before[name]

    KINDS: ClassVar[dict[type, Callable[[Any, Any], Any]]] = {
        ast.Constant: constant,
        ast.Name: name,
        ast.List: items,
        ast.Tuple: items,
        ast.BinOp: binary,
        ast.UnaryOp: unary,
        ast.Compare: compare,
        ast.Subscript: subscript,
        ast.Attribute: attribute,
        ast.Call: call,
    }
