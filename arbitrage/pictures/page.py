"""The head of a page: its title, its style, and nothing that a browser would have to fetch. It draws nothing."""

from html import escape
from importlib.resources import files


def head(title: str) -> str:
    """Return a page up to and with the start of its body; the title is escaped here."""
    style = files("arbitrage.pictures").joinpath("page.css").read_text(encoding="utf-8")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{style}</style></head><body>"
    )
