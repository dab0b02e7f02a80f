"""The report as one HTML file that asks no host for anything: style inside, charts as images inside, no script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path

from warehouse.export.report.document import Document

TEMPLATES = Path(__file__).parent / "templates"


def html(document: Document, links: Mapping[str, str]) -> str:
    """`links`: name -> path of what lies beside the report."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (TEMPLATES / "report.css").read_text("utf-8")
    images = {chart.name: _image(chart.svg) for section in document.sections for chart in section.charts}
    return environment.get_template("report.html").render(
        document=document, links=links, images=images, style=style, policy=_policy(style)
    )


def _image(svg: str) -> str:
    """As an image, an SVG runs no script, whatever it holds."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
