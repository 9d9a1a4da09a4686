"""What a compose file must hold beyond its schema: python3 compose.py RENDERED.json

Every file that it names is there; services restart, are bounded, and are waited for; ours are not root, and write nowhere.
"""
import json
import os
import sys

OURS = ("gateway-1", "gateway-2", "signer")
PASSING = ("bucket",)


def faults_of(name, service):
    limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
    for limit in ("cpus", "memory", "pids"):
        if limit not in limits:
            yield f"no limit of {limit}"
    for mount in service.get("volumes", []):
        if mount["type"] == "bind" and not os.path.exists(mount["source"]):
            yield f"{mount['source']} is not there"
    if name in PASSING:
        return
    if service.get("restart") != "unless-stopped":
        yield "does not start again"
    if "no-new-privileges:true" not in service.get("security_opt", []):
        yield "may gain privileges"
    if name in OURS:
        yield from faults_of_ours(service)


def faults_of_ours(service):
    if service.get("user", "0:0").split(":")[0] in ("", "0", "root"):
        yield "runs as root"
    if not service.get("read_only") or service.get("cap_drop") != ["ALL"]:
        yield "its root file system is not read-only, or it has capabilities"
    settings = service["environment"]
    grace = int(settings["DRAIN_DELAY_SECONDS"]) + int(settings["DRAIN_SECONDS"]) + 5
    if service["stop_grace_period"] not in (f"{grace}s", f"{grace // 60}m{grace % 60}s"):
        yield f"is killed after {service['stop_grace_period']}, and drains for {grace} s"
    secret = [name for name in settings if name.endswith(("_SECRET", "_PASSWORD", "_KEY", "SIGNING_KEYS", "DATABASE_URL", "REDIS_URL"))]
    if secret:
        yield f"has secrets in its environment: {secret}"
    if any(dependency["condition"] == "service_started" for dependency in service["depends_on"].values()):
        yield "starts before what it needs is healthy"


def main(path):
    with open(path, encoding="utf-8") as opened:
        project = json.load(opened)
    faults = [f"{name} {fault}" for name, service in project["services"].items() for fault in faults_of(name, service)]
    faults += [f"{secret['file']} is not made" for secret in project["secrets"].values() if not os.path.isfile(secret["file"])]
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{len(project['services'])} services, {len(project['secrets'])} secrets")
    sys.exit(bool(faults))


main(*sys.argv[1:])
