"""The wheel holds the whole product, runs without a checkout, and names the package that shadows it."""

import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from importlib.metadata import packages_distributions
from pathlib import Path
from venv import EnvBuilder
from zipfile import ZipFile

import httpx
import pytest

from api.schema import served
from api.transport import pages
from tests.docs.pages import blocks, read
from tests.support.calling import ask, cancel_one
from tests.support.command import COMMAND, started_in
from tests.support.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]
PACKAGES = ("api", "domain", "shortship")
PROJECT = tomllib.loads(read("pyproject.toml"))["project"]
REPOSITORY = "https://git.example/shops/shortship"
FIND = "{ orders(filter: {itemsCancellable: true}) { edges { node { id items { id cancellableQuantity } } } } }"


def run(*command: str | Path, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own commands
        command,
        cwd=folder,
        env={**os.environ, **variables},  # noqa: TID251 - handed on to a process
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def build(*arguments: str, folder: Path, into: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """What `make wheel` runs."""
    return run(COMMAND.with_name("hatchling"), "build", *arguments, "--directory", into, folder=folder, **variables)


@dataclass
class Built:
    wheel: Path
    source: Path  # the unpacked source archive
    by_way_of_source: Path

    @property
    def metadata(self) -> tuple[Message, Message]:
        """The metadata of either wheel."""
        return _metadata(self.wheel), _metadata(self.by_way_of_source)


def names(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def _metadata(wheel: Path) -> Message:
    with ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith("/METADATA")]
        return message_from_bytes(archive.read(name))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Built both ways: directly, and from the source archive, as users of an index might."""
    if not (pages.BUILT / "index.html").is_file():
        reason = "GraphiQL is not built: make graphiql"
        if os.environ.get("CI"):  # noqa: TID251 - what every hosted CI sets; a setting of the tests, not of the code
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("dist")
    done = build(folder=ROOT, into=folder, REPOSITORY_URL=REPOSITORY)
    assert done.returncode == 0, done.stderr
    [archive], [wheel] = folder.glob("*.tar.gz"), folder.glob("*.whl")
    with tarfile.open(archive) as packed:
        packed.extraction_filter = getattr(tarfile, "data_filter", None)  # missing in early 3.11 releases
        packed.extractall(folder / "source")  # noqa: S202 - our own archive
    [source] = (folder / "source").iterdir()
    done = build("--target", "wheel", folder=source, into=folder / "again")
    assert done.returncode == 0, done.stderr
    [again] = (folder / "again").iterdir()
    return Built(wheel, source, again)


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the wheel, which shares our libraries but not our packages."""
    folder = tmp_path_factory.mktemp("installed")
    EnvBuilder(symlinks=True).create(folder)
    python = folder / "bin" / "python"
    uv = (sys.executable, ROOT / "tools" / "uv.py")
    install = ("pip", "install", "--offline", "--no-deps", "--no-cache", "--python", python)
    [named] = re.findall(r"uv tool install 'dist/(\S+)'", blocks("docs/operations.md")["install"])
    done = run(*uv, *install, built.wheel.parent / named, folder=folder)
    assert done.returncode == 0, done.stderr
    [packages] = folder.glob("lib/*/site-packages")
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    return python.parent


def test_the_wheel_has_every_file_and_graphiql(built: Built) -> None:
    tree = (path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file())
    files = {path.relative_to(ROOT).as_posix() for path in tree if "__pycache__" not in path.parts}

    assert names(built.wheel) == {name for name in files if not name.startswith("api/graphiql/")}
    assert names(built.by_way_of_source) == names(built.wheel)
    assert {"api/py.typed", "domain/py.typed", "api/static/graphiql/index.html"} <= names(built.wheel)


def test_no_wheel_is_built_without_graphiql(built: Built, tmp_path: Path) -> None:
    bare = shutil.copytree(built.source, tmp_path / "bare", ignore=shutil.ignore_patterns("static", "tests"))

    done = build("--target", "wheel", folder=bare, into=tmp_path / "dist")

    assert done.returncode == 1
    assert "GraphiQL is not built: run `make graphiql` first, or `make wheel`, which does." in done.stderr
    assert list(tmp_path.glob("dist/*.whl")) == []


def test_links_lead_from_an_index_into_the_repository(built: Built) -> None:
    for metadata in built.metadata:
        urls = dict(str(url).split(", ", 1) for url in metadata.get_all("Project-URL", []))
        links = re.findall(r"\]\(([^)]*)\)", str(metadata.get_payload()))

        assert urls["Repository"] == REPOSITORY
        assert f"{REPOSITORY}/raw/HEAD/docs/mail.png" in links
        assert f"{REPOSITORY}/blob/HEAD/docs/operations.md" in links
        assert [link for link in links if not link.startswith(f"{REPOSITORY}/")] == []
        assert [link for link in links if not (ROOT / link.split("/HEAD/")[1]).is_file()] == []
        assert metadata["Description-Content-Type"] == "text/markdown"


def test_it_runs_without_a_checkout(installed: Path, tmp_path: Path) -> None:
    """Migrations, samples, GraphiQL, and the templates and texts of mails included."""
    where = run(installed / "python", "-c", "import api, domain; print(api.__file__, domain.__file__)", folder=tmp_path)
    printed = run(installed / "shortship", "schema", folder=tmp_path)
    environment = dict(os.environ)  # noqa: TID251 - handed on to a process

    with started_in(environment, tmp_path, "demo", "--still", command=installed / "shortship") as (_, client):
        page = client.get("/graphql", headers={"Accept": "text/html"}).text
        loaded = [client.get(path).status_code for path in re.findall(r'"(/graphiql/assets/[^"]+)"', page)]
        authorization = client.get("/graphiql/config.json").json()["headers"]["Authorization"]
        token = authorization.removeprefix("Bearer ")
        order = ask(client, FIND, token)["data"]["orders"]["edges"][0]["node"]
        item = next(item for item in order["items"] if item["cancellableQuantity"])
        cancelled = cancel_one(client, token, order | {"items": [item]}, "one")
        mail = _mail_when_it_is_settled(client, token)

    assert [str(installed.parent) in path for path in where.stdout.split()] == [True, True]
    assert (printed.returncode, printed.stdout) == (0, served.printed())
    assert loaded
    assert set(loaded) == {200}
    assert cancelled["data"]["cancelItems"]["errors"] == []
    assert mail == "SENT"


def _mail_when_it_is_settled(client: httpx.Client, token: str) -> str:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (status := _mail(client, token)) == "QUEUED" and time.monotonic() < deadline:
        time.sleep(0.05)
    return status


def _mail(client: httpx.Client, token: str) -> str:
    answer = ask(client, "{ cancellations { edges { node { notification { status } } } } }", token)
    return str(answer["data"]["cancellations"]["edges"][0]["node"]["notification"]["status"])


def test_every_imported_library_is_a_declared_dependency() -> None:
    """Extras included; a library that another one brings along may be gone in that one's next version."""
    wanted = [
        *PROJECT["dependencies"],
        *(each for extra in PROJECT["optional-dependencies"].values() for each in extra),
    ]
    declared = {_normal(re.split(r"[^\w.-]", text)[0]) for text in wanted}
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    imported = {name for file in files for name in _imported(file)} - set(sys.stdlib_module_names) - set(PACKAGES)
    sources = packages_distributions()

    assert {"starlette", "nats", "opentelemetry"} <= imported
    assert [name for name in sorted(imported) if declared.isdisjoint(map(_normal, sources[name]))] == []


def _normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _imported(file: Path) -> Iterator[str]:
    """The top-level names of all modules imported anywhere in the file."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def test_the_documentation_names_the_wheel_of_this_version() -> None:
    named = re.findall(r"shortship-([^-\s]+)-py3-none-any\.whl", read("docs/operations.md"))

    assert named == [PROJECT["version"]] * 2  # to install it, and to run it without


@pytest.mark.parametrize("name", ["api", "domain"])
def test_a_foreign_package_is_named_and_not_run(name: str, tmp_path: Path) -> None:
    foreign = tmp_path / name / "__init__.py"
    foreign.parent.mkdir()
    foreign.write_text("print('not ours')")

    done = run(COMMAND, "schema", folder=tmp_path, PYTHONPATH=str(tmp_path))

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"Another package `{name}` is in the way of Shortship's: {foreign}. "
        "Install Shortship into an environment of its own, with `uv tool` or `pipx`, and unset PYTHONPATH.\n"
    )


def test_a_package_mixed_with_a_foreign_one_is_named(tmp_path: Path) -> None:
    """As happens when both are installed into one environment."""
    for package in PACKAGES:
        (tmp_path / package).mkdir()
        shutil.copy(ROOT / package / "__init__.py", tmp_path / package)
    (tmp_path / "api" / "cli.py").write_text("")

    done = run(COMMAND, "schema", folder=tmp_path, PYTHONPATH=str(tmp_path))

    assert done.returncode == 2
    assert done.stderr.startswith("Another package `api` is in the way of Shortship's: cannot import name 'main' from ")
    assert done.stderr.count("\n") == 1
