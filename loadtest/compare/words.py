"""How figures are written, and what the servers are called."""

SERVERS = {
    "gateway": "gateway, signature checked",
    "beside": "gateway, the build beside it",
    "unchecked": "nginx, no check",
    "unchecked-sndbuf": "nginx, no check, sndbuf=200k",
    "checked": "nginx, njs check",
    "warm": "gateway, warm cache",
    "slice": "nginx, warm slice cache",
    "slice-nopush": "nginx slice cache, tcp_nopush off",
    "cold": "gateway, cold",
    "proxy": "nginx proxy, no cache",
    "proxy-buffers": "nginx proxy, 1 MiB of buffers",
    "s3": "SeaweedFS itself, presigned",
}


def significant(number):
    """Three digits, with separators for thousands."""
    digits = 2 if number < 1 else 1 if number < 100 else 0
    return f"{number:,.{digits}f}"


def size(number):
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if number >= unit:
            return f"{number // unit} {name}"
    return f"{number} B"


def rate(number):
    return f"{significant(number / 1000)} k" if number >= 10_000 else significant(number)


def byte_rate(number):
    return f"{number / 1e9:.2f} GB" if number >= 1e9 else f"{significant(number / 1e6)} MB"


def microseconds(seconds):
    return significant(seconds * 1e6)


def nanoseconds_per_kib(seconds_per_byte):
    return significant(seconds_per_byte * 1024 * 1e9)


def mebibytes(number):
    return f"{number / (1 << 20):.1f}"


def table(head, rows):
    """Markdown that is also readable as it is: columns of one width, numbers to the right."""
    cells = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    right = [column > 0 and all(is_number(row[column]) for row in cells[1:]) for column in range(len(head))]
    lines = [line(row, widths, right) for row in cells]
    marks = ["-" * (width + 1) + (":" if to_right else "-") for width, to_right in zip(widths, right)]
    lines.insert(1, f"|{'|'.join(marks)}|")
    return "\n".join(lines) + "\n"


def line(row, widths, right):
    padded = (cell.rjust(width) if to_right else cell.ljust(width) for cell, width, to_right in zip(row, widths, right))
    return f"| {' | '.join(padded)} |"


def is_number(text):
    return text == "" or text.lstrip("(")[0].isdigit()
