"""The options of argument parsers, read from source."""

import ast
from collections.abc import Iterator


def options_in(tree: ast.Module) -> set[str] | None:
    """The options that a module adds to parsers; None if they are computed, or if unknown ones are let through.

    Read are literals, and the fields of a dataclass: `for field in fields(X): add_argument(f"--{field.name}")`.
    """
    reader = _Reader(tree)
    reader.visit(tree)
    return reader.options if reader.readable else None


class _Reader(ast.NodeVisitor):
    """Walks through a module, knowing of the loops around it what their variable stands for."""

    def __init__(self, tree: ast.Module) -> None:
        self.options: set[str] = set()
        self.readable = True
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        self.fields = {node.name: list(_fields(node)) for node in classes if not node.bases}
        self.loops: dict[str, list[str]] = {}

    def visit_For(self, node: ast.For) -> None:
        outer = self.loops
        looped = self.fields.get(_argument_of_fields(node.iter), [])
        self.loops = {**outer, node.target.id: looped} if isinstance(node.target, ast.Name) else outer
        self.generic_visit(node)
        self.loops = outer

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if name == "add_argument":
            found = [self.names(argument) for argument in node.args]
            self.options |= {option for options in found for option in options}
            self.readable &= all(found)
        self.readable &= name != "parse_known_args"
        self.generic_visit(node)

    def names(self, argument: ast.expr) -> list[str]:
        """The options that an argument of add_argument stands for; none if that cannot be told."""
        if isinstance(argument, ast.Constant):
            return [str(argument.value)]
        match argument:
            case ast.JoinedStr(
                [ast.Constant(str(before)), ast.FormattedValue(ast.Attribute(ast.Name(loop), "name"), -1, None)]
            ):
                return [before + field for field in self.loops.get(loop, [])]
        return []


def _fields(node: ast.ClassDef) -> Iterator[str]:
    """The fields of a dataclass that inherits none."""
    for one in node.body:
        match one:
            case ast.AnnAssign(ast.Name(name), annotation) if "ClassVar" not in ast.unparse(annotation):
                yield name


def _argument_of_fields(call: ast.expr) -> str:
    """X in `fields(X)`, else nothing."""
    match call:
        case ast.Call(ast.Name("fields") | ast.Attribute(_, "fields"), [ast.Name(name)]):
            return name
    return ""
