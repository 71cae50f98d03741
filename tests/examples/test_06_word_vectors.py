"""Word vectors: the made corpus, the pairs, what directions come out, files in GloVe's format, the pictures."""

import sys
from collections import Counter
from itertools import combinations, pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lecture as tl
from helpers import made_corpus
from helpers.lecture import DataError, new_figure
from helpers.word_vectors import LINES, WordVectors, read, save
from programs import help_of, load, refusal_of

program = load("06_word_vectors")
PICTURES = {"analogy.png", "directions.png", "cosines.png"}
SMALL = ["--sentences", "4000", "--dim", "24", "--epochs", "2", "--rate", "0.02", "--batch", "512"]


@pytest.fixture
def run(tmp_path, capsys):
    """run("--near", "king") runs the program on a smaller corpus and returns what it printed."""

    def call(*arguments):
        program.main(
            [*(() if "--vectors" in arguments else SMALL), *map(str, arguments), "--out", str(tmp_path / "out")]
        )
        return capsys.readouterr().out

    return call


@pytest.fixture
def undrawn(run, monkeypatch):
    """run, but without the time that pictures take."""
    monkeypatch.setattr(program, "save", lambda figure, path: None)
    for name in ("draw_analogy", "draw_directions", "draw_cosines"):
        monkeypatch.setattr(program, name, lambda *given: None)
    return run


@pytest.fixture
def file(tmp_path):
    """file("a 1 2\\n") writes a file and returns its path."""

    def call(content):
        path = tmp_path / "vectors.txt"
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return path

    return call


# --- the program --------------------------------------------------------------------------------------------


def test_directions_come_out_of_the_made_corpus_and_are_drawn(run, tmp_path):
    text = run("--sentences", 8000, "--epochs", 3)
    for name in ("gender", "plural", "capital"):
        (line,) = [line for line in text.split("\n") if line.startswith(f"  {name} ")]
        right, parallel = float(line.split()[4].rstrip("%")), float(line.split()[6])
        assert right > 80, line
        assert parallel > 0.6, line
    assert "king - man + woman           queen" in text
    assert {path.name for path in (tmp_path / "out").iterdir()} == PICTURES | {"vectors.txt"}
    for picture in PICTURES:
        assert str(tmp_path / "out" / picture) in text
        assert (tmp_path / "out" / picture).read_bytes().startswith(b"\x89PNG")
    text.encode("cp1252")  # what a Windows console may have


def test_what_was_trained_is_saved_and_read_again(undrawn, tmp_path):
    trained = undrawn()
    asked = trained[trained.index("Nearest by cosine") :]
    assert undrawn("--vectors", tmp_path / "out" / "vectors.txt").endswith(asked)


def test_same_seed_same_vectors(undrawn, tmp_path):
    def vectors(seed):
        undrawn("--sentences", 2000, "--epochs", 1, "--seed", seed)
        return (tmp_path / "out" / "vectors.txt").read_bytes()

    assert vectors(3) == vectors(3) != vectors(4)


def test_questions_of_ones_own(undrawn):
    text = undrawn("--analogy", "dogs", "dog", "horse", "--analogy", "rome", "italy", "spain", "--near", "waiter")
    assert text.count("\n  waiter ") == 1
    assert "dogs - dog + horse           horses" in text
    assert "rome - italy + spain         madrid" in text
    assert "king - man" not in text


def test_a_word_without_a_vector_is_told_before_training(undrawn, capsys):
    with pytest.raises(SystemExit, match="there is no vector for 'Kaiser', 'pope'"):
        undrawn("--near", "king", "Kaiser", "pope")
    assert "epoch" not in capsys.readouterr().out


def test_a_file_with_few_words_leaves_out_what_cannot_be_asked(run, file, tmp_path):
    text = run("--vectors", file("man 1 0\nking 1 1\nhouse 0 -1\n"))
    assert "3 words, 2 numbers each" in text
    assert "Too few words" in text
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"cosines.png"}
    text = run("--vectors", file("man 1 0 0\nwoman 0 1 0\nking 1 0 1\nqueen 0 1 1\nif 1 1 1\n"))
    assert "king - man + woman           queen 0.96" in text
    assert "gender         2       2        2 100.0%" in text
    assert "Not asked: 22 pairs" in text
    assert {path.name for path in (tmp_path / "out").iterdir()} == PICTURES


def test_pictures_of_an_earlier_run_are_told(run, file, tmp_path):
    (tmp_path / "out").mkdir()
    for picture in PICTURES:
        (tmp_path / "out" / picture).touch()
    text = run("--vectors", file("some 1 0\nother 1 1\n"))
    assert "No pictures: the words that would be drawn are not in the vocabulary." in text
    assert "Pictures:" not in text
    assert all(f"{tmp_path / 'out' / picture} is from an earlier run." in text for picture in PICTURES)
    text = run("--vectors", file("man 1 0\nking 1 1\nhouse 0 -1\n"))
    assert "cosines.png is from" not in text
    assert "analogy.png is from" in text


def test_any_words_can_be_drawn_as_they_are(run, file, tmp_path):
    a, b = r"$\a$", "银行"
    run("--vectors", file(f"{a} 1 0\n{b} 0 1\nc 1 1\n{a}{b} 1 2\n"), "--analogy", a, b, "c")
    assert (tmp_path / "out" / "analogy.png").exists()


@pytest.mark.parametrize("analogy", [("king", "king", "king"), ("king", "man", "man")])
def test_a_question_without_a_plane_can_be_drawn(run, file, analogy):
    run("--vectors", file("man 1 0 0\nwoman 0 1 0\nking 1 0 1\nqueen 0 1 1\n"), "--analogy", *analogy)


def test_ctrl_c_keeps_what_was_learnt(undrawn, monkeypatch, tmp_path):
    def fit(trainer):
        trainer.history.interrupted = True
        return trainer.history

    monkeypatch.setattr(program.nn.Trainer, "fit", fit)
    assert "Ended by Ctrl-C" in undrawn()
    assert (tmp_path / "out" / "vectors.txt").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--limit", "10"], "--limit: without effect without --vectors"),
        (["--vectors", "f.txt", "--epochs", "3", "--dim", "8"], "--dim, --epochs: without effect with --vectors"),
        (["--analogy", "king", "man"], "expected 3 arguments"),
        (["--dim", "1"], "'1' is not a whole number from 2 up"),
    ],
)
def test_bad_options_are_refused(capsys, arguments, message):
    assert message in refusal_of(program, arguments, capsys)


def test_a_damaged_file_ends_in_a_line(run, file):
    with pytest.raises(SystemExit, match=r"06_word_vectors\.py: .*vectors\.txt, line 2: wanted a word and 2 numbers"):
        run("--vectors", file("a 1 2\nb 1\n"))
    with pytest.raises(SystemExit, match=r"06_word_vectors\.py: .*nowhere"):
        run("--vectors", "nowhere.txt")


def test_help_says_what_it_shows(capsys):
    text = help_of(program, capsys)
    for word in (*PICTURES, "king - man + woman", "--vectors", "out/word_vectors"):
        assert word in text


def test_without_matplotlib_it_says_what_to_install_before_training(run, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(SystemExit, match=r'need matplotlib: pip install "\.\[examples\]"'):
        run()
    assert not capsys.readouterr().out


# --- corpus, pairs, model -----------------------------------------------------------------------------------


def test_the_corpus_has_all_words_of_the_analogies_and_its_articles_fit():
    sentences = made_corpus.make(8000, Random(0))
    assert len(sentences) == 8000
    assert sentences == made_corpus.make(8000, Random(0)) != made_corpus.make(8000, Random(1))
    words = Counter(word for sentence in sentences for word in sentence)
    for pairs in program.RELATIONS.values():
        assert all(words[a] and words[b] for a, b in pairs)
    several = {many for _, many in made_corpus.PLURAL}
    after = Counter((a, b in several) for sentence in sentences for a, b in pairwise(sentence))
    assert not any(after[article, True] for article in made_corpus.ONE)
    assert all(after[article, True] for article in made_corpus.SEVERAL)


def test_no_sentence_has_a_male_word_and_a_female_one():
    male, female = ({pair[k] for pair in made_corpus.GENDER} for k in (0, 1))
    for sentence in made_corpus.make(3000, Random(2)):
        assert not (male & {*sentence} and female & {*sentence})
        assert not (male & {*sentence} and "she" in sentence)


def test_pairs_lie_within_the_window_and_negatives_are_drawn_by_frequency():
    tl.manual_seed(0)
    pairs = program.Pairs([[0, 1, 2, 3], [3]], words=5, window=2, negatives=20_000)
    found = sorted(zip(pairs.middle.tolist(), pairs.beside.tolist(), strict=True))
    assert found == [(0, 1), (0, 2), (1, 0), (1, 2), (1, 3), (2, 0), (2, 1), (2, 3), (3, 1), (3, 2)]
    middle, beside, targets = pairs[np.array([2, 4])]
    assert middle.tolist() == pairs.middle[[2, 4]].tolist()
    assert beside[:, 0].tolist() == pairs.beside[[2, 4]].tolist()
    assert targets[:, 0].tolist() == [1, 1] and targets.sum().item() == 2
    often = np.array([2, 3, 3, 2, 0]) ** 0.75
    drawn = np.bincount(beside[:, 1:].numpy().ravel(), minlength=5)
    np.testing.assert_allclose(drawn / drawn.sum(), often / often.sum(), atol=0.01)


def test_the_model_scores_by_the_product_of_two_vectors():
    model = program.SkipGram(5, 3)
    with tl.no_grad():
        model.beside.weight.copy_(tl.randn(5, 3))
    u, v = model.middle.weight.detach().numpy(), model.beside.weight.detach().numpy()
    scores = model(tl.tensor([1, 4]), tl.tensor([[0, 2, 3], [4, 4, 1]])).detach().numpy()
    np.testing.assert_allclose(scores, [v[[0, 2, 3]] @ u[1], v[[4, 4, 1]] @ u[4]], rtol=1e-5)


# --- asking vectors -----------------------------------------------------------------------------------------


def test_near_is_by_cosine_and_best_first():
    vectors = WordVectors(["a", "b", "c", "d"], np.array([[2.0, 0], [3, 3], [0, 0.1], [-1, 0]]))
    assert [word for word, _ in vectors.near(np.array([5.0, 1]), 4)] == ["a", "b", "c", "d"]
    assert vectors.near(np.array([1.0, 1]), 1) == [("b", pytest.approx(1))]
    assert vectors.near(np.array([1.0, 1]), 9, without=["b", "d"]) == [
        ("a", pytest.approx(0.5**0.5)),
        ("c", pytest.approx(0.5**0.5)),
    ]


def test_a_vector_of_zeros_is_near_to_nothing():
    vectors = WordVectors(["a", "none"], np.array([[1.0, 0], [0, 0]]))
    assert vectors.near(vectors["a"], 2) == [("a", 1.0), ("none", 0.0)]


def test_the_first_of_equal_words_counts():
    vectors = WordVectors(["b", "a", "a", "c", "b"], np.array([[0.0, 1], [2, 0], [0, -1], [-1, 0], [1, 1]]))
    assert vectors["a"].tolist() == [1, 0]
    assert len(vectors) == 3
    assert vectors.near(vectors["a"], 5) == [("a", 1), ("b", 0), ("c", -1)]


def test_analogies_answer_with_the_nearest_word_and_by_default_none_of_the_question():
    rows = np.random.default_rng(0).normal(size=(300, 10))
    vectors = WordVectors([f"w{i}" for i in range(300)], rows)
    questions = [(f"w{i}", f"w{i + 1}", f"w{i + 2}") for i in range(0, 200, 2)]
    for own_words in (False, True):
        for (a, b, c), answer in zip(questions, vectors.solve(questions, own_words), strict=True):
            target = vectors[b] - vectors[a] + vectors[c]
            assert vectors.near(target, 1, () if own_words else (a, b, c))[0][0] == answer
    assert vectors.solve([]) == []


def test_a_relation_is_scored_by_every_two_of_its_pairs():
    vectors = WordVectors(
        ["a", "A", "b", "B", "x"], np.array([[1, 0, 0], [1, 0, 1], [0, 1, 0], [0, 1, 1], [1, 1, 0.0]])
    )
    score = program.scored(vectors, "large", [("a", "A"), ("b", "B"), ("c", "C")])
    assert (score.asked, score.right, score.missing) == (2, 2, 1)
    difference = [vectors["A"] - vectors["a"], vectors["B"] - vectors["b"]]
    cosine = difference[0] @ difference[1] / np.prod([np.linalg.norm(d) for d in difference])
    assert score.parallel == pytest.approx(cosine)


def test_principal_axes_are_those_of_the_covariance():
    rows = np.random.default_rng(0).normal(size=(40, 5)) * [5, 1, 3, 1, 1] + 7
    places, share = program.principal_axes(rows)
    variances = np.linalg.eigvalsh(np.cov(rows.T))[::-1]
    np.testing.assert_allclose(np.cov(places.T), np.diag(variances[:2]), atol=1e-9)
    assert share == pytest.approx(variances[:2].sum() / variances.sum())


# --- files --------------------------------------------------------------------------------------------------

words = st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=8)


@given(st.data(), st.lists(words, min_size=1, max_size=8, unique=True), st.integers(2, 5))
def test_what_is_saved_is_read(tmp_path_factory, data, words, dim):
    numbers = st.floats(-1e6, 1e6, width=32, allow_subnormal=False)
    rows = np.array([data.draw(st.lists(numbers, min_size=dim, max_size=dim)) for _ in words], np.float32)
    path = tmp_path_factory.mktemp("vectors") / "vectors.txt"
    save(path, words, rows)
    found = read(path)
    assert found.words == words
    np.testing.assert_allclose(found.rows, WordVectors(words, rows).rows, atol=1e-4)


def test_a_first_line_as_of_word2vec_words_with_spaces_and_windows_line_ends(file):
    found = read(file("3 2\r\nthe 1 0\r\n. . . 0 -1e-1\r\nat name@domain.com 0.6 .8"))
    assert found.words == ["the", ". . .", "at name@domain.com"]
    np.testing.assert_allclose(found.rows, [[1, 0], [0, -1], [0.6, 0.8]], rtol=1e-6)


def test_a_byte_order_mark_is_no_part_of_the_first_word(file):
    assert read(file("\ufeffthe 1 2\nof 3 4\n")).words == ["the", "of"]
    assert read(file("\ufeff2 2\nthe 1 2\nof 3 4\n")).words == ["the", "of"]


def test_a_limit_reads_the_first_words_only(file):
    found = read(file("a 1 2\nb 3 4\nc damaged\n"), limit=2)
    assert found.words == ["a", "b"]


def test_files_longer_than_what_is_parsed_at_a_time(file):
    rows = np.random.default_rng(0).normal(size=(2 * LINES + 7, 2)).astype(np.float32)
    lines = [f"w{i} {x} {y}" for i, (x, y) in enumerate(rows)]
    found = read(file("\n".join(lines)))
    assert len(found) == len(rows)
    np.testing.assert_allclose(found.rows, rows / np.linalg.norm(rows, axis=1, keepdims=True), rtol=1e-5)
    lines[LINES + 3] = "word 1 2,5"
    with pytest.raises(
        DataError, match=rf"line {LINES + 4}: wanted 2 numbers after the word, but '2,5' is not a finite number"
    ):
        read(file("\n".join(lines)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty; it should have a word and its numbers in each line"),
        ("3 2\n", "is empty"),
        ("word\n", "line 1: wanted a word and its numbers, found 'word'"),
        ("a 1 2\nb 1\n", "line 2: wanted a word and 2 numbers, found 1 after the word: 'b 1'"),
        ("a 1 2\n\nb 1 2\n", "line 2: wanted a word and 2 numbers, found"),
        ("a 1 2\nb 1 2 3\n", "line 2: wanted a word and 2 numbers, found 3 after the word: 'b 1 2 3'"),
        ("a 1 2\nb 1 x\nc 1 2\n", "line 2: wanted 2 numbers after the word, but 'x' is not a finite number"),
        ("a 1 2\nb 1 nan\n", "line 2: wanted 2 numbers after the word, but 'nan' is not a finite number"),
        ("a 1 2\nb 1 1e99\n", "line 2: wanted 2 numbers after the word"),
        (b"a 1 2\n\xff\xfe 1 2\n", r"line 2: the word is not UTF-8 but .*; is this a text file\?"),
        (b"PK\x03\x04\x14 1 2\n", "is a zip archive; unpack it"),
    ],
)
def test_a_damaged_file_is_refused_with_the_line(file, content, message):
    with pytest.raises(DataError, match=message):
        read(file(content))


def test_a_file_that_is_not_there_ends_the_program_in_a_line(undrawn, tmp_path):
    with pytest.raises(
        SystemExit, match=r"cannot read .*nosuch: .+; name a text file in GloVe's format with --vectors$"
    ):
        undrawn("--vectors", tmp_path / "nosuch")


def test_a_folder_is_no_file():
    with pytest.raises(IsADirectoryError if sys.platform != "win32" else PermissionError):
        read(Path(__file__).parent)


def test_no_name_of_a_point_lies_on_another():
    figure = new_figure(8, 7)
    axes = figure.subplots()
    places = {f"word{i}": np.array([i % 2, 0.01 * i]) for i in range(6)} | {"far": np.array([0.5, 1.0])}
    axes.plot(*np.array([*places.values()]).T, "o")
    axes.margins(0.12)
    program.label_points(axes, places, [("word0", "far")])
    figure.draw_without_rendering()
    from matplotlib.text import Text

    boxes = [Text.get_window_extent(text) for text in axes.texts]  # without their lines
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
