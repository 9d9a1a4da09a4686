"""Looks for settings that no service has: python3 settings.py HELP.txt FILE...

HELP.txt is what --help of all services prints. A file is rendered by compose (.json) or Kustomize (.yaml), a unit or its
drop-in, an environment file, or a Dockerfile.
"""
import json
import re
import sys

import yaml

# The object store's own, and HOME and the like.
FOREIGN = re.compile(r"AWS_|NAMESPACE$")
OURS = re.compile(r"(files-)?(gateway|signer|standalone)")


def of_compose(text):
    for name, service in json.loads(text)["services"].items():
        if OURS.match(name):
            yield from service["environment"]


def of_manifests(text):
    for manifest in yaml.safe_load_all(text):
        if manifest["kind"] == "ConfigMap" and "settings" in manifest["metadata"]["name"]:
            yield from manifest["data"]
        if manifest["kind"] in ("Deployment", "StatefulSet") and OURS.match(manifest["metadata"]["name"]):
            for container in manifest["spec"]["template"]["spec"]["containers"]:
                yield from (variable["name"] for variable in container.get("env", []))


def of_lines(text):
    for line in text.splitlines():
        if unset := re.match(r"UnsetEnvironment=(.*)", line):
            yield from unset[1].split()
        elif given := re.match(r"(?:Environment=|ENV | {4})?([A-Z][A-Z0-9_]+)=", line):
            yield given[1]


READERS = {"json": of_compose, "yaml": of_manifests}


def main(help_path, *paths):
    with open(help_path, encoding="utf-8") as opened:
        known = set(re.findall(r"\[env: ([A-Z0-9_]+)\]", opened.read()))
    found, unknown = 0, []
    for path in paths:
        with open(path, encoding="utf-8") as opened:
            for name in READERS.get(path.rsplit(".")[-1], of_lines)(opened.read()):
                found += 1
                if name not in known and not FOREIGN.match(name):
                    unknown.append(f"{path}: {name}")
    for name in unknown:
        print(f"no service has this setting: {name}", file=sys.stderr)
    print(f"{found} settings in {len(paths)} files, of {len(known)} known")
    sys.exit(bool(unknown) or found == 0)


main(*sys.argv[1:])
