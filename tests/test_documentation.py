"""The documentation: links lead somewhere, commands exist with their options, generated pages are fresh."""

import re
import shlex
import tomllib
from functools import cache
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from itertools import pairwise, takewhile
from pathlib import Path

import pytest
import typer
from ruamel.yaml import YAML

from fraud_detection.tasks.context import SECTIONS, build_settings
from localjobs.bundle.identity import Identity
from localjobs.bundle.resolve import Request, resolve

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
TARGETS = ("local", "dev", "staging", "prod", "dev-azure", "staging-azure", "prod-azure", "prod-serverless")
CLI = {
    "bundle deploy",
    "bundle run",
    "bundle validate",
    "bundle destroy",
    "bundle summary",
    "fs cp",
    "secrets put-secret",
}
OTHERS = {"cd", "cp", "curl", "export", "git", "mkdir", "mkdocs", "mlflow", "uv", "gunzip"}
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
APPS = {name: place.partition(":")[0] for name, place in SCRIPTS.items() if place.endswith(":app")}


def prose(page):
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def links(page):
    return [link for link in LINK.findall(re.sub(r"`[^`\n]*`", "", prose(page))) if not re.match(r"[a-z]+:", link)]


@cache
def anchors(page):
    """What headings become, as MkDocs and, for headings without two spaces in a row, GitHub make it."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_relative_link_leads_to_a_file_and_a_heading(page):
    broken = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(link)

    assert broken == []


def test_there_are_links_to_check_with_and_without_headings():
    found = [link for page in PAGES for link in links(page)]

    assert len(found) > 100
    assert any("#" in link for link in found)


def commands_in(page):
    for _, kind, body in FENCE.findall(page.read_text(encoding="utf-8")):
        if kind == "bash":
            yield from split_commands(body.replace("\\\n", " "))


def split_commands(body):
    """The words of each command; one goes on as long as a quotation is open, and ends at a pipe."""
    begun = ""
    for line in body.splitlines():
        begun += line
        try:
            words = shlex.split(begun, comments=True)
        except ValueError:
            begun += "\n"
            continue
        begun = ""
        if words:
            yield list(takewhile(lambda word: word not in {"|", ">"}, words))
    assert not begun, f"a quotation is not closed: {begun}"


COMMANDS = [(name, shlex.join(words)) for page, name in zip(PAGES, NAMES, strict=True) for words in commands_in(page)]


@cache
def resources(target):
    return resolve(Request(ROOT, target, environment={}, user=Identity("tester@databricks.com"))).tree["resources"]


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_every_command_exists_and_knows_its_options(page, command):
    program, *words = shlex.split(command)
    program = re.sub(r"^\.venv[a-z-]*/bin/", "", program)

    if program in APPS:
        check_typer(typer.main.get_command(import_module(APPS[program]).app), words, command)
        check_job(program, words, command)
    elif program == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        assert [word for word in words if "=" not in word and f"\n{word}:" not in makefile] == [], command
    elif program == "python":
        check_script(words, command)
    elif program == "databricks":
        assert " ".join(words[:2]) in CLI, command
        check_job(program, words[1:], command)
    else:
        assert program in OTHERS or program.startswith((".ci/", "FRAUD_")), f"{page}: who knows {program}?"


def check_typer(command, words, said):
    """Every word is a command, an option that it knows, the value of one, or an argument that it takes."""
    waiting = list(words)
    arguments = 0
    while waiting:
        word = waiting.pop(0)
        inner = getattr(command, "commands", {})
        if word.startswith("-") and word != "-":
            name, has_value, _ = word.partition("=")
            known = {opt: param for param in command.params for opt in (*param.opts, *param.secondary_opts)}
            assert name in {*known, "--help"}, f"{said}: {name} is unknown; known are {sorted(known)}"
            if name != "--help" and not has_value and not known[name].is_flag:
                assert waiting, f"{said}: {name} has no value"
                waiting.pop(0)
        elif inner:
            assert word in inner, f"{said}: {word} is unknown; known are {sorted(inner)}"
            command = inner[word]
        else:
            arguments += 1
    taken = [param for param in command.params if not param.opts[0].startswith("-")]
    is_enough = sum(param.required for param in taken) <= arguments or "--help" in words
    assert is_enough, f"{said}: an argument is missing"
    assert arguments <= len(taken) or any(param.nargs == -1 for param in taken), f"{said}: {arguments} arguments"


def check_job(program, words, said):
    """Targets, jobs and their parameters are the bundle's; the CLI runs apps too."""
    options = dict(pairwise(words))
    target = options.get("-t", "local")
    assert target in TARGETS, said
    if program in {"localjobs", "databricks"} and words[0] == "run":
        found = resources(target)
        known = found["jobs"] | (found.get("apps", {}) if program == "databricks" else {})
        assert words[1] in known, said
        given = {pair.partition("=")[0] for pair in options.get("--params", "").split(",") if pair}
        assert given <= {parameter["name"] for parameter in known[words[1]].get("parameters", ())}, said


def check_script(words, said):
    if words[0] == "-m":
        return
    script = ROOT / words[0]
    assert script.is_file(), said
    known = script.read_text(encoding="utf-8") + (ROOT / "benchmarks" / "meter.py").read_text(encoding="utf-8")
    assert [word for word in words[1:] if word.startswith("--") and f'"{word}"' not in known] == [], said


def test_readme_and_tutorial_have_commands():
    assert {"README.md", "docs/tutorial.md"} <= {page for page, _ in COMMANDS}


@pytest.mark.parametrize(
    ("program", "wrong"),
    [
        ("localjobs", "walk training"),
        ("localjobs", "run training --parameters a=b"),
        ("fraud-model", "promote --why"),
        ("runcosts", "estimate prod"),
    ],
)
def test_a_wrong_command_is_noticed(program, wrong):
    with pytest.raises(AssertionError):
        check_typer(typer.main.get_command(import_module(APPS[program]).app), wrong.split(), wrong)


def settings_in(page):
    for _, kind, body in FENCE.findall(page.read_text(encoding="utf-8")):
        values = YAML(typ="safe", pure=True).load(body) if kind == "yaml" else None
        if isinstance(values, dict) and set(values) <= set(SECTIONS):
            yield values


SETTINGS = [(name, values) for page, name in zip(PAGES, NAMES, strict=True) for values in settings_in(page)]


@pytest.mark.parametrize(("page", "values"), SETTINGS, ids=[f"{name} {list(values)}" for name, values in SETTINGS])
def test_settings_that_a_page_shows_can_be_used(page, values):
    assert build_settings(values), page


def test_the_tutorial_shows_settings():
    assert "docs/tutorial.md" in dict(SETTINGS)


@cache
def messages_of_the_code():
    """All strings of the sources, those of several lines joined, and what is put into them as a dot."""
    sources = [file.read_text(encoding="utf-8") for file in sorted((ROOT / "src").rglob("*.py"))]
    joined = re.sub(r'"\s*\n\s*f?"', "", "\n".join(sources))
    return re.sub(r"\{[^{}\n]*\}", "…", joined)


def messages_of_the_runbook():
    text = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| ")]
    quoted = [message for cell in cells for message in re.findall(r"`([^`]* [^`]*)`", cell)]
    return [message for message in quoted if message.split()[0] not in {*SCRIPTS, "databricks"}]


@pytest.mark.parametrize("message", messages_of_the_runbook())
def test_every_message_of_the_runbook_is_one_of_the_code(message):
    assert [part for part in message.split("…") if part.strip() not in messages_of_the_code()] == []


def test_the_runbook_knows_messages():
    assert len(messages_of_the_runbook()) > 10


def test_generated_pages_say_what_the_code_says():
    spec = spec_from_file_location("reference", ROOT / "docs" / "reference.py")
    reference = module_from_spec(spec)
    spec.loader.exec_module(reference)

    made = reference.pages()

    assert made
    assert [name for name, text in made.items() if reference._read(name) != text] == [], "run python docs/reference.py"


@pytest.mark.parametrize("name", ["settings", "commands", "tables", "lint-rules"])
def test_a_reference_page_has_no_empty_table(name):
    text = (ROOT / "docs" / "reference" / f"{name}.md").read_text(encoding="utf-8")

    assert not re.search(r"\|---\|\n(?!\|)", text)


def test_each_test_that_a_promise_names_is_there():
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    named = {(file, test) for file, test in re.findall(r"`(tests/[\w/]+\.py)::(\w+)", text)}
    assert len(named) > 100
    lost = [
        f"{file}::{test}" for file, test in named if f"def {test}(" not in (ROOT / file).read_text(encoding="utf-8")
    ]
    assert lost == []


def test_each_file_that_the_threat_model_names_is_there():
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    files = [path.as_posix() for path in ROOT.rglob("*") if not {".venv", ".git", ".venv-connect"} & set(path.parts)]
    named = set(re.findall(r"`([\w./-]+\.(?:py|yml|txt|toml))`", text))
    assert len(named) > 50
    assert [name for name in named if not any(f"/{file}".endswith(f"/{name}") for file in files)] == []
