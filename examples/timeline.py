# SPDX-License-Identifier: MIT
"""Draws time lines of a ticker as SVG: one panel for each step, one lane for each way to run it."""
import math
from xml.sax.saxutils import escape

STALL_MS = 50

LEFT, RIGHT, TOP, BOTTOM = 132, 24, 92, 96
PANEL_WIDTH, PANEL_GAP = 222, 16
LANE_HEIGHT, LANE_GAP = 58, 34

STYLE = """
text { font: 12px system-ui, "DejaVu Sans", sans-serif; fill: #1f2933; }
.page { fill: #ffffff; stroke: #c9d1d9; }
.title { font-size: 17px; font-weight: 600; }
.head { font-size: 13px; font-weight: 600; }
.mono { font: 600 12px ui-monospace, "DejaVu Sans Mono", monospace; }
.soft { fill: #57636f; font-size: 11px; }
.lane { fill: #eef1f4; }
.tick { stroke: #1f77b4; stroke-width: 1.1; }
.stall { fill: #cf4520; }
.on-stall { fill: #ffffff; font-weight: 600; }
.dead { stroke: #b3261e; stroke-width: 2.4; fill: none; }
.dead-text { fill: #b3261e; font-weight: 600; }
.good { fill: #1a7f37; font-weight: 600; }
.step { stroke: #8a6d00; stroke-width: 3; }
.axis { stroke: #8b98a5; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.page { fill: #0d1117; stroke: #30363d; }
.soft { fill: #9aa7b4; }
.lane { fill: #1b222b; }
.tick { stroke: #6cb6ff; }
.stall { fill: #d1461f; }
.on-stall { fill: #ffffff; }
.dead { stroke: #ff7b72; }
.dead-text { fill: #ff7b72; }
.good { fill: #56d364; }
.step { stroke: #d9b12f; }
.axis { stroke: #6b7783; }
}
"""


def gaps(ticks):
    """The pauses between ticks as (from, to)."""
    return list(zip(ticks, ticks[1:]))


def text(x, y, words, style="", anchor="start"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}">'
            f"{escape(words)}</text>")


def line(x1, y1, x2, y2, style):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{style}"/>'


def box(x, y, width, height, style, radius=0):
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
            f'class="{style}" rx="{radius}"/>')


class Panel:
    """One step: its lanes share an axis whose zero is the start of the step."""

    def __init__(self, left, from_ms, to_ms):
        self.left = left
        self.from_ms = from_ms
        self.to_ms = to_ms

    def x(self, ms):
        share = (ms - self.from_ms) / (self.to_ms - self.from_ms)
        return self.left + PANEL_WIDTH * min(max(share, 0), 1)

    def axis(self, y):
        shapes = [line(self.left, y, self.left + PANEL_WIDTH, y, "axis")]
        for ms in range(0, int(self.to_ms) + 1, 200):
            shapes.append(line(self.x(ms), y, self.x(ms), y + 5, "axis"))
            shapes.append(text(self.x(ms), y + 18, str(ms), "soft", "middle"))
        return shapes

    def lane(self, y, step):
        """`step` has ticks, start and end in ms from its start, and error."""
        shapes = [box(self.left, y, PANEL_WIDTH, LANE_HEIGHT, "lane", 3)]
        shown = [tick for tick in step["ticks"] if self.from_ms <= tick <= self.to_ms]
        for tick in shown:
            shapes.append(line(self.x(tick), y + 8, self.x(tick), y + LANE_HEIGHT - 14, "tick"))
        for begin, end in gaps(shown):
            if end - begin >= STALL_MS:
                shapes += self.stall(y, begin, end)
        end = min(step["end"], self.to_ms)
        shapes.append(line(self.x(0), y + LANE_HEIGHT - 6, self.x(end), y + LANE_HEIGHT - 6,
                           "step"))
        return shapes + self.verdict(y, step)

    def stall(self, y, begin, end):
        width = self.x(end) - self.x(begin)
        middle = self.x(begin) + width / 2
        label = f"stall {end - begin:.0f} ms" if width > 80 else f"{end - begin:.0f}"
        return [box(self.x(begin), y + 5, width, LANE_HEIGHT - 16, "stall", 2),
                text(middle, y + LANE_HEIGHT / 2, label, "on-stall", "middle")]

    def verdict(self, y, step):
        below = y + LANE_HEIGHT + 15
        longest = max((end - begin for begin, end in gaps(step["ticks"])), default=0)
        if step["error"]:
            x = self.x(min(step["end"], self.to_ms))
            cross = (f'<path d="M{x - 6:.1f} {y + 22} l12 12 m0 -12 l-12 12" class="dead"/>')
            return [cross, text(self.left, below, f"✕ {short(step['error'])}", "dead-text")]
        if longest >= STALL_MS:
            return [text(self.left, below, "✕ answers, all else stood still", "dead-text")]
        return [text(self.left, below, f"✓ answers, longest gap {longest:.0f} ms", "good")]


def short(error):
    """BlockingIOError: [Errno 11] Resource … as it fits below a lane."""
    return error if len(error) <= 34 else error.split("] ")[0].rstrip("]") + "]"


def legend(y):
    x = LEFT
    shapes = [line(x + offset, y - 10, x + offset, y + 2, "tick") for offset in (0, 5, 10, 15)]
    shapes.append(text(x + 23, y, "the ticker greenlet ran"))
    x += 190
    shapes += [box(x, y - 10, 22, 12, "stall", 2), text(x + 30, y, "it could not run")]
    x += 160
    shapes += [line(x, y - 4, x + 22, y - 4, "step"), text(x + 30, y, "another greenlet's step")]
    x += 202
    shapes.append(f'<path d="M{x + 2} {y - 10} l12 12 m0 -12 l-12 12" class="dead"/>')
    shapes.append(text(x + 24, y, "the step died"))
    return shapes


def draw(title, panels, lanes):
    """The SVG: `panels` is [(heading, [step for each lane])], times in ms from a step's start."""
    ends = [step["end"] for _, steps in panels for step in steps]
    to_ms = 100 * math.ceil(max(ends) / 100 + 0.5)
    width = LEFT + len(panels) * (PANEL_WIDTH + PANEL_GAP) - PANEL_GAP + RIGHT
    height = TOP + len(lanes) * (LANE_HEIGHT + LANE_GAP) + BOTTOM
    shapes = [box(0.5, 0.5, width - 1, height - 1, "page", 8), text(24, 34, title, "title")]
    for row, (name, note) in enumerate(lanes):
        y = TOP + row * (LANE_HEIGHT + LANE_GAP)
        shapes += [text(24, y + 26, name, "head"), text(24, y + 42, note, "head")]

    for column, (heading, steps) in enumerate(panels):
        panel = Panel(LEFT + column * (PANEL_WIDTH + PANEL_GAP), -100, to_ms)
        shapes.append(text(panel.left, TOP - 16, heading, "mono"))
        for row, step in enumerate(steps):
            shapes += panel.lane(TOP + row * (LANE_HEIGHT + LANE_GAP), step)
        shapes += panel.axis(TOP + len(lanes) * (LANE_HEIGHT + LANE_GAP))

    shapes.append(text(width / 2, height - 58, "milliseconds since the step began", "soft",
                       "middle"))
    shapes += legend(height - 22)
    body = "\n".join(shapes)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img">\n<title>{escape(title)}</title>\n'
            f"<style>{STYLE}</style>\n{body}\n</svg>\n")
