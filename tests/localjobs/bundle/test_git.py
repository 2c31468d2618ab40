"""`${bundle.git…}` in real checkouts."""

import subprocess

import pytest

from localjobs.bundle.identity import Identity
from localjobs.bundle.resolve import Request, deploy, resolve
from localjobs.errors import BundleError

BUNDLE = """
bundle: {name: b}
targets:
  dev: {mode: development, default: true}
  prod: {mode: production, git: {branch: release}}
resources:
  jobs:
    job: {description: "${bundle.git.branch} ${bundle.git.commit} ${bundle.git.origin_url}"}
"""
ORIGIN = "https://me:secret@git.example.com/team/fraud.git"


@pytest.fixture
def git(tmp_path, monkeypatch):
    """Runs git in the folder, which it makes a checkout."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")

    def call(*words):
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
        done = subprocess.run(["git", *identity, "-C", tmp_path, *words], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    call("init", "--initial-branch", "main")
    return call


@pytest.fixture
def request_of(tmp_path):
    """The request for the bundle in a folder below the checkout."""
    folder = tmp_path / "jobs" / "fraud"
    folder.mkdir(parents=True)
    (folder / "databricks.yml").write_text(BUNDLE)
    return lambda target="dev", **more: Request(
        folder, target, environment={}, user=Identity("tester@example.com"), **more
    )


@pytest.fixture
def commit(git, request_of):  # noqa: ARG001 - the bundle is what is committed
    git("add", ".")
    git("commit", "-m", "first")
    return git("rev-parse", "HEAD")


def test_branch_commit_and_origin_are_those_of_the_checkout(git, commit, request_of):
    git("remote", "add", "origin", ORIGIN)
    bundle = resolve(request_of())
    assert bundle.jobs["job"]["description"] == f"main {commit} https://git.example.com/team/fraud.git"
    assert bundle.tree["bundle"]["git"] == {
        "actual_branch": "main",
        "branch": "main",
        "bundle_root_path": "jobs/fraud",
        "commit": commit,
        "origin_url": "https://git.example.com/team/fraud.git",
    }


def test_a_detached_head_is_no_branch(git, commit, request_of):
    git("checkout", "--detach")
    assert resolve(request_of()).jobs["job"]["description"] == f" {commit} "


def test_an_address_that_is_no_url_is_taken_as_it_is(git, request_of):
    git("remote", "add", "origin", "git@git.example.com:team/fraud.git")
    assert resolve(request_of()).jobs["job"]["description"] == "main  git@git.example.com:team/fraud.git"


def test_outside_a_checkout_all_is_empty_as_with_the_cli(request_of):
    bundle = resolve(request_of())
    assert bundle.jobs["job"]["description"] == "  "
    assert bundle.tree["bundle"]["git"] == {"bundle_root_path": "."}


@pytest.mark.usefixtures("commit")
def test_without_git_to_read_a_checkout_a_reference_is_refused(request_of, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    message = r"databricks.yml:8: .*\$\{bundle.git.branch\} does not exist; bundle.git has: bundle_root_path"
    with pytest.raises(BundleError, match=message):
        resolve(request_of())


@pytest.mark.usefixtures("commit")
def test_production_is_refused_on_another_branch_unless_forced(git, request_of):
    message = r"target prod is deployed from the branch 'release' \(bundle.git.branch\), and this is 'main'"
    assert resolve(request_of("prod")).jobs["job"]["description"].startswith("release ")
    with pytest.raises(BundleError, match=message):
        deploy(request_of("prod"))
    deploy(request_of("prod", force=True))
    git("checkout", "-b", "release")
    deploy(request_of("prod"))


@pytest.mark.usefixtures("commit")
def test_only_production_is_refused(request_of):
    request = request_of()
    file = request.root / "databricks.yml"
    file.write_text(BUNDLE.replace("mode: production, ", ""))
    deploy(request_of("prod"))
