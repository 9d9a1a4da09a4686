"""Prints a dashboard's expressions as a file of rules, so that promtool can parse them: expressions.py <dashboard.json>"""
import json
import sys

VARIABLES = {"$__rate_interval": "5m", "$instance": ".*"}


def plain(expression):
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    if "$" in expression:
        sys.exit(f"a variable that is not known: {expression}")
    return expression


def expressions(dashboard):
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    idle = [panel["title"] for panel in panels if not panel.get("targets")]
    if idle or not panels:
        sys.exit(f"panels that show nothing: {idle}")
    for shown in [target for panel in panels for target in panel["targets"]] + dashboard["annotations"]["list"]:
        yield plain(shown["expr"])


with open(sys.argv[1]) as file:
    rules = [{"record": f"panel:{n}", "expr": e} for n, e in enumerate(expressions(json.load(file)))]
# JSON is YAML, too.
json.dump({"groups": [{"name": "dashboard", "rules": rules}]}, sys.stdout, indent=1)
