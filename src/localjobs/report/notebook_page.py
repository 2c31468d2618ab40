"""The page of a notebook that ran here: its prose, and what it printed and displayed, in order."""

import io
from base64 import b64encode
from contextlib import redirect_stdout
from html import escape
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from localjobs.taskside.localjobs_task.dbutils import DBUtils
from localjobs.taskside.localjobs_task.notebooks import run_cells

TEMPLATE: Final = "notebook.html.j2"
MOST_ROWS: Final = 1_000


class Page:
    """What a notebook is shown on: blocks of HTML."""

    def __init__(self, title: str) -> None:
        """Begin empty."""
        self.title = title
        self.blocks: list[Markup] = []
        self._printed = io.StringIO()

    def run(self, file: Path, parameters: dict[str, str]) -> str:
        """Run a notebook on this page; what it gave to `dbutils.notebook.exit`. What it raises goes on."""
        try:
            with redirect_stdout(self._printed):
                return run_cells(file, {"__name__": "__main__"}, DBUtils(parameters), self)
        except Exception as error:
            self._show(f'<pre class="error">{escape(f"{type(error).__name__}: {error}")}</pre>')
            raise
        finally:
            self._take_printed()

    def show_markdown(self, text: str) -> None:
        """A cell of prose."""
        self._show(MarkdownIt("commonmark").enable("table").render(text))

    def display(self, value: Any, *_arguments: Any, **_options: Any) -> None:
        """A figure as a picture, a frame as a table, anything else as text."""
        if hasattr(value, "savefig"):
            self._show(_as_picture(value))
        elif hasattr(value, "toPandas"):
            self._show(_as_table(value.limit(MOST_ROWS).toPandas()))
        elif hasattr(value, "to_html"):
            self._show(_as_table(value.head(MOST_ROWS)))
        else:
            self._show(f"<pre>{escape(str(value))}</pre>")

    def display_html(self, html: str) -> None:
        """A document of its own, in a frame without scripts."""
        self._show(f'<iframe sandbox srcdoc="{escape(html)}" title="document"></iframe>')

    def render(self) -> str:
        """One file that needs nothing else."""
        self._take_printed()
        environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
        )
        return environment.get_template(TEMPLATE).render(title=self.title, blocks=self.blocks)

    def _show(self, html: str) -> None:
        self._take_printed()
        self.blocks.append(Markup(html))  # noqa: S704  every part is escaped above, or HTML of the notebook's own

    def _take_printed(self) -> None:
        printed = self._printed.getvalue()
        self._printed.seek(0)
        self._printed.truncate()
        if printed.strip():
            self.blocks.append(Markup("<pre>{}</pre>").format(printed.rstrip()))


def _as_picture(figure: Any) -> str:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=144)
    title = escape(getattr(figure, "get_suptitle", str)() or "picture")
    return f'<img alt="{title}" src="data:image/png;base64,{b64encode(file.getvalue()).decode()}">'


def _as_table(frame: Any) -> str:
    html: str = frame.to_html(index=False, border=0, justify="left", na_rep="-", float_format=_word)
    return f'<div class="scroll">{html}</div>'


def _word(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= MOST_ROWS else f"{value:.4g}"
