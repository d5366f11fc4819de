# SPDX-License-Identifier: GPL-2.0-or-later
"""A labeller from its file of settings."""

from pathlib import Path

from ..document import Document
from ..frames import BadInput
from .labellers import make_labeller


def load_settings(path):
    """Settings from a file in JSON or YAML. Raises BadInput."""
    return Document(path).data


def read_labeller(path, workers=None, launcher=None):
    """The labeller that a file describes; the other arguments win over it. Raises BadInput."""
    document = Document(path)
    settings = document.data
    settings["folder"] = str(Path(path).resolve().parent / settings.get("folder", "."))
    given = {"workers": workers, "launcher": launcher}
    settings |= {key: value for key, value in given.items() if value is not None}
    try:
        return make_labeller(settings)
    except BadInput as error:
        raise document.located(error) from error
