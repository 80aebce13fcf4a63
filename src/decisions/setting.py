"""Settings: YAML files as readable classes. Errors name the file, the line and what was expected."""

from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tables.refusal import Refused

Where = tuple[Hashable, ...]
# The same YAML and the same safety, ten times as fast where the C library is there.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Part(BaseModel):
    """Unknown words in a settings file are mistakes, not decoration."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Named(Part):
    """What people call by name; `name` is the word that programs and other parts of the file use."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    chinese: str = Field(min_length=1)


class Misplaced(ValueError):
    """Mistakes that lie deeper than the class that noticed them: where (from that class on), and what."""

    def __init__(self, found: Iterable[tuple[Where, str]]) -> None:
        self.found = tuple(found)
        super().__init__("; ".join(f"{'.'.join(map(str, where))}: {says}" for where, says in self.found))


P = TypeVar("P", bound=Part)


class Lines:
    """Where the parts of a file stand. Raises what `validated` refuses: not there, not UTF-8, not YAML."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        self.root = yaml.compose(self.text, LOADER)

    def line(self, where: Where) -> int:
        """The line of the deepest part of `where` that stands in the file."""
        return _line(self.root, where)


def validated(kind: type[P], path: Path) -> P:
    """A file of settings as readable classes; Refused with the line of everything that is wrong."""
    try:
        lines = Lines(path)
        _refuse_repeats(lines.root, path)
        return kind.model_validate(yaml.load(lines.text, LOADER) or {})
    except OSError as error:
        raise Refused(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise Refused(f"{path}: not UTF-8 text: {error}") from error
    except yaml.YAMLError as error:
        raise Refused(f"{path}: not YAML: {error}") from error
    except ValidationError as error:
        found = [
            f"{path}:{lines.line(where)}: {'.'.join(map(str, where)) or 'the file'}: {says}"
            for each in error.errors()
            for where, says in _mistakes(each)
        ]
        raise Refused("\n".join(found)) from error


def _mistakes(error: Any) -> list[tuple[Where, str]]:
    raised = error.get("ctx", {}).get("error")
    if isinstance(raised, Misplaced):
        return [((*error["loc"], *where), says) for where, says in raised.found]
    return [(error["loc"], f"{error['msg']}; came {_short(error['input'])}")]


def _refuse_repeats(root: Any, path: Path) -> None:
    """YAML lets the last of two entries with one name win in silence."""
    found: list[tuple[int, str]] = []
    seen, left = set(), [root]
    while left:
        node = left.pop()
        if id(node) in seen:  # an alias may stand inside what it names
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            left += node.value
        if isinstance(node, yaml.MappingNode):
            first: dict[tuple[str, str], int] = {}
            for key, value in node.value:
                left += key, value
                name, line = (key.tag, str(key.value)), key.start_mark.line + 1
                if name in first:
                    found.append(
                        (line, f"{key.value}: stands in line {first[name]} already; keep one of them")
                    )
                first.setdefault(name, line)
    if found:
        raise Refused("\n".join(f"{path}:{line}: {says}" for line, says in sorted(found)))


def _line(node: Any, where: Where) -> int:
    line = node.start_mark.line + 1 if node else 1
    for step in where:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == str(step)]
            if not found:
                break
            key, node = found[0]
            line = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
    return line


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
