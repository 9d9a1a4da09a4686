"""Fails if a rule names a metric or a label that no service has: names.py <file of rules>... --scraped <metrics>..."""
import re
import sys

import yaml

# What Prometheus adds by itself.
ADDED_METRICS = {"up": {"job", "instance"}, "ALERTS": {"alertname", "alertstate", "severity", "job", "instance"}}
ADDED_LABELS = {"job", "instance"}
KEYWORDS = {"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring", "group_left", "group_right"}

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
SELECTOR = re.compile(rf"({NAME})\s*\{{([^}}]*)\}}")
TEXT = re.compile(r'"[^"]*"')
RANGE = re.compile(r"\[[^\]]*\]")
# No function, and no unit behind a number.
METRIC = re.compile(rf"(?<![\w.])({NAME})(?!\w)(?!\s*\()")
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? [^ ]+")
LABEL = re.compile(rf"({NAME})\s*(?:=~|!=|!~|=)")


def scraped(paths):
    """Metrics, each with the labels that it was seen with."""
    seen = {name: set(labels) for name, labels in ADDED_METRICS.items()}
    for path in paths:
        with open(path) as file:
            samples = [SAMPLE.fullmatch(line.strip()) for line in file if not line.startswith("#")]
        for name, labels in [sample.groups() for sample in samples if sample]:
            seen.setdefault(name, set(ADDED_LABELS)).update(LABEL.findall(TEXT.sub("", labels or "")))
    return seen


def unknown(expression, seen):
    """What there is none of, in words."""
    expression = TEXT.sub("", expression)
    for name, matchers in SELECTOR.findall(expression):
        for label in set(LABEL.findall(matchers)) - seen.get(name, set()):
            yield f"{name} has no label {label}"
    grouped = {label.strip() for labels in GROUPING.findall(expression) for label in labels.split(",")} - {""}
    bare = RANGE.sub("", GROUPING.sub("", re.sub(r"\{[^}]*\}", "", expression)))
    metrics = set(METRIC.findall(bare)) - KEYWORDS
    yield from (f"there is no metric {name}" for name in metrics - seen.keys())
    having = set().union(*(seen.get(name, set()) for name in metrics))
    yield from (f"none of its metrics has a label {label}" for label in grouped - having)


def rules(paths):
    for path in paths:
        with open(path) as file:
            yield from (rule for group in yaml.safe_load(file)["groups"] for rule in group["rules"])


split = sys.argv.index("--scraped")
known = scraped(sys.argv[split + 1 :])
named = list(rules(sys.argv[1:split]))
mistakes = [f"{what}: {rule['expr']}" for rule in named for what in unknown(rule["expr"], known)]
print(*mistakes, sep="\n")
print(f"{len(named)} expressions over {len(known)} series, {len(mistakes)} mistakes")
sys.exit(bool(mistakes) or not named)
