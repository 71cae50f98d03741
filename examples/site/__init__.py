"""Pages one plays with: `python -m examples.site` writes them to out/site/.

Those that run Python (see examples/tab) need a server; each of the others is a file that opens from a disk, too.

pages.py           what each page is given, and its file; pages.toml names them all
index.html, .js    the first page: paper for a digit, cards, and cells
course.*           63 exercises: editor.js shows a file, learner.js keeps what one writes
python.js          Python in a worker, python_worker.js; loading.js tells how much has come, offline.js keeps it
on_python.py       what such a page loads: the project as an archive, and what pinned.txt names, by pinned.py
digit.*            draw a digit, and watch the lecture's network read it and learn; paper.js is drawn on
play.*             points in the plane, and a network that one builds; points.js, plane.js, tries.js are its parts
session.js         a training in a worker, worker.js, that one starts, pauses and follows
names.*            a GPT that learns names, in the Python of python_worker.js
text.*             type a text, and watch a small GPT read it: gpt.js, of tokens by bpe.js, in gpt_worker.js
texts.toml         texts to try there
claims.*           how sure we are of each claim of the lecture
cells.*            cells that one edits and runs: the notebooks (notebook.py), index.html's first lines of the README
plain.*            a page of text: the cheat sheet (cheat_sheet.py), and what cells stand in
steps.py           the pages to step through; the first begins with neuron.html, .js: a neuron to drag
network.js         a network of layers, forward and backward, and its training
circles.js         the network that reads digits, as circles that one chooses
cross.js           a cross that keys move, to draw and to put points
charts.js site.css what they share: curves, bars, colours, style
"""
