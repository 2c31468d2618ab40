#!/usr/bin/env python
"""For MkDocs: links that leave docs/, and pictures of jobs.

Links out of docs/ become links to the repository, or plain text where `repo_url` is not set. `<!-- graph of JOB -->`
becomes the picture that `localjobs graph` draws of the job as production has it: none is kept, so none is stale.
"""

import posixpath
import re
import subprocess
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(((?:\.\./)+[^)\s]*)\)")
GRAPH = re.compile(r"<!-- graph of (\w+) -->")


def on_files(files: Any, *, config: Any) -> Any:
    """Draw the jobs that pages want a picture of."""
    jobs = {job for page in files.documentation_pages() for job in GRAPH.findall(page.content_string)}
    for job in sorted(jobs):
        files.append(File.generated(config, f"pictures/{job}.svg", content=draw(job)))
    return files


def draw(job: str) -> str:
    """The graph of a job as SVG."""
    command = [ROOT / ".venv" / "bin" / "localjobs", "graph", job, "-t", "prod", "-o", "svg"]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603  our own words


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:  # noqa: ARG001 - MkDocs passes them by name
    """Rewrite the links of a page that leave the folder of documents, and put in its pictures."""
    folder = posixpath.dirname(page.file.src_uri)

    def show(graph: re.Match[str]) -> str:
        return f"![The tasks of {graph[1]}]({posixpath.relpath(f'pictures/{graph[1]}.svg', folder or '.')})"

    def rewrite(link: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(folder, link[2]))
        if not path.startswith(".."):
            return link[0]
        return f"[{link[1]}]({config.repo_url}/blob/HEAD/{path[3:]})" if config.repo_url else link[1]

    return GRAPH.sub(show, LINK.sub(rewrite, markdown))
