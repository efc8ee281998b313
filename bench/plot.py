"""Pictures of a result, as SVG that needs nothing but a browser."""

from collections.abc import Sequence
from html import escape

_WIDTH, _ROW, _LEFT = 760, 26, 230
_TEXT = 'font-family="sans-serif" font-size="13"'


def bars(title: str, rows: Sequence[tuple[str, float, float, float]]) -> str:
    """A bar for each (name, median, least, most), with a line from the least to the most."""
    most = max((row[3] for row in rows), default=1.0) or 1.0
    scale = (_WIDTH - _LEFT - 60) / most
    drawn = []
    for at, (name, median, low, high) in enumerate(rows):
        y = 40 + at * _ROW
        drawn += [
            f'<text x="{_LEFT - 8}" y="{y + 13}" text-anchor="end" {_TEXT}>{escape(name)}</text>',
            f'<rect x="{_LEFT}" y="{y}" width="{median * scale:.1f}" height="16" fill="#4a7ebb"/>',
            f'<path d="M{_LEFT + low * scale:.1f} {y + 8}H{_LEFT + high * scale:.1f}" stroke="#222"/>',
            f'<text x="{_LEFT + high * scale + 6:.1f}" y="{y + 13}" {_TEXT}>{median:.2f}</text>',
        ]
    return _svg(title, drawn, 50 + len(rows) * _ROW)


def lines(title: str, series: Sequence[tuple[str, Sequence[float]]]) -> str:
    """A panel for each (name, values over time), from nothing up to its largest value."""
    drawn = []
    for at, (name, values) in enumerate(series):
        bottom, most = 130 + at * 110, max(values, default=1.0) or 1.0
        step = (_WIDTH - _LEFT - 20) / max(1, len(values) - 1)
        points = " ".join(f"{_LEFT + n * step:.1f},{bottom - 80 * value / most:.1f}" for n, value in enumerate(values))
        drawn += [
            f'<text x="{_LEFT - 8}" y="{bottom - 70}" text-anchor="end" {_TEXT}>{escape(name)}, to {most:,.1f}</text>',
            f'<path d="M{_LEFT} {bottom}H{_WIDTH - 20}" stroke="#999"/>',
            f'<polyline points="{points}" fill="none" stroke="#4a7ebb" stroke-width="2"/>',
        ]
    return _svg(title, drawn, 60 + len(series) * 110)


def _svg(title: str, drawn: Sequence[str], height: int) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}">'
    ground = '<rect width="100%" height="100%" fill="#fff"/>'
    return "\n".join([head, ground, f'<text x="10" y="24" {_TEXT}>{escape(title)}</text>', *drawn, "</svg>\n"])
