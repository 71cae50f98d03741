"""Claims over many runs: rules, verdicts by the count, ranges; and each day some of the record is measured anew."""

import json
import os
import shlex
import signal
import time
from dataclasses import replace
from datetime import date
from math import nan
from statistics import mean, stdev

import numpy as np
import pytest

from examples import claims
from examples.site import claims as page_of_claims, pages
from helpers import claims as known
from helpers.program import DataError, check

FLOODED = 0.39, 0.81, 0.63, 0.86, 0.7, 0.41, 0.5, 0.6, 0.8, 0.55
RUNS = tuple({"flooded": x, "was": 0.2} for x in FLOODED)
SEES = "`looks at` {flooded:.2f}"
BANK = known.Claim("Attention", "flooded", SEES, "07.py", "flooded > 2 * was", lecture_says=0.6, runs=RUNS)


def made(rule, runs=RUNS, **more):
    return known.Claim("Section", "a line", "", "07.py", rule, runs=runs, **more)


@pytest.mark.parametrize(("least", "result"), [
    (0.3, "10 of 10 (72% to 100%): borne out"), (0.4, "9 of 10 (60% to 98%): borne out"),
    (0.45, "8 of 10 (49% to 94%): depends on the draw"), (0.62, "5 of 10 (24% to 76%): depends on the draw"),
    (0.65, "4 of 10 (17% to 69%): not borne out"), (0.9, "0 of 10 (0% to 28%): not borne out"),
])  # fmt: skip
def test_the_verdict_follows_from_the_count(least, result):
    assert made(f"flooded > {least}").result == result


def test_what_nothing_random_enters_has_a_verdict_without_a_count():
    assert made("weights == 13_002", ({"weights": 13_002},), fact=True).result == "borne out"
    assert made("flooded > 0", arithmetic=True).result == "arithmetic"
    assert made("flooded > 0.5", arithmetic=True).result == "7 of 10 (40% to 89%): depends on the draw"
    assert made("flooded > 0", ()).result == "not measured yet"
    assert made("", ()).result == "not decided"


def test_a_row_shows_the_middle_the_least_and_the_most_and_of_few_runs_the_quartiles():
    assert BANK.seen == "`looks at` 0.60 (0.50 to 0.80)"
    assert replace(BANK, runs=2 * RUNS).seen == "`looks at` 0.60 (0.39 to 0.86)"
    assert f"{known.Range([1000, 1000]):,}" == "1,000"
    costs = known.together([{"costs": [1.0, 2.0]}, {"costs": [3.0, 2.0]}])
    assert "{costs[0]:.0f} {costs[1]:.0f}".format(**costs) == "1 (1 to 3) 2"


@pytest.mark.parametrize(("rule", "measured", "sides"), [
    ("flooded > 2 * was", {"flooded", "was"}, ["flooded", "2 * was"]),
    ("falls(costs) and len(costs) > 3", {"costs"}, ["len(costs)"]),
    ("all(a < b for a, b in pairs)", {"pairs"}, []),
    ("0.5 < share", {"share"}, ["share"]),
])  # fmt: skip
def test_what_a_rule_asks_for_and_compares(rule, measured, sides):
    claim = made(rule, ())
    assert claim.measured == measured
    assert [*claim.sides] == sides


def test_of_a_real_model_each_thing_asked_is_a_draw():
    claim = known.Claim("Section", "a line", "", "07.py --real", "lead > 0")
    runs = known.runs_of(claim, [{"lead": [1.0, -1.0, 2.0], "other": 3}])
    assert runs == ({"lead": 1.0}, {"lead": -1.0}, {"lead": 2.0})


def test_a_run_at_the_edge_says_what_the_others_gave(monkeypatch):
    monkeypatch.setattr("helpers.claims.all_claims", lambda: (known.Claim(**{**vars(BANK), "name": "bank"}),))
    assert known.elsewhere("bank", ".2f", known.Measured(flooded=0.39, was=0.2)) == "; over 10 runs 0.39 to 0.86"
    assert known.elsewhere("bank", ".2f", known.Measured(flooded=0.5, was=0.2)) == ""


def test_measured_values_are_numbers():
    assert known.plain({"a": np.array([1, 2]), "b": (np.float32(0.5), np.True_)}) == {"a": [1, 2], "b": [0.5, True]}
    measured = known.Measured(flooded=np.float64(0.5), was=1, reading=object())
    assert known.values(measured, [BANK]) == {"flooded": 0.5, "was": 1}
    with pytest.raises(TypeError, match="is no number"):
        known.plain("many")


def test_a_row_goes_on_with_section_and_program_and_one_that_is_wrong_is_named():
    first = {"section": "S", "program": "07.py", "fact": "x > 1", "sees": ""}
    one, other = known.read({"a": first, "b": {"rule": {"bank": "x > 1"}, "sees": ""}})
    assert one == known.Claim("S", "a", "", "07.py", "x > 1", fact=True)
    assert other == known.Claim("S", "b", "", "07.py", "x > 1", name="bank")
    for row in ({"rule": "flooded >"}, {"sees": "{flooded"}, {"ruel": "x > 1"}):
        with pytest.raises(ValueError, match=r"claims\.toml, the row a line: "):
            [*known.read({"a line": {"section": "S", "sees": "", **row}})]


def test_a_record_is_read_as_it_was_written():
    text = known.record_of([BANK])
    assert '{"row":"flooded","rule":"flooded > 2 * was","runs":{"flooded":[0.39,0.81,' in text
    (back,) = known.with_runs([replace(BANK, runs=())], json.loads(text))
    assert back == BANK


def test_what_is_measured_already_is_not_measured_again_and_a_failure_is_named(tmp_path):
    claims.run_all({}, 10, 1)
    with pytest.raises(DataError, match=r"99_none\.py --seed 4 ended with 1:"):
        claims.run_all({("99_none.py", 4): tmp_path / "run.json"}, 1, 1)


def test_other_seeds_are_asked_without_real_models_and_written_nowhere(tmp_path, capsys):
    check(claims.Settings())
    record = known.RECORD.read_bytes()
    claims.measure(claims.Settings(programs=("13",), out=tmp_path, from_seed=20, runs=2))
    said = capsys.readouterr().out
    assert "now:    2 of 2 (34% to 100%): borne out" in said and "--real" not in said
    assert known.RECORD.read_bytes() == record


@pytest.mark.skipif(os.name == "nt", reason="no process there can send SIGTERM")
def test_what_ends_the_command_ends_its_processes(tmp_path, monkeypatch):
    term = "import os, signal, time; os.kill(os.getppid(), signal.SIGTERM); time.sleep(300)"
    monkeypatch.setattr(claims, "ONE", term)
    start = time.monotonic()
    with pytest.raises(SystemExit):
        claims.measure(claims.Settings(programs=("13",), jobs=1, out=tmp_path))
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    assert time.monotonic() - start < 200


def test_the_page_has_each_claim_with_its_dots_and_text_is_text():
    nasty = replace(made("flooded > x", ({"flooded": nan, "x": 1},)), sees="<script>alert(1)</script>")
    page = pages.filled("claims", "claims", None, home="", **page_of_claims.parts([BANK, nasty]))
    assert page.count('class="dot"') == 2 * 9  # for both sides of the rule
    assert page.count('class="dot off"') == 2 * 2
    assert "the lecture's 0.6" in page
    assert "<script>alert" not in page


# --- the record -------------------------------------------------------------------------------------------------------


def test_the_record_has_twenty_runs_of_each_claim_with_a_draw_and_its_rule():
    assert not [c.lecture for c in known.all_claims() if drawn(c) and len(c.runs) != len(known.SEEDS)]
    names = [claim.name for claim in known.all_claims() if claim.name]
    assert len(names) == len({*names})
    rules = {c.lecture: c.rule for c in known.all_claims() if c.runs}
    assert {row["row"]: row["rule"] for row in known.recorded()["rows"]} == rules
    assert known.RECORD.stat().st_size < 300_000


def drawn(claim):
    return bool(claim.runs) and not (claim.fact or claim.asks_real)


DRAWN = sorted({c.program for c in known.all_claims() if drawn(c)})
TODAY = date.today().toordinal()


@pytest.mark.slow
@pytest.mark.parametrize("command", [DRAWN[TODAY % len(DRAWN)]])
def test_rows_measured_anew_lie_where_ten_runs_lay(command, run_once):
    """A seed of the day. Beyond 8 standard deviations, and 5% of the size, lies one of 50,000 normal draws (t, 9)."""
    name, *options = shlex.split(command)
    run = run_once(name.removesuffix(".py"), *options, "--seed", str(TODAY)).measured
    for claim in (c for c in known.all_claims() if c.program == command and drawn(c) and not c.timed):
        for side, before in claim.sides.items():
            far = 8 * stdev(before) * 1.1**0.5 + 0.05 * max(map(abs, before))
            assert abs(claim.ask(side, run) - mean(before)) <= far, f"{claim.lecture}: {side} was {before}"
