#!/usr/bin/env python
"""For MkDocs: links out of docs/ become links to the repository, or plain text where `repo_url` is not set."""

import posixpath
import re
from typing import Any

LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(((?:\.\./)+[^)\s]*)\)")


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:  # noqa: ARG001 - MkDocs passes them by name
    """Rewrite the links of a page that leave the folder of documents."""
    folder = posixpath.dirname(page.file.src_uri)

    def rewrite(link: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(folder, link[2]))
        if not path.startswith(".."):
            return link[0]
        return f"[{link[1]}]({config.repo_url}/blob/HEAD/{path[3:]})" if config.repo_url else link[1]

    return LINK.sub(rewrite, markdown)
