"""examples/README.md: it names every program, part and picture, and what it names exists."""

import re

from programs import EXAMPLES

TEXT = (EXAMPLES / "README.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.split("|")[1:-1]] for line in TEXT.splitlines() if line.startswith("| ")]
PROGRAMS = {path.name[:2]: path for path in EXAMPLES.glob("[0-9]*.py")}
PARTS = {
    row[0].strip("`"): row[2]
    for row in ROWS
    if len(row) == 3 and row[0].startswith("`") and row[0].endswith((".py`", "/`"))
}


def imports(path):
    """The parts of helpers/ that a file imports, by themselves or by other parts, as named in the table."""
    found = set()
    for package, names in re.findall(
        r"^(?:from|import) helpers([.\w]*)(?: import ([\w, ]+))?", path.read_text("utf-8"), re.M
    ):
        first = package.split(".")[1] if package else ""
        for name in [first] if first else [name.split(" as ")[0].strip() for name in names.split(",")]:
            found.add(f"{name}/" if (EXAMPLES / "helpers" / name).is_dir() else f"{name}.py")
    return found


def needs(number):
    """All parts that a program needs."""
    known, waiting = set(), [PROGRAMS[number]]
    while waiting:
        for part in imports(waiting.pop()) - known:
            known.add(part)
            waiting += (
                (EXAMPLES / "helpers" / part).glob("*.py") if part.endswith("/") else [EXAMPLES / "helpers" / part]
            )
    return known


def test_every_program_and_part_is_named_and_every_name_exists():
    assert set(re.findall(r"`(\d\d_\w+\.py)`", TEXT)) == {path.name for path in PROGRAMS.values()}
    helpers = [path for path in (EXAMPLES / "helpers").iterdir() if not path.name.startswith("__")]
    assert set(PARTS) == {f"{path.name}/" if path.is_dir() else path.name for path in helpers}


def test_a_part_is_used_by_the_programs_that_the_table_names():
    for part, users in PARTS.items():
        wanted = set(PROGRAMS) if users == "all" else set(users.split(", "))
        assert {number for number in PROGRAMS if part in needs(number)} == wanted, part


def test_the_pictures_in_the_tables_are_drawn():
    rows = [row for row in ROWS if len(row) == 4 and re.match(r"`\d\d_", row[1])]
    assert len(rows) >= 14
    sources = "".join(path.read_text(encoding="utf-8") for path in EXAMPLES.rglob("*.py"))
    for _, _, pictures, _ in rows:
        names = re.findall(r"`(\w+)`", pictures)
        assert any(f"{name}.png" in sources for name in names)
        assert {name for name in names if f"{name}.png" not in sources} <= {"it"}  # a word of the sentence
