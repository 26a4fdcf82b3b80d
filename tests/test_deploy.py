"""What is deployed holds together: docker-compose.yml, the images, the unit of systemd, and what makes a site's folder.

Checked without an engine: against the Compose Specification, the settings, the PBX's templates and each other.
"""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_pydantic import ComposeSpecification
from dockerfile_parse import DockerfileParser

from dragoman import config
from dragoman.config import Settings
from dragoman.telephony.pbx.folder import Ports

ROOT = Path(__file__).parents[1]
COMPOSE: Mapping[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: Mapping[str, Mapping[str, Any]] = COMPOSE["services"]
OURS = ("dragoman", "dragoman-gpu", "pbx-config")
SITE = "${DRAGOMAN_SITE:-./site}"
UNIT = ROOT / "config" / "systemd" / "dragoman.service"

IMAGE_FOLDERS = {"/etc/prometheus", "/prometheus", "/etc/grafana/provisioning", "/var/lib/grafana/dashboards/dragoman"}
IMAGE_FOLDERS |= {"/var/lib/grafana", "/var/lib/postgresql/data"}
"""Where the images of others look, as their documents say."""


def mounts(service: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Source, target, and whether it is read-only."""
    for mount in service.get("volumes", ()):
        # ${NAME:-default} has a colon of its own.
        source, target, *options = re.sub(r":(?!-)", "\n", mount).split("\n")
        yield source, target, options == ["ro"]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A checkout in which scripts/site.sh has made the folder."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "site.sh", tmp_path / "scripts")
    subprocess.run([tmp_path / "scripts" / "site.sh"], check=True, capture_output=True)
    return tmp_path / "site"


def test_the_compose_file_is_as_the_specification_has_it() -> None:
    # Fragments (x-) are the one thing that the package does not know.
    ComposeSpecification.model_validate({key: value for key, value in COMPOSE.items() if not key.startswith("x-")})


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_a_normal_user_on_a_read_only_root(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"] and not service.get("cap_add") and not service.get("privileged")
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["ulimits"]["core"] == 0, "a core dump has keys, voices and what was just said in it"
    user = service.get("user") or DockerfileParser(str(dockerfile(service))).structure
    if not isinstance(user, str):
        (user,) = [step["value"] for step in user if step["instruction"] == "USER"][-1:]
    assert user.split(":")[0] not in ("", "0", "root")
    assert service["logging"]["options"]["max-size"], "a log that grows for ever fills the disk"


def dockerfile(service: Mapping[str, Any]) -> Path:
    build = service["build"]
    return ROOT / (build if isinstance(build, str) else build["context"]) / "Dockerfile"


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "pbx-config"])
def test_every_service_that_stays_says_how_it_is_and_what_it_waits_for_does(name: str) -> None:
    service = SERVICES[name]
    healthcheck = service.get("healthcheck", {}).get("test")
    assert healthcheck or "HEALTHCHECK" in dockerfile(service).read_text("utf-8")
    assert service["restart"] == "unless-stopped"
    for needed, wait in service.get("depends_on", {}).items():
        assert needed in SERVICES
        done = needed == "pbx-config"
        assert wait["condition"] == ("service_completed_successfully" if done else "service_healthy")
        # What a service of one profile waits for is there whenever that profile is.
        assert set(SERVICES[needed].get("profiles", ())) <= set(service.get("profiles", ()))


def test_what_is_mounted_is_there_and_only_volumes_are_written(site: Path) -> None:
    for name, service in SERVICES.items():
        for source, target, read_only in mounts(service):
            if source in COMPOSE["volumes"]:
                assert not read_only
            else:
                assert read_only, (name, source)
                assert (Path(source.replace(SITE, str(site))) if SITE in source else ROOT / source).is_dir(), source
            ours = "build" in service
            assert ours or SITE in source or target in IMAGE_FOLDERS, (name, target)
        for secret in service.get("secrets", ()):
            assert Path(COMPOSE["secrets"][secret]["file"].replace(SITE, str(site))).is_file()
    used = {source for service in SERVICES.values() for source, _, _ in mounts(service)}
    assert set(COMPOSE["volumes"]) <= used
    assert set(COMPOSE["secrets"]) == {secret for service in SERVICES.values() for secret in service.get("secrets", ())}


def environment(name: str, secrets: Path) -> dict[str, str]:
    """A service's environment, its secrets where they lie on this machine."""
    return {key: value.replace("/run/secrets", str(secrets)) for key, value in SERVICES[name]["environment"].items()}


@pytest.mark.parametrize("name", OURS)
def test_the_daemon_takes_its_environment_and_every_secret_in_it(name: str, site: Path) -> None:
    settings = config.load(site / "dragoman" / "dragoman.toml", environment(name, site / "secrets"))
    assert settings.asterisk.url == f"http://127.0.0.1:{Ports().http}" == Settings().asterisk.url
    assert settings.http.port == Settings().http.port and settings.http.loopback
    assert settings.asterisk.require_password() == (site / "secrets" / "ari-password").read_text()
    # No secret in the environment itself, where every process of the container and `inspect` show it.
    secret = re.compile(r"(PASSWORD|KEY|TOKEN|STORE|REDIS_URL)$")
    assert not [key for key in SERVICES[name]["environment"] if secret.search(key)]


def test_the_daemon_finds_the_database_and_the_cache_where_they_listen(site: Path) -> None:
    settings = config.load(None, environment("dragoman", site / "secrets"))
    command = SERVICES["postgres"]["command"]
    assert settings.voices.store is not None and settings.engines.cache.redis_url is not None
    password = (site / "secrets" / "postgres-password").read_text()
    port = next(word for word in command if word.startswith("port=")).removeprefix("port=")
    user, database = (SERVICES["postgres"]["environment"][f"POSTGRES_{key}"] for key in ("USER", "DB"))
    store = f"postgresql://{user}:{password}@127.0.0.1:{port}/{database}"
    assert settings.voices.store.get_secret_value() == store
    assert settings.admin.store == settings.voices.store and settings.admin.key != settings.voices.key
    redis = dict(line.split(None, 1) for line in (site / "secrets" / "redis.conf").read_text().splitlines() if line)
    url = f"redis://:{redis['requirepass']}@{redis['bind']}:{redis['port']}/0"
    assert settings.engines.cache.redis_url.get_secret_value() == url
    assert redis["bind"] == "127.0.0.1" and "listen_addresses=127.0.0.1" in command


def test_the_image_of_the_pbx_gets_the_configuration_that_its_asterisk_needs() -> None:
    assert "--no-jitter-buffer" in SERVICES["pbx-config"]["command"], "Debian's package goes deaf behind one"
    folder = SERVICES["pbx-config"]["command"][1]
    steps = DockerfileParser(str(ROOT / "asterisk" / "Dockerfile")).structure
    assert f'"{folder}/etc/asterisk.conf"' in next(
        step["value"] for step in steps if step["instruction"] == "ENTRYPOINT"
    )
    # What the runbook has an operator type, `asterisk -rx` without more, finds the PBX that runs.
    assert f"ln -s {folder}/etc /etc/asterisk" in " ".join(
        step["value"] for step in steps if step["instruction"] == "RUN"
    )
    # What the daemon's user writes with mode 0600 the PBX's user reads.
    users = {re.findall(r"^USER (\S+)$", path.read_text("utf-8"), re.MULTILINE)[-1] for path in dockerfiles()}
    assert len(users) == 1


def dockerfiles() -> tuple[Path, Path]:
    return ROOT / "Dockerfile", ROOT / "asterisk" / "Dockerfile"


@pytest.mark.parametrize("path", dockerfiles(), ids=lambda path: path.parent.name)
def test_an_image_is_made_of_what_there_is(path: Path) -> None:
    steps = DockerfileParser(str(path)).structure
    allowed = [line.strip("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for step in steps:
        if step["instruction"] == "COPY" and "--from" not in step["value"]:
            *sources, _ = step["value"].split()
            assert all((path.parent / source).exists() and source in allowed for source in sources), sources
        if step["instruction"] == "RUN" and "apt-get install" in step["value"]:
            assert "--no-install-recommends" in step["value"] and "rm -rf /var/lib/apt/lists" in step["value"]
    last = [step["instruction"] for step in steps]
    assert last.index("USER") < last.index("ENTRYPOINT") and "HEALTHCHECK" in last
    assert not [step for step in steps if step["instruction"] == "ADD"]


def test_a_monitor_scrapes_the_daemon_where_it_listens() -> None:
    scrape = yaml.safe_load((ROOT / "config" / "prometheus" / "prometheus.yml").read_text("utf-8"))
    targets = [
        target for job in scrape["scrape_configs"] for each in job["static_configs"] for target in each["targets"]
    ]
    assert f"127.0.0.1:{SERVICES['dragoman']['environment']['DRAGOMAN_HTTP__PORT']}" in targets


def test_a_site_is_closed_to_others_its_passwords_differ_and_stay(site: Path) -> None:
    assert stat.S_IMODE(site.stat().st_mode) == 0o700
    secrets = {path.name: path.read_text() for path in (site / "secrets").iterdir()}
    passwords = [secrets[name] for name in secrets if name.endswith("-password")]
    assert len(set(passwords)) == len(passwords) == 4 and all(len(each) >= 32 for each in passwords)
    # Readable for the user of a container, whatever his number: the folder around them is what is closed.
    assert all((site / "secrets" / name).stat().st_mode & stat.S_IROTH for name in secrets)
    (site / "dragoman" / "dragoman.toml").write_text("[rooms]\nnotice = false\n")
    again = subprocess.run([site.parent / "scripts" / "site.sh"], check=True, capture_output=True, text=True)
    assert again.stdout == ""
    assert {path.name: path.read_text() for path in (site / "secrets").iterdir()} == secrets
    assert "notice" in (site / "dragoman" / "dragoman.toml").read_text()


def test_a_site_elsewhere_is_found_by_compose(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "site.sh", tmp_path / "scripts")
    subprocess.run([tmp_path / "scripts" / "site.sh", "../elsewhere"], cwd=tmp_path, check=True, capture_output=True)
    assert f"DRAGOMAN_SITE={tmp_path.parent.resolve() / 'elsewhere'}" in (tmp_path / ".env").read_text().splitlines()


def test_git_never_takes_a_site() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert "/site/" in ignored and "/.env" in ignored
    assert not any(line.startswith(("!site", "!.env")) for line in (ROOT / ".dockerignore").read_text().splitlines())


needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that is there."""
    path = tmp_path / UNIT.name
    path.write_text(UNIT.read_text("utf-8").replace("/opt/dragoman/bin/dragoman", "/bin/true"), "utf-8")
    return path


@needs_systemd
def test_systemd_has_nothing_to_say_of_the_unit(unit: Path) -> None:
    verdict = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )
    assert [line for line in verdict.stderr.splitlines() if UNIT.name in line] == []
    assert verdict.returncode == 0


@needs_systemd
def test_systemd_finds_the_unit_closed(unit: Path) -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", unit]
    verdict = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Overall exposure level" in verdict.stdout
    assert verdict.returncode == 0, verdict.stdout.splitlines()[-1]


def test_the_unit_leaves_no_copy_of_its_memory() -> None:
    assert "LimitCORE=0" in UNIT.read_text("utf-8").splitlines()


def test_the_unit_keeps_its_settings_where_the_daemon_looks() -> None:
    assert f"--config {config.SYSTEM_FILE}" in UNIT.read_text("utf-8")


def test_what_the_document_has_one_type_runs_in_that_order_on_a_fresh_machine() -> None:
    """Debian has Python without venv, and no sudo where root has a password: both were asked of it before they came."""
    text = (ROOT / "docs" / "deploy.md").read_text("utf-8").partition("## As a service of systemd")[2]
    lines = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)[0].splitlines()
    words = [line.split() for line in lines]
    assert not any(each[0] == "sudo" for each in words)
    came = {each[0]: number for number, each in reversed(list(enumerate(words)))}
    venv = next(number for number, line in enumerate(lines) if " -m venv " in line)
    assert came["scripts/packages.sh"] < venv < came["/opt/dragoman/bin/pip"] < came["runuser"]
    for each in words:
        sources = each[1:-1] if each[0] == "install" and "-d" not in each and each[-1].startswith("/") else []
        assert all((ROOT / source).exists() for source in sources if "/" in source and not source.startswith("/")), each
