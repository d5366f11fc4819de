# SPDX-License-Identifier: GPL-2.0-or-later
"""Profiles of Snakemake that come with the package."""

from pathlib import Path

from ...document import Document
from ...frames import BadInput

HERE = Path(__file__).parent


def find_profile(name):
    """Folder of a profile: one of the package's by name, else the folder itself. Raises BadInput."""
    for folder in (Path(name), HERE / name):
        if (folder / "config.yaml").is_file():
            return folder.resolve()
    known = ", ".join(sorted(path.parent.name for path in HERE.glob("*/config.yaml")))
    raise BadInput(
        f"{name} is no folder with a config.yaml, and no profile of ALMLIP; it has {known}"
    )


def uses_executor(folder, name):
    """Whether the steps run by this executor of Snakemake."""
    return Document(folder / "config.yaml").data.get("executor") == name
