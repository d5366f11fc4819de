# SPDX-License-Identifier: GPL-2.0-or-later
"""Reports as one HTML file each, which needs no other: templates by jinja2, figures by plotly."""

from pathlib import Path

import jinja2
from plotly import graph_objects, io, offline

from ..frames import write_atomically

TEMPLATES = Path(__file__).with_name("templates")
NEEDLESS = [
    "select2d",
    "lasso2d",
    "zoomIn2d",
    "zoomOut2d",
    "autoScale2d",
    "sendDataToCloud",
    "pan2d",
]
CONFIG = {"displaylogo": False, "responsive": True, "modeBarButtonsToRemove": NEEDLESS}
COLOURS = ("#1f5fa8", "#c8442b", "#2e8b57", "#8a5fb0", "#d98b1a", "#5b6770", "#b03070", "#3a9ea5")


def write_page(path, template, **content):
    """Fills a template of this folder, which extends page.html, and writes the file."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["figure"] = figure_html
    environment.filters["number"] = format_number
    page = environment.get_template(template)
    write_atomically(path, page.render(plotly=offline.get_plotlyjs(), **content))


def figure(title, x, y, **layout):
    """An empty figure with named axes in the style of all reports."""
    found = graph_objects.Figure()
    found.update_layout(
        title=title,
        template="plotly_white",
        colorway=COLOURS,
        height=380,
        margin={"l": 60, "r": 20, "t": 50, "b": 50},
        legend={"orientation": "h", "yanchor": "top", "y": -0.18},
        **layout,
    )
    found.update_xaxes(title=x)
    found.update_yaxes(title=y)
    return found


def colour_of(round_number):
    """The same colour for a round in all figures."""
    return COLOURS[round_number % len(COLOURS)]


def figure_html(found, name=None):
    """The figure as a part of a page that holds plotly.js already; `name` is its id there."""
    text = io.to_html(found, full_html=False, include_plotlyjs=False, config=CONFIG, div_id=name)
    return jinja2.utils.markupsafe.Markup(text)


def format_number(value, digits=3):
    """A number with so many significant digits; a dash for None."""
    if value is None:
        return "-"
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)
