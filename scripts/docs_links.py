# SPDX-License-Identifier: GPL-2.0-or-later
"""Hook of mkdocs: what the pages of docs/ link to elsewhere in the tree comes along, below repository/ of the site.

The links in the pages stay those that work in the tree, such as ../benchmarks/RESULTS.md.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.structure.files import File, InclusionLevel

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"(?<=\]\()[^()\s]+(?=\))")
ABROAD = "repository/"


def source_of(uri):
    """Where a page of the site is in the tree."""
    return uri.removeprefix(ABROAD) if uri.startswith(ABROAD) else f"docs/{uri}"


def target_of(source, link):
    """The file in the tree that a link in the file `source` names; None: none, or another host's."""
    name = link.partition("#")[0]
    if not name or re.match(r"\w+:", name):
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), name))
    if (ROOT / path / "README.md").exists():
        path += "/README.md"
    return path if (ROOT / path).is_file() else None


def uri_of(source):
    """Where a file of the tree is in the site."""
    return source.removeprefix("docs/") if source.startswith("docs/") else ABROAD + source


def links_of(source):
    """The files of the tree that a page of it links to."""
    links = LINK.findall((ROOT / source).read_text())
    return {target for link in links if (target := target_of(source, link))}


def on_files(files, config):
    """Adds the files that pages link to, and those that these link to."""
    known = {source_of(file.src_uri) for file in files}
    pending = [source_of(file.src_uri) for file in files.documentation_pages()]
    while pending:
        for target in sorted(links_of(pending.pop()) - known):
            known.add(target)
            files.append(
                File.generated(
                    config,
                    uri_of(target),
                    abs_src_path=str(ROOT / target),
                    inclusion=InclusionLevel.NOT_IN_NAV,  # it need not be
                )
            )
            if target.endswith(".md"):
                pending.append(target)
    return files


def on_page_markdown(markdown, page, config, files):
    """Turns the links of the tree into those of the site."""
    source = source_of(page.file.src_uri)
    folder = posixpath.dirname(page.file.src_uri)

    def in_site(match):
        target = target_of(source, match[0])
        if target is None:
            return match[0]
        _, mark, anchor = match[0].partition("#")
        return posixpath.relpath(uri_of(target), folder or ".") + mark + anchor

    return LINK.sub(in_site, markdown)
