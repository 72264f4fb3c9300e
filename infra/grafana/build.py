"""Writes the dashboards: `python infra/grafana/build.py [FOLDER]`. What they show is said in `panels`.

It needs nothing but the standard library, and asks nobody anything.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from panels import DASHBOARDS, Panel

HERE: Final = Path(__file__).parent / "dashboards"
SOURCE: Final = {"type": "prometheus", "uid": "prometheus"}
"""The data source that `provisioning/datasources` makes."""

SCHEMA: Final = 39
"""Version of the dashboard model that is written here (Grafana 10.4 and later take it)."""

WIDTH: Final = 24


def dashboard(name: str) -> dict[str, Any]:
    """Return a dashboard as Grafana reads it."""
    return {
        "id": None,
        "uid": f"arbitrage-{name}",
        "title": f"Arbitrage: {name}",
        "tags": ["arbitrage"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "5s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "Asia/Seoul",
        "templating": {"list": []},
        "annotations": {"list": []},
        "links": [_link()],
        "panels": list(_placed(DASHBOARDS[name])),
    }


def main(folder: Path) -> None:
    """Write every dashboard into a folder."""
    for name in DASHBOARDS:
        text = json.dumps(dashboard(name), indent=2, ensure_ascii=False)
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def _link() -> dict[str, Any]:
    return {"type": "dashboards", "title": "the others", "tags": ["arbitrage"], "asDropdown": False, "keepTime": True}


def _placed(panels: Sequence[Panel]) -> Iterator[dict[str, Any]]:
    """Lay panels out from left to right, and in a new row where there is no more room."""
    x, y, row = 0, 0, 0
    for number, panel in enumerate(panels, start=1):
        if x + panel.wide > WIDTH:
            x, y, row = 0, y + row, 0
        yield _panel(number, panel, {"x": x, "y": y, "w": panel.wide, "h": panel.high})
        x, row = x + panel.wide, max(row, panel.high)


def _panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "gridPos": place,
        "datasource": SOURCE,
        "targets": [_target(letter, *query) for letter, query in zip("ABCDEF", panel.queries, strict=False)],
        "fieldConfig": {
            "defaults": _defaults(panel),
            "overrides": [_coloured(*pair) for pair in panel.colours.items()],
        },
        "options": _options(panel),
    }


def _target(letter: str, expression: str, legend: str) -> dict[str, Any]:
    shown = legend or "__auto"
    return {"refId": letter, "datasource": SOURCE, "expr": expression, "legendFormat": shown, "editorMode": "code"}


def _defaults(panel: Panel) -> dict[str, Any]:
    steps = [{"value": value, "color": colour} for value, colour in panel.steps]
    defaults: dict[str, Any] = {
        "unit": panel.unit,
        "noValue": "–",
        "thresholds": {"mode": "absolute", "steps": steps},
        "color": {"mode": "palette-classic" if panel.kind == "timeseries" else "thresholds"},
        "mappings": [],
    }
    if panel.kind in {"gauge", "bargauge"}:
        defaults |= {"min": 0, "max": 1}
    if panel.kind == "timeseries":
        defaults["custom"] = {"lineWidth": 1, "fillOpacity": 0, "showPoints": "never", "spanNulls": False}
    if panel.words is not None:
        words = {str(value): {"text": word, "index": value} for value, word in enumerate(panel.words)}
        defaults["mappings"] = [{"type": "value", "options": words}]
    return defaults


def _coloured(name: str, colour: str) -> dict[str, Any]:
    fixed = {"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}
    return {"matcher": {"id": "byName", "options": name}, "properties": [fixed]}


def _options(panel: Panel) -> dict[str, Any]:
    newest = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
    match panel.kind:
        case "stat":
            return {
                **newest,
                "textMode": "name" if panel.is_name else "auto",
                "colorMode": "background",
                "graphMode": "none",
            }
        case "gauge":
            return newest
        case "bargauge":
            return {**newest, "orientation": "horizontal", "displayMode": "basic"}
        case "state-timeline":
            return {"showValue": "never", "mergeValues": True, "rowHeight": 0.85, "legend": {"showLegend": False}}
        case _:
            legend = {"displayMode": "table", "placement": "right", "calcs": ["lastNotNull"], "showLegend": True}
            return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
