import pytest

from localjobs.bundle.files import find_root, load_files
from localjobs.errors import BundleError, SourceError, UnsupportedError

JOB = "resources: {jobs: {%s: {name: %s}}}"


@pytest.fixture
def files(tmp_path):
    def write(**contents):
        for name, text in contents.items():
            (tmp_path / f"{name}.yml").write_text(text)
        return tmp_path

    return write


def test_included_files_are_merged_in_order_without_repetition(files):
    root = files(databricks="include: ['b.yml', '*.yml']", a=JOB % ("x", "one"), b=JOB % ("y", "two"))
    tree = load_files(root)
    assert tree["include"] == ["b.yml", "a.yml"]
    assert tree["resources"]["jobs"] == {"x": {"name": "one"}, "y": {"name": "two"}}


def test_a_named_file_that_is_missing_is_an_error_and_a_pattern_is_not(files):
    assert load_files(files(databricks="include: ['*.job.yml']"))["include"] == []
    with pytest.raises(BundleError, match=r"databricks.yml:1: the included file 'gone.yml' does not exist"):
        load_files(files(databricks="include: [gone.yml]"))


@pytest.mark.parametrize("pattern", ["../other/*.yml", "/etc/*.yml"])
def test_an_include_cannot_leave_the_bundle(files, pattern):
    with pytest.raises(BundleError, match="leaves the bundle"):
        load_files(files(databricks=f"include: ['{pattern}']"))


def test_one_key_for_two_resources_is_refused_whatever_their_kinds(files):
    root = files(databricks="include: [a.yml]\n" + JOB % ("x", "one"), a="resources: {experiments: {x: {name: y}}}")
    with pytest.raises(BundleError, match=r"a.yml:1: the resource key 'x' is already used at .*databricks.yml:2"):
        load_files(root)


def test_an_unknown_section_is_refused_naming_the_known(files):
    with pytest.raises(
        BundleError, match=r"databricks.yml:2: unknown section 'resorces'; known are: artifacts, .*resources"
    ):
        load_files(files(databricks="bundle: {name: x}\nresorces: {}"))


@pytest.mark.parametrize("text", ["python: {mutators: [x]}", "experimental: {python: {resources: [x]}}"])
def test_code_that_changes_the_bundle_fails_by_name(files, text):
    with pytest.raises(UnsupportedError, match="`python` code changes the bundle"):
        load_files(files(databricks=text))


def test_the_bundle_is_found_from_a_folder_inside_it(files, tmp_path):
    root = files(databricks="bundle: {name: x}")
    (tmp_path / "src/deep").mkdir(parents=True)
    assert find_root(tmp_path / "src/deep") == root.resolve()
    with pytest.raises(SourceError, match="--bundle-root"):
        find_root(tmp_path.parent)
