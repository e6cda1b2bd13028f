"""Build hooks beyond pyproject.toml; `make wheel` builds a wheel."""

import os
import re
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface


class WithGraphiQL(BuildHookInterface[Any]):
    """Refuses to build a wheel without GraphiQL, which is not in git and would be missing silently."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        if version != "editable" and not Path(self.root, "api", "static", "graphiql", "index.html").is_file():
            self.app.abort("GraphiQL is not built: run `make graphiql` first, or `make wheel`, which does.")


class WithAddresses(MetadataHookInterface):
    """With REPOSITORY_URL, makes the README's links absolute: a package index has none of the files."""

    def update(self, metadata: dict[str, Any]) -> None:
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        repository = os.environ.get("REPOSITORY_URL", "").rstrip("/")  # noqa: TID251 - set by whoever publishes
        if repository:
            text = re.sub(r"(!\[[^]]*\]\()(?!\w+:|#)", rf"\g<1>{repository}/raw/HEAD/", text)
            text = re.sub(r"((?<!!)\[[^]]*\]\()(?!\w+:|#)", rf"\g<1>{repository}/blob/HEAD/", text)
            metadata["urls"] = {
                "Repository": repository,
                "Documentation": f"{repository}/blob/HEAD/docs/operations.md",
                "Changelog": f"{repository}/blob/HEAD/CHANGELOG.md",
            }
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
