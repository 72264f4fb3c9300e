"""Drawings for the pages that we write: SVG in the page itself, in the page's colours. Nothing comes from elsewhere."""

from arbitrage.pictures.page import head
from arbitrage.pictures.panel import LEFT, RIGHT, Panel, Point, bars, frame, line, scale, steps, svg, times
from arbitrage.pictures.plans import mark

__all__ = ["LEFT", "RIGHT", "Panel", "Point", "bars", "frame", "head", "line", "mark", "scale", "steps", "svg", "times"]
