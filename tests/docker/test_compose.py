"""Checks compose.yaml and the CI workflow as far as possible without Docker and without a host."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from api.settings import Settings
from tests.docker.dockerfile import context, stages
from tests.docs.pages import blocks
from tests.support.command import COMMAND

PROJECT = Path(__file__).parents[2]
WORKFLOW = ".github/workflows/ci.yml"


@pytest.fixture
def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = YAML(typ="safe").load(PROJECT / "compose.yaml")["services"]
    return found


@pytest.mark.parametrize(
    ("schema", "file"), [("compose-spec", "compose.yaml"), ("github-workflows", WORKFLOW)], ids=["compose", "workflow"]
)
def test_a_file_conforms_to_its_schema(schema: str, file: str) -> None:
    command = [str(COMMAND.with_name("check-jsonschema")), "--builtin-schema", f"vendor.{schema}", str(PROJECT / file)]

    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own files

    assert done.stdout == "ok -- validation done\n"


def test_services_use_existing_settings_and_commands(services: dict[str, dict[str, Any]]) -> None:
    ours = [service for service in services.values() if service["image"] == "shortship"]

    used = {name for service in ours for name in service["environment"]}
    commands = {service["command"][1] for service in ours}

    assert used <= {f"SHORTSHIP_{name.upper()}" for name in Settings.model_fields}
    assert commands == {"serve", "worker", "migrate"}
    assert {service["command"][0] for service in ours} == {"shortship"}


def test_the_file_holds_no_secret_and_only_loopback_listens(services: dict[str, dict[str, Any]]) -> None:
    text = (PROJECT / "compose.yaml").read_text()
    secrets = re.findall(r"(?:PASSWORD|SECRET): (\S+)", text) + re.findall(r"://\w+:([^@\n]*)@", text)

    ports = [port for service in services.values() for port in service.get("ports", [])]

    assert secrets
    assert [secret for secret in secrets if not re.fullmatch(r"\$\{\w+:\?\}", secret)] == []
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_every_dependency_of_a_service_exists_and_can_be_awaited(services: dict[str, dict[str, Any]]) -> None:
    awaited = [
        (needed, how["condition"])
        for service in services.values()
        for needed, how in service.get("depends_on", {}).items()
    ]

    assert {needed for needed, _ in awaited} <= set(services)
    assert [
        needed for needed, how in awaited if how == "service_healthy" and "test" not in services[needed]["healthcheck"]
    ] == []


def test_the_role_of_the_services_has_the_documented_grants() -> None:
    granted = blocks("docs/operations.md")["grants"].splitlines()

    content = YAML(typ="safe").load(PROJECT / "compose.yaml")["configs"]["roles"]["content"]

    assert content.splitlines()[-len(granted) :] == granted


def test_the_image_gets_only_what_it_needs_and_runs_unprivileged() -> None:
    files = {str(path) for path in context(PROJECT)}
    *_, image = stages((PROJECT / "Dockerfile").read_text())

    said = {step.name: step.words for step in image.steps}

    assert {
        "pyproject.toml",
        "uv.lock",
        "api/app.py",
        "api/graphiql/package-lock.json",
        "domain/rules/order.py",
    } <= files
    assert [file for file in files if file.startswith(("tests", "docs", "api/graphiql/node_modules", ".venv"))] == []
    assert said["USER"] == ["shortship"]
    assert said["CMD"] == ["shortship", "serve"]
    assert "HEALTHCHECK" in said


def test_the_workflow_uses_no_foreign_actions_and_may_only_read() -> None:
    workflow = YAML(typ="safe").load(PROJECT / WORKFLOW)
    [job] = workflow["jobs"].values()

    assert workflow["permissions"] == {"contents": "read"}
    assert [step for step in job["steps"] if "uses" in step] == []
    assert job["steps"][-1]["run"] == ".ci/run"
    assert job["timeout-minutes"] <= 60
