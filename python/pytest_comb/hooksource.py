"""Reads the source of a hook and says whether every statement is one that is known to treat each test alone.

A list of what is allowed, not of what is forbidden: a value has a kind, a kind allows some attributes and methods, and whatever
is not listed makes the hook unclear. Nothing is executed. Not seen: what attributes of test functions and classes do when they are
read, and objects that a module changes under another name than the one the hook reads.
"""

from __future__ import annotations

import ast
import functools
from types import FunctionType, ModuleType
from typing import Any, Optional, Union

from pytest_comb import hookvalues, sourcetree
from pytest_comb.hookvalues import Held, Kind, Unclear, join

Env = dict[str, Kind]  # names that are bound on every way to here
# Parameters of the hooks that may be read, and of which kind they are.
PARAMETERS: dict[str, Env] = {
    "pytest_collection_modifyitems": {"session": "session", "config": "config", "items": "items"},
    "pytest_itemcollected": {"item": "item"},
    "pytest_generate_tests": {"metafunc": "metafunc"},
    "pytest_make_parametrize_id": {"config": "config", "val": "plain", "argname": "atom"},
    "pytest_pycollect_makeitem": {"collector": "node", "name": "atom", "obj": "own"},
    "pytest_collectstart": {"collector": "node"},
}
MOST_CALLS = 2  # a hook, and a function that it calls


def objection(name: str, function: Any, config: Any) -> Optional[str]:
    """What in an implementation of this hook is not known to treat each test alone, as text; None for nothing."""
    if name not in PARAMETERS or not isinstance(function, FunctionType):
        return ""
    try:
        reader = Reader(function, config, 1)
        reader.read({key: PARAMETERS[name].get(key) for key in reader.parameters})  # type: ignore[misc]
    except Unclear as error:
        return f"line {error.line} {error}" if error.line else str(error)
    return None


def definition(function: FunctionType) -> ast.FunctionDef:
    """Where a function is written, with no decorator but pytest's."""
    code = function.__code__
    tree = sourcetree.of_file(code.co_filename)
    if tree is None:
        raise Unclear("its source cannot be read")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            if min([node.lineno, *(each.lineno for each in node.decorator_list)]) == code.co_firstlineno:
                break
    else:
        raise Unclear("its source cannot be found")
    plain = all("hookimpl" in ast.dump(each) for each in node.decorator_list)
    if not plain or code.co_freevars or hasattr(function, "__wrapped__"):
        raise Unclear("it is not a plain function")
    return node


class Reader:
    """One function."""

    def __init__(self, function: FunctionType, config: Any, calls: int) -> None:
        self.function, self.config, self.calls = function, config, calls
        self.tree = definition(function)
        given = self.tree.args
        if given.vararg or given.kwarg or given.posonlyargs or given.kwonlyargs:
            raise Unclear("its parameters are not plain", self.tree)
        self.parameters = [arg.arg for arg in given.args]
        self.stored = {node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        self.returned: Kind = ""
        self.rounds: list[bool] = []  # the loops around a statement: whether each is one over all tests
        self.exits: list[list[Env]] = []  # what is known where a round ends early

    def read(self, kinds: dict[str, Optional[Kind]]) -> Kind:
        """The kind of what the function returns, given those of its parameters; raises Unclear."""
        strange = [name for name, kind in kinds.items() if kind is None]
        if strange or self.tree.args.defaults and self.calls == 1:
            raise Unclear(f"takes {strange[0] if strange else 'parameters of its own'}", self.tree)
        self.block(self.tree.body, {name: kind for name, kind in kinds.items() if kind is not None})
        return self.returned or "atom"

    # -- statements -----------------------------------------------------------------------------

    def block(self, statements: list[ast.stmt], env: Env) -> Optional[Env]:
        """What is bound at the end; None where the end is not reached."""
        now: Optional[Env] = dict(env)
        for statement in statements:
            if now is None:
                return None
            method = getattr(self, "do_" + type(statement).__name__, None)
            if method is None:
                raise Unclear(f"has `{ast.unparse(statement).splitlines()[0]}`", statement)
            now = method(statement, now)
        return now

    def do_Pass(self, node: ast.Pass, env: Env) -> Env:
        return env

    def do_Expr(self, node: ast.Expr, env: Env) -> Env:
        self.kind(node.value, env)
        return env

    def do_Return(self, node: ast.Return, env: Env) -> None:
        if any(self.rounds):
            raise Unclear("ends the loop over all tests", node)
        self.returned = join(self.returned, self.kind(node.value, env) if node.value else "atom")

    def do_Continue(self, node: ast.Continue, env: Env) -> None:
        self.exits[-1].append(env)

    def do_Break(self, node: ast.Break, env: Env) -> None:
        if self.rounds[-1]:
            raise Unclear("ends the loop over all tests", node)
        self.exits[-1].append(env)

    def do_If(self, node: ast.If, env: Env) -> Optional[Env]:
        self.kind(node.test, env)
        return merge([self.block(node.body, env), self.block(node.orelse, env)])

    def do_For(self, node: ast.For, env: Env) -> Optional[Env]:
        over_all = isinstance(node.iter, ast.Name) and env.get(node.iter.id) == "items"
        if over_all:
            return self.over_items(node, env)
        element = self.element(node.iter, env)
        return self.loop(node, env, lambda inner: self.bind(node.target, element, inner))

    def do_While(self, node: ast.While, env: Env) -> Optional[Env]:
        return self.loop(node, env, lambda inner: self.kind(node.test, inner))

    def over_items(self, node: ast.For, env: Env) -> Env:
        """No round knows of another: what a round binds is unbound before it, and what stands before it stays as it is."""
        if not isinstance(node.target, ast.Name) or node.orelse or any(self.rounds):
            raise Unclear("has a loop over all tests that is not a plain one", node)
        bound = {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
        outer = {name: kind for name, kind in env.items() if name not in bound}
        inner: Env = {name: "plain" if kind == "new" else kind for name, kind in outer.items() if kind != "stream"}
        self.rounds.append(True)
        self.exits.append([])
        self.block(node.body, {**inner, node.target.id: "item"})
        self.exits.pop()
        self.rounds.pop()
        return outer

    def loop(self, node: Union[ast.For, ast.While], env: Env, begin: Any) -> Optional[Env]:
        """Any other loop: rounds until kinds do not change any more."""
        self.rounds.append(False)
        before = dict(env)
        while True:
            self.exits.append([])
            inner = dict(before)
            begin(inner)
            after = merge([before, self.block(node.body, inner), *self.exits.pop()]) or before
            if after == before:
                break
            before = after
        self.rounds.pop()
        return merge([before, self.block(node.orelse, before)])

    def do_Assign(self, node: ast.Assign, env: Env) -> Env:
        for target in node.targets:
            self.assign(target, node.value, env)
        return env

    def do_AnnAssign(self, node: ast.AnnAssign, env: Env) -> Env:
        if node.value is not None:
            self.assign(node.target, node.value, env)
        return env

    def do_AugAssign(self, node: ast.AugAssign, env: Env) -> Env:
        self.kind(node.value, env)
        name = node.target.id if isinstance(node.target, ast.Name) else ""
        if env.get(name) not in ("new", "atom"):
            raise Unclear(f"changes `{ast.unparse(node.target)}`", node)
        return env

    def assign(self, target: ast.expr, value: ast.expr, env: Env) -> None:
        """One target."""
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            kinds = [self.kind(each, env) for each in value.elts]
            for each, kind in zip(target.elts, kinds):
                self.bind(each, kind, env)
        elif isinstance(target, (ast.Tuple, ast.List)):
            self.bind(target, self.element(value, env), env)
        else:
            self.bind(target, self.kind(value, env), env)

    def bind(self, target: ast.expr, kind: Kind, env: Env) -> None:
        """A name, several with the same kind, a part of what was made here, or an attribute of the test."""
        if isinstance(target, ast.Name) and kind not in hookvalues.ONLY_PARAMETERS:
            env[target.id] = kind
        elif isinstance(target, (ast.Tuple, ast.List)):
            for each in target.elts:
                self.bind(each.value if isinstance(each, ast.Starred) else each, hookvalues.element(kind), env)
        elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name) and env.get(target.value.id) == "new":
            self.kind(target.slice, env)
        elif not (isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and env.get(target.value.id) == "item"):
            raise Unclear(f"stores to `{ast.unparse(target)}`", target)

    # -- expressions ----------------------------------------------------------------------------

    def kind(self, node: ast.expr, env: Env) -> Kind:
        """Of the value."""
        method = getattr(self, "of_" + type(node).__name__, None)
        try:
            if method is None:
                raise Unclear(f"has `{ast.unparse(node)}`")
            found: Kind = method(node, env)
        except Unclear as error:
            error.line = error.line or node.lineno
            raise
        return found

    def element(self, node: ast.expr, env: Env) -> Kind:
        """Of what a loop over this goes through."""
        kind = self.kind(node, env)
        try:
            return hookvalues.element(kind)
        except Unclear:
            raise Unclear(f"goes through `{ast.unparse(node)}`", node) from None

    def all_of(self, nodes: list[Any], env: Env) -> list[Kind]:
        """Kinds of those that are there."""
        return [self.kind(node, env) for node in nodes if node is not None]

    def of_Constant(self, node: ast.Constant, env: Env) -> Kind:
        return "atom"

    def of_Name(self, node: ast.Name, env: Env) -> Kind:
        if env.get(node.id) == "items":
            raise Unclear("looks at all tests together")
        if node.id in env:
            return env[node.id]
        if node.id in self.stored:
            raise Unclear(f"reads `{node.id}`, which another round may have set")
        return hookvalues.of_name(self.function.__globals__, node.id)

    def of_Attribute(self, node: ast.Attribute, env: Env) -> Kind:
        return hookvalues.attribute(self.kind(node.value, env), node.attr, self.config)

    def of_Subscript(self, node: ast.Subscript, env: Env) -> Kind:
        self.kind(node.slice, env)
        return hookvalues.element(self.kind(node.value, env))

    def of_Slice(self, node: ast.Slice, env: Env) -> Kind:
        return self.in_parts(node, env)

    def of_Starred(self, node: ast.Starred, env: Env) -> Kind:
        return self.element(node.value, env)

    def in_parts(self, node: ast.AST, env: Env) -> Kind:
        """A value that stands for itself, made of others."""
        for kind in self.all_of([each for each in ast.iter_child_nodes(node) if isinstance(each, ast.expr)], env):
            if kind in (*hookvalues.ONLY_PARAMETERS, "stream"):
                raise Unclear(f"has `{ast.unparse(node)}`")
        return "atom"

    of_JoinedStr = of_FormattedValue = of_Compare = of_UnaryOp = in_parts

    def of_BinOp(self, node: ast.BinOp, env: Env) -> Kind:
        kinds = self.all_of([node.left, node.right], env)
        self.in_parts(node, env)
        return "atom" if set(kinds) == {"atom"} else "plain"

    def of_BoolOp(self, node: ast.BoolOp, env: Env) -> Kind:
        return functools.reduce(join, self.all_of(node.values, env))

    def of_IfExp(self, node: ast.IfExp, env: Env) -> Kind:
        self.kind(node.test, env)
        return join(self.kind(node.body, env), self.kind(node.orelse, env))

    def of_Tuple(self, node: ast.Tuple, env: Env) -> Kind:
        kinds = set(self.all_of(node.elts, env))
        self.in_parts(node, env)
        return "atom" if kinds <= {"atom"} else "plain" if kinds <= {"atom", "plain", "new", "mark"} else "opaque"

    def of_container(self, node: Any, env: Env) -> Kind:
        self.in_parts(node, env)
        return "new"

    of_List = of_Set = of_Dict = of_container

    def of_comprehension(self, node: Any, env: Env) -> Kind:
        inner = dict(env)
        for each in node.generators:
            self.bind_comprehension(each.target, self.element(each.iter, inner), inner)
            self.all_of(each.ifs, inner)
        values = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self.all_of(values, inner)
        return "stream" if isinstance(node, ast.GeneratorExp) else "new"

    of_ListComp = of_SetComp = of_DictComp = of_GeneratorExp = of_comprehension

    def bind_comprehension(self, target: ast.expr, kind: Kind, env: Env) -> None:
        """Only names."""
        if any(isinstance(node, (ast.Attribute, ast.Subscript)) for node in ast.walk(target)):
            raise Unclear(f"stores to `{ast.unparse(target)}`", target)
        self.bind(target, kind, env)

    # -- calls ----------------------------------------------------------------------------------

    def of_Call(self, node: ast.Call, env: Env) -> Kind:
        function = node.func
        given = self.all_of(list(node.args), env)
        named = {each.arg or "**": self.kind(each.value, env) for each in node.keywords}
        if isinstance(function, ast.Attribute):
            owner = self.kind(function.value, env)
            if not (isinstance(owner, Held) and isinstance(owner.value, ModuleType)):
                is_name = isinstance(function.value, ast.Name)
                return hookvalues.method(owner, function.attr, given, named, is_name, ast.unparse(function))
        called = self.kind(function, env)
        if called != "mark" and not isinstance(called, Held):
            raise Unclear(f"calls `{ast.unparse(function)}`")
        if called == Held(hasattr) and given[:1] == ["config"]:
            return "atom"
        if called in (Held(getattr), Held(hasattr)):
            return self.of_getattr(node, given, env)
        hookvalues.check_arguments(given, named, ast.unparse(function))
        if called == "mark":
            return "mark"
        if isinstance(called.value, FunctionType) and called.value.__globals__ is self.function.__globals__:
            return self.follow(called.value, given, named, ast.unparse(function))
        return hookvalues.call(called.value, given, ast.unparse(function))

    def of_getattr(self, node: ast.Call, given: list[Kind], env: Env) -> Kind:
        """An attribute by its name."""
        name = node.args[1] if len(node.args) > 1 else None
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            if given[0] == "config" and len(given) > 2 and not hasattr(self.config, name.value):
                return given[2]
            found = hookvalues.attribute(given[0], name.value, self.config)
        elif given and given[0] == Held(hookvalues.MARKS):
            return "mark"
        else:
            raise Unclear(f"calls `{ast.unparse(node)}`")
        return functools.reduce(join, given[2:], found)

    def follow(self, function: FunctionType, given: list[Kind], named: dict[str, Kind], text: str) -> Kind:
        """Into a function of the same module."""
        if self.calls == MOST_CALLS:
            raise Unclear(f"calls `{text}` at second hand")
        try:
            reader = Reader(function, self.config, self.calls + 1)
            defaults = function.__defaults__ or ()
            kinds: dict[str, Optional[Kind]] = dict.fromkeys(reader.parameters)
            for name, value in zip(reversed(reader.parameters), reversed(defaults)):
                kinds[name] = "plain" if hookvalues.of_value(value) == "new" else hookvalues.of_value(value)
            for name, kind in [*zip(reader.parameters, given), *named.items()]:
                kinds[name] = "plain" if kind == "new" else kind
            return reader.read(kinds)
        except Unclear as error:
            raise Unclear(f"calls `{text}`, which {error}") from None


def merge(ways: list[Optional[Env]]) -> Optional[Env]:
    """What is bound on each way that reaches this place."""
    open_ways = [way for way in ways if way is not None]
    if not open_ways:
        return None
    return {name: functools.reduce(join, [way[name] for way in open_ways])
            for name in open_ways[0] if all(name in way for way in open_ways)}
