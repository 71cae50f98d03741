"""examples/README.md: every program, part and picture is named in it, and what it names is there."""

import re
from fnmatch import fnmatch

from programs import EXAMPLES

TEXT = (EXAMPLES / "README.md").read_text(encoding="utf-8")
FILES = {path.name: path.read_text(encoding="utf-8") for path in EXAMPLES.glob("*.py")}
PATTERNS = re.findall(r"`([\w*]+\.py)`", TEXT)
ROWS = [[cell.strip() for cell in line.split("|")[1:-1]] for line in TEXT.splitlines() if re.match(r"\|.*`\d\d_", line)]


def test_every_file_is_named_and_every_name_is_a_file():
    assert {name for name in FILES if not any(fnmatch(name, pattern) for pattern in PATTERNS)} == set()
    assert {pattern for pattern in PATTERNS if not any(fnmatch(name, pattern) for name in FILES)} == set()


def test_a_part_is_of_the_programs_that_import_it():
    """As written: `a.py` and `b_*.py` of 05, 08 and 10."""
    for names, numbers in re.findall(r"((?:`[\w*]+\.py`(?:, | and )?)+) of\s((?:\d\d(?:, | and )?)+)", TEXT):
        for pattern in re.findall(r"`([\w*]+)\.py`", names):
            for part in (name[:-3] for name in FILES if fnmatch(name, f"{pattern}.py") and not name[0].isdigit()):
                assert programs_with(part) == set(re.findall(r"\d\d", numbers)), part


def programs_with(part: str) -> set[str]:
    """The numbers of the programs that import a part, by themselves or by other parts."""
    users = {name for name, text in FILES.items() if re.search(rf"^(?:from|import) {part}\b", text, re.MULTILINE)}
    found = {name[:2] for name in users if name[0].isdigit()}
    return found.union(*(programs_with(name[:-3]) for name in users if not name[0].isdigit()))


def test_the_pictures_in_the_tables_are_drawn():
    assert len(ROWS) >= 14
    sources = "".join(FILES.values())
    for _, _, pictures, _ in ROWS:
        names = re.findall(r"`(\w+)`", pictures)
        assert any(f"{name}.png" in sources for name in names)
        assert {name for name in names if f"{name}.png" not in sources} <= {"it"}  # a word of the sentence
