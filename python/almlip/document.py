# SPDX-License-Identifier: GPL-2.0-or-later
"""Settings files: YAML or JSON, read with the line of every key, so that errors can name it."""

import re
from itertools import islice
from pathlib import Path

import yaml

from .frames import BadInput


class Document:
    """Data of a settings file, and where its keys are.

    data   plain dicts, lists, numbers and strings
    """

    def __init__(self, path):
        """Raises BadInput if the file is missing, no YAML, or holds no mapping."""
        self.path = Path(path)
        self.lines = {}
        try:
            text = self.path.read_text(encoding="utf-8")
            if self.path.suffix == ".json":
                text = text.replace("\t", " ")  # YAML has no tabs between its words
            root = yaml.compose(text, Loader=Loader)
        except OSError as error:
            raise BadInput(f"{path}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise BadInput(f"{path}: not a text file ({error.reason})") from error
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            where = f"{path}:{mark.line + 1}" if mark else path
            raise BadInput(f"{where}: not valid YAML: {error.problem}") from error
        except yaml.YAMLError as error:
            raise BadInput(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
        if not isinstance(root, yaml.MappingNode):
            raise BadInput(
                f"{path}: holds no settings; it must begin with a key, such as `seed: 1`"
            )
        self.data = self.convert(root, ())

    def convert(self, node, where):
        """The plain data of a node at the tuple of keys `where`."""
        self.lines.setdefault(where, node.start_mark.line + 1)
        if isinstance(node, yaml.SequenceNode):
            return [self.convert(item, (*where, i)) for i, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return Loader.scalar(node)
        result = {}
        for key_node, value in node.value:
            key = str(key_node.value)
            line = key_node.start_mark.line + 1
            if key in result:
                raise self.error((*where, key), f"is there twice, again in line {line}")
            self.lines[(*where, key)] = line
            result[key] = self.convert(value, (*where, key))
        return result

    def line(self, where):
        """Line of a key, or of the nearest one above it."""
        where = tuple(where)
        while where not in self.lines:
            where = where[:-1]
        return self.lines[where]

    def error(self, where, message):
        """BadInput that names file, line and key."""
        name = ".".join(str(part) for part in where)
        return BadInput(f"{self.path}:{self.line(where)}: {name + ': ' if name else ''}{message}")

    def located(self, error, where=()):
        """The BadInput with file and line in front: of the first key below `where` that it quotes."""
        quoted = (key for key in re.findall('"([^"]+)"', str(error)) if (*where, key) in self.lines)
        return BadInput(f"{self.path}:{self.line((*where, *islice(quoted, 1)))}: {error}")


class Loader(yaml.SafeLoader):
    """YAML 1.2: only true and false are booleans (No is nobelium), and 1e-6 is a number."""

    yaml_implicit_resolvers = {}

    @staticmethod
    def scalar(node):
        kind = node.tag.rpartition(":")[2]
        if kind == "bool":
            return node.value.lower() == "true"
        if kind == "int":
            return int(node.value, 0 if node.value.startswith(("0x", "0o")) else 10)
        if kind == "float":
            return float(node.value.lower().replace(".inf", "inf").replace(".nan", "nan"))
        return None if kind == "null" else node.value


for tag, pattern, first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("float", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "-+."),
):
    Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{tag}", re.compile(rf"^(?:{pattern})$"), list(first)
    )
