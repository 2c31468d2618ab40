"""YAML 1.2 files as plain values whose keys remember where they stand."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Self

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from localjobs.errors import SourceError

MAX_NODES = 100_000
"""More values than this after aliases are expanded are taken for an attack, not for a bundle."""

_CORE = "tag:yaml.org,2002:"
_MERGE_KEY = _CORE + "merge"
_RADIX = {"0o": 8, "0x": 16, "0b": 2}


@dataclass(frozen=True)
class Place:
    """A line of a file; lines count from 1."""

    file: Path
    line: int

    def __str__(self) -> str:
        """The file as seen from the working directory, and the line."""
        here = Path.cwd()
        shown = self.file.relative_to(here) if self.file.is_relative_to(here) else self.file
        return f"{shown}:{self.line}"


class Key(str):
    """The key of a mapping, which knows the line that it was read from."""

    __slots__ = ("place",)
    place: Place

    def __new__(cls, text: str, place: Place) -> Self:
        """Make a key that equals the plain string `text`."""
        key = super().__new__(cls, text)
        key.place = place
        return key


def read_yaml(file: Path) -> Any:
    """Read a file by the rules of YAML 1.2; duplicate keys, unknown tags and alias bombs are refused."""
    try:
        node = YAML(typ="safe", pure=True).compose(file.read_text(encoding="utf-8-sig"))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SourceError(f"{file}:{line}: not valid YAML: {error.problem or error.context}") from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise SourceError(f"{file}: not valid YAML: {error}") from error
    except OSError as error:
        raise SourceError(f"{file}: cannot be read: {error.strerror}") from error
    return None if node is None else _Reader(file).value(node)


def place_of(tree: Any, path: tuple[str | int, ...]) -> Place | None:
    """The line of the deepest key on `path` that was read from a file."""
    found: Place | None = None
    for step in path:
        if isinstance(tree, dict) and step in tree:
            found = next((key.place for key in tree if key == step and isinstance(key, Key)), found)
            tree = tree[step]
        elif isinstance(tree, list) and isinstance(step, int) and step < len(tree):
            tree = tree[step]
            found = (
                next((key.place for key in tree if isinstance(key, Key)), found) if isinstance(tree, dict) else found
            )
        else:
            break
    return found


class _Reader:
    """Turns the nodes of one file into values, counting them."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.count = 0
        self.open: set[int] = set()

    def value(self, node: Node) -> Any:
        self.count += 1
        if self.count > MAX_NODES:
            self.refuse(node, f"aliases expand to more than {MAX_NODES:,} values")
        if id(node) in self.open:
            self.refuse(node, "an alias that contains itself")
        self.open.add(id(node))
        try:
            return self.construct(node)
        finally:
            self.open.discard(id(node))

    def construct(self, node: Node) -> Any:
        if isinstance(node, MappingNode) and node.tag == _CORE + "map":
            return self.mapping(node)
        if isinstance(node, SequenceNode) and node.tag == _CORE + "seq":
            return [self.value(item) for item in node.value]
        if isinstance(node, ScalarNode):
            return self.scalar(node)
        return self.refuse(node, f"the tag {node.tag} is not allowed: only plain YAML values are")

    def mapping(self, node: MappingNode) -> dict[str, Any]:
        own: dict[str, Any] = {}
        inherited: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE_KEY:
                for merged in self.merged(value_node):
                    inherited = merged | inherited
                continue
            key = self.key(key_node)
            if key in own:
                self.refuse(key_node, f"the key {key!r} stands twice in one mapping")
            own[key] = self.value(value_node)
        return inherited | own

    def merged(self, node: Node) -> Iterator[dict[str, Any]]:
        for part in node.value if isinstance(node, SequenceNode) else [node]:
            if not isinstance(part, MappingNode):
                self.refuse(part, "`<<` merges mappings only")
            yield self.value(part)

    def key(self, node: Node) -> Key:
        if not isinstance(node, ScalarNode):
            self.refuse(node, "a key must be a string")
        return Key(node.value, Place(self.file, node.start_mark.line + 1))

    def scalar(self, node: ScalarNode) -> Any:
        text, kind = node.value, str(node.tag).removeprefix(_CORE)
        if kind in {"str", "timestamp"}:
            return text
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int":
            return _integer(text.replace("_", ""))
        if kind == "float":
            return float(re.sub(r"\.(?=inf|nan)", "", text.lower()).replace("_", ""))
        return self.refuse(node, f"the tag {node.tag} is not allowed: only plain YAML values are")

    def refuse(self, node: Node, why: str) -> NoReturn:
        raise SourceError(f"{self.file}:{node.start_mark.line + 1}: {why}")


def _integer(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("+-")
    return sign * int(digits, _RADIX.get(digits[:2], 10))
