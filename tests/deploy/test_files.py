"""The files of collector/deploy say what their own tools accept, and agree with the program and with each other."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.support.compose_schema import compose_schema
from tests.support.house import ROOT
from tests.support.nginx import SITE, Nginx, directives
from trackway_collector.config import CONNECTION_TIMEOUT_S, Settings, load_settings

DEPLOY = ROOT / "collector" / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
RESERVE_S = 10
"""What a service manager waits beyond the collector's own deadline, at least."""


def run(*command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a tool and return what came of it."""
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)


def tool(name: str) -> str:
    """Return the path of a program that came with a package of the dev group."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    assert found, f"{name} is not installed: pip install --group dev"
    return found


def settings_of(text: str, directory: Path) -> Settings:
    """Return the settings that a trackway.toml gives by itself."""
    (directory / "trackway.toml").write_text(text)
    return load_settings({}, {}, directory)[0]


def manifests() -> list[dict[str, Any]]:
    """Return every object of the Kubernetes manifests."""
    return [found for path in MANIFESTS for found in yaml.safe_load_all(path.read_text("utf-8"))]


def manifest(kind: str) -> dict[str, Any]:
    """Return the object of this kind."""
    return next(found for found in manifests() if found["kind"] == kind)


def test_the_container_file_has_no_findings() -> None:
    """hadolint, with all its rules, has nothing to say."""
    done = run(tool("hadolint"), DEPLOY / "Containerfile")
    assert (done.returncode, done.stdout) == (0, "")


def test_what_the_container_file_copies_is_enough_to_build(tmp_path: Path) -> None:
    """The paths of its COPY lines exist, and a package can be built from them alone, with the demo's plan inside."""
    text = (DEPLOY / "Containerfile").read_text("utf-8")
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE):
        *sources, target = line.split()
        for source in sources:
            origin, place = ROOT / source, tmp_path / target
            place = place / origin.name if target.endswith("./") else place
            if origin.is_dir():
                shutil.copytree(origin, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(origin, place)

    built = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "out", cwd=tmp_path)

    assert built.returncode == 0, built.stderr
    assert list((tmp_path / "out").glob("trackway-*.whl"))


def test_the_container_runs_as_nobody_and_stops_by_the_right_signal() -> None:
    """A numbered user that is not root, SIGTERM, and the program that the package installs."""
    text = (DEPLOY / "Containerfile").read_text("utf-8")
    assert re.search(r"^USER 10001:10001$", text, re.MULTILINE)
    assert "STOPSIGNAL SIGTERM" in text
    assert json.loads(re.findall(r"^ENTRYPOINT (.+)$", text, re.MULTILINE)[0]) == ["trackway", "collector"]


@pytest.fixture
def compose() -> dict[str, Any]:
    """The compose file."""
    read: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    return read


def test_the_compose_file_is_one(compose: dict[str, Any]) -> None:
    """It is valid by the schema of the Compose Specification, and every service and volume that it names is in it."""
    jsonschema.Draft202012Validator(compose_schema()).validate(compose)
    for service in compose["services"].values():
        assert set(service.get("depends_on", [])) <= set(compose["services"])
        named = [entry.split(":")[0] for entry in service.get("volumes", [])]
        assert {name for name in named if not name.startswith("./")} <= set(compose["volumes"])


def test_compose_mounts_what_is_there(compose: dict[str, Any]) -> None:
    """Each file that it names lies beside it, at least as an example to be copied; certificates are the operator's."""
    for service in compose["services"].values():
        files = [entry.split(":")[0] for entry in service.get("volumes", []) if entry.startswith("./")]
        for name in [*files, *filter(None, [service.get("env_file")])]:
            path = DEPLOY / name
            assert path.exists() or path.with_name(f"{path.name}.example").exists() or path.name == "certificates", name


def test_compose_opens_no_port_to_the_world_but_nginx(compose: dict[str, Any]) -> None:
    """ClickHouse is published on loopback; the collector and the store listen on loopback by themselves."""
    for name, service in compose["services"].items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
    assert Settings().listen == "127.0.0.1"
    assert settings_in_compose().listen == "127.0.0.1"


def settings_in_compose() -> Settings:
    """The settings of the trackway.toml beside the compose file."""
    return load_settings({}, {}, DEPLOY)[0]


def test_every_grace_is_longer_than_the_collectors_deadline(compose: dict[str, Any], tmp_path: Path) -> None:
    """compose, systemd and Kubernetes all wait longer for a process to end than it takes itself, so none is killed."""
    own = settings_in_compose()
    for name in ("collector", "store"):
        assert int(compose["services"][name]["stop_grace_period"].rstrip("s")) >= own.stop_within_s + RESERVE_S
    for unit in UNITS:
        (seconds,) = re.findall(r"^TimeoutStopSec=(\d+)$", unit.read_text("utf-8"), re.MULTILINE)
        assert int(seconds) >= own.stop_within_s + RESERVE_S
    in_pod = settings_of(manifest("ConfigMap")["data"]["trackway.toml"], tmp_path)
    pod = manifest("StatefulSet")["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] >= in_pod.stop_within_s + RESERVE_S
    assert in_pod.drain_grace_s > 0


def test_example_environments_name_settings_that_exist() -> None:
    """Every variable of trackway.env and of the Kubernetes secret is one that the collector reads."""
    text = (DEPLOY / "trackway.env.example").read_text("utf-8")
    given = dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))
    for variables in (given, manifest("Secret")["stringData"]):
        settings, origins = load_settings({}, variables | {"TRACKWAY_CONFIG": str(DEPLOY / "trackway.toml")}, DEPLOY)
        read = {origin for origin in origins.values() if origin.startswith("TRACKWAY_")}
        assert read - {"TRACKWAY_CONFIG"} == set(variables) - {"TRACKWAY_CONFIG"}
        assert settings.warehouse_url.startswith("clickhouse://trackway_store:")


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_accepts_the_unit(unit: Path, tmp_path: Path) -> None:
    """`systemd-analyze verify` finds nothing; only the program's path is another here."""
    for one in UNITS:
        (tmp_path / one.name).write_text(one.read_text("utf-8").replace("/opt/trackway/bin/trackway", "/bin/true"))
    done = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=yes", tmp_path / unit.name)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_calls_the_unit_well_shut_in(unit: Path) -> None:
    """`systemd-analyze security` rates what is left open below 2 of 10: "OK"; 9.6 is a unit without any of it."""
    done = run("systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=20", unit)
    assert done.returncode == 0, done.stdout[-2_000:]


def test_systemd_starts_what_the_program_offers() -> None:
    """The commands of both units are commands of `trackway`, with arguments that they take."""
    for unit in UNITS:
        (line,) = re.findall(r"^ExecStart=/opt/trackway/bin/trackway (.+)$", unit.read_text("utf-8"), re.MULTILINE)
        done = run(sys.executable, "-m", "trackway", *line.split(), "--show-config", cwd=DEPLOY)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_kubernetes_accepts_the_manifests(path: Path) -> None:
    """Each object is valid by the API's own schema, without a field that it does not know."""
    import kubernetes_validate

    newest = max(kubernetes_validate.latest_version(), "1.33", key=lambda text: tuple(map(int, text.split(".")[:2])))
    for found in yaml.safe_load_all(path.read_text("utf-8")):
        kubernetes_validate.validate(found, newest, strict=True)


def test_the_pod_shares_one_local_disk() -> None:
    """Collector and store use the same volume, of one node at a time; it stays when the set goes."""
    spec = manifest("StatefulSet")["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert set(spec["persistentVolumeClaimRetentionPolicy"].values()) == {"Retain"}
    containers = {one["name"]: one for one in spec["template"]["spec"]["containers"]}
    assert set(containers) == {"collector", "store"}
    for one in containers.values():
        assert {"name": "data", "mountPath": "/var/lib/trackway"} in one["volumeMounts"]
    probes = containers["collector"]
    assert probes["livenessProbe"]["httpGet"]["path"] == "/live"
    assert probes["readinessProbe"]["httpGet"]["path"] == "/ready"


def test_the_pod_is_restricted() -> None:
    """It meets the `restricted` standard that its namespace enforces."""
    pod = manifest("StatefulSet")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    for container in pod["containers"]:
        closed = container["securityContext"]
        assert closed["allowPrivilegeEscalation"] is False
        assert closed["readOnlyRootFilesystem"] is True
        assert closed["capabilities"] == {"drop": ["ALL"]}


def test_nginx_accepts_its_configuration(tmp_path: Path) -> None:
    """`nginx -t` is content and warns of nothing."""
    said = Nginx(tmp_path, 8077).test()
    assert "test is successful" in said
    assert "[warn]" not in said


def test_nginx_has_no_known_weakness(tmp_path: Path) -> None:
    """gixy knows the mistakes by which configurations leak or are got around; it finds none of weight."""
    nginx = Nginx(tmp_path, 8077)
    done = run(tool("gixy"), "-l", "-f", "json", nginx.directory / "nginx.conf")
    found = json.loads(done.stdout or "[]")
    assert not [one for one in found if one["severity"] in ("MEDIUM", "HIGH")], found


def test_nginx_lets_go_of_idle_connections_first() -> None:
    """Its connections to the collector end before the collector ends them: no request meets a closing one."""
    site = SITE.read_text("utf-8")
    upstream = site[site.index("upstream") : site.index("}", site.index("upstream"))]
    (seconds,) = directives(upstream, "keepalive_timeout")
    assert int(seconds.rstrip("s")) < CONNECTION_TIMEOUT_S


def test_no_file_holds_a_secret() -> None:
    """What has to be filled in says CHANGE_ME."""
    secret = re.compile(r"(_PASSWORD|_SHA256|_TOKEN|HASH_KEY)[=:] ?\S")
    for path in filter(Path.is_file, DEPLOY.rglob("*")):
        for line in path.read_text("utf-8").splitlines():
            assert not secret.search(line) or "CHANGE_ME" in line or line.startswith("#"), f"{path.name}: {line}"


def test_trackway_toml_is_valid() -> None:
    """The settings of the example are settings, and the ones that production differs in."""
    text = (DEPLOY / "trackway.toml").read_text("utf-8")
    assert tomllib.loads(text)["trusted_proxies"] == ["127.0.0.1", "::1"]
    assert settings_in_compose().policies
