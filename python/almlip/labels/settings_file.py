# SPDX-License-Identifier: GPL-2.0-or-later
"""Settings from a file in JSON or YAML."""

import json
import re
from pathlib import Path

import yaml

from ..frames import BadInput
from .labellers import make_labeller


class Loader(yaml.SafeLoader):
    """YAML in which 1e-6 is a number, as in JSON; YAML 1.1 wants 1.0e-6."""


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"),
    [*"-+0123456789"],
)


def load_settings(path):
    """An object from a JSON or YAML file. Raises BadInput."""
    path = Path(path)
    try:
        text = path.read_text()
        settings = json.loads(text) if path.suffix == ".json" else yaml.load(text, Loader)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from error
    except (ValueError, yaml.YAMLError) as error:
        kind = "JSON" if path.suffix == ".json" else "YAML"
        raise BadInput(f"{path}: not valid {kind} ({' '.join(str(error).split())})") from error
    if not isinstance(settings, dict):
        raise BadInput(
            f"{path}: holds {type(settings).__name__}, but settings are names with values"
        )
    return settings


def read_labeller(path, workers=None, launcher=None):
    """The labeller that a file describes; the other arguments win over it. Raises BadInput."""
    settings = load_settings(path)
    settings["folder"] = str(Path(path).resolve().parent / settings.get("folder", "."))
    given = {"workers": workers, "launcher": launcher}
    settings |= {key: value for key, value in given.items() if value is not None}
    try:
        return make_labeller(settings)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from error
