"""Turns facts into pages: templates, texts in two languages, static files and the shapes that pages take."""

from gateway.rendering.addresses import PATHS, address, paths_in
from gateway.rendering.catalogue import Catalogue, MissingText, load_catalogues
from gateway.rendering.charts import Bar, BarChart, BarGroup, Series, bar_chart, share_bars
from gateway.rendering.pages import LANGUAGES, Language, Renderer
from gateway.rendering.static import StaticFile, StaticFiles
from gateway.rendering.views import (
    Crumb,
    Event,
    Fact,
    Field,
    NavigationItem,
    Option,
    Page,
    Problem,
    Section,
    Shell,
    problems_of,
)

__all__ = [
    "LANGUAGES",
    "PATHS",
    "Bar",
    "BarChart",
    "BarGroup",
    "Catalogue",
    "Crumb",
    "Event",
    "Fact",
    "Field",
    "Language",
    "MissingText",
    "NavigationItem",
    "Option",
    "Page",
    "Problem",
    "Renderer",
    "Section",
    "Series",
    "Shell",
    "StaticFile",
    "StaticFiles",
    "address",
    "bar_chart",
    "load_catalogues",
    "paths_in",
    "problems_of",
    "share_bars",
]
