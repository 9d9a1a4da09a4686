"""Shapes and words of a drawing, as SVG text. Its own background, so that it reads on light and dark pages."""
from dataclasses import dataclass, field
from html import escape

INK, FAINT, GRID, PAPER = "#1f2937", "#6b7280", "#e5e7eb", "#ffffff"
FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"


@dataclass
class Drawing:
    width: int
    height: int
    parts: list = field(default_factory=list)

    def rectangle(self, x, y, width, height, fill, corner=0):
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{corner}" fill="{fill}"/>'
        )

    def line(self, x1, y1, x2, y2, color, width=1.0, dash=""):
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
        self.parts.append(f'<line {ends} stroke="{color}" stroke-width="{width}"{dashes}/>')

    def words(self, x, y, text, size=12, color=INK, anchor="start", weight="normal", over=False):
        halo = f' stroke="{PAPER}" stroke-width="3" paint-order="stroke"' if over else ""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{color}" text-anchor="{anchor}"'
            f' font-weight="{weight}"{halo}>{escape(text)}</text>'
        )

    def text(self, title):
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" role="img"'
        head += f' width="{self.width}" height="{self.height}" font-family="{escape(FONT, quote=True)}">'
        paper = f'<rect width="{self.width}" height="{self.height}" rx="8" fill="{PAPER}"/>'
        return "\n".join([head, f"<title>{escape(title)}</title>", paper, *self.parts, "</svg>", ""])
