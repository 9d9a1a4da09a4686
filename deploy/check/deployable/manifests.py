"""Judges rendered manifests by Kubernetes' own schemas, and by our rules: python3 manifests.py RENDERED.yaml"""
import sys

import kubernetes_validate
import yaml

VERSION = kubernetes_validate.latest_version()
RUNS = ("Deployment", "StatefulSet")
# Made beside what is rendered, by hand: they hold secrets.
SECRETS = {"files-signing", "files-gateway", "files-signer"}


def schema_faults(manifest):
    try:
        kubernetes_validate.validate(manifest, VERSION, strict=True)
    except kubernetes_validate.ValidationError as error:
        yield f"does not fit its schema at {list(error.path)}: {error.message}"


def pod_faults(manifest, names, settings):
    pod = manifest["spec"]["template"]["spec"]
    context = pod.get("securityContext", {})
    if not context.get("runAsNonRoot") or context.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "is not restricted: runAsNonRoot, seccompProfile"
    if pod.get("automountServiceAccountToken", True):
        yield "has a token of the cluster, and needs none"
    for container in pod["containers"]:
        yield from container_faults(container, names)
        if container["name"] in ("gateway", "signer"):
            grace = int(settings["DRAIN_DELAY_SECONDS"]) + int(settings["DRAIN_SECONDS"]) + 5
            if pod["terminationGracePeriodSeconds"] != grace:
                yield f"drains for {grace} s, and is killed after {pod['terminationGracePeriodSeconds']}"
    for volume in pod.get("volumes", []):
        if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
            yield f"volume {volume['name']} has no limit"


def container_faults(container, names):
    expected = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    if container.get("securityContext") != expected:
        yield f"{container['name']} is not restricted"
    for probe in ("livenessProbe", "readinessProbe"):
        if probe not in container:
            yield f"{container['name']} has no {probe}"
    resources = container.get("resources", {})
    if not {"cpu", "memory"} <= resources.get("requests", {}).keys() or "memory" not in resources.get("limits", {}):
        yield f"{container['name']} asks for no resources, or has no limit"
    for source in container.get("envFrom", []):
        (kind, reference), = source.items()
        known = SECRETS if kind == "secretRef" else names["ConfigMap"]
        if reference["name"] not in known:
            yield f"{container['name']} names {kind} {reference['name']}, which is nowhere"
    for variable in container.get("env", []):
        if any(word in variable["name"] for word in ("SECRET", "PASSWORD", "SIGNING_KEYS", "DATABASE_URL", "REDIS_URL")) and "value" in variable:
            yield f"{container['name']} has a secret as text: {variable['name']}"


def policies(manifests):
    """Those that let somebody in to the pods of one name; the others are of all pods."""
    return [one for one in manifests if one["kind"] == "NetworkPolicy" and one["spec"].get("ingress")
            and "app.kubernetes.io/name" in one["spec"]["podSelector"]["matchLabels"]]


def guard_faults(manifests):
    """Each that runs has a budget, and selectors that select it; a number of its own only if nothing scales it."""
    scaled = {one["spec"]["scaleTargetRef"]["name"] for one in manifests if one["kind"] == "HorizontalPodAutoscaler"}
    for workload in (manifest for manifest in manifests if manifest["kind"] in RUNS):
        labels = workload["spec"]["template"]["metadata"]["labels"].items()
        for kind, of in (("PodDisruptionBudget", lambda spec: spec["selector"]["matchLabels"]),
                         ("Service", lambda spec: spec["selector"]),
                         ("NetworkPolicy", lambda spec: spec["podSelector"]["matchLabels"])):
            candidates = policies(manifests) if kind == "NetworkPolicy" else [one for one in manifests if one["kind"] == kind]
            if not any(of(one["spec"]).items() <= labels for one in candidates):
                yield f"{workload['metadata']['name']} has no {kind}"
        if workload["metadata"]["name"] in scaled and "replicas" in workload["spec"]:
            yield f"{workload['metadata']['name']} is scaled, and each time it is applied set back"


def main(path):
    with open(path, encoding="utf-8") as opened:
        manifests = list(yaml.safe_load_all(opened))
    names, settings = {}, {}
    for manifest in manifests:
        names.setdefault(manifest["kind"], set()).add(manifest["metadata"]["name"])
        if manifest["kind"] == "ConfigMap" and "DRAIN_SECONDS" in manifest["data"]:
            settings = manifest["data"]
    faults = list(guard_faults(manifests))
    for manifest in manifests:
        found = list(schema_faults(manifest))
        if manifest["kind"] in RUNS and not found:
            found = pod_faults(manifest, names, settings)
        faults += [f"{manifest['kind']} {manifest['metadata']['name']} {fault}" for fault in found]
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{len(manifests)} manifests, by the schemas of Kubernetes {VERSION}")
    sys.exit(bool(faults))


main(*sys.argv[1:])
