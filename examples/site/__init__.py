"""Pages one plays with: `python -m examples.site` writes them to out/site/, each a file that needs no server.

digit.html, .js    draw a digit, and watch the lecture's network read it and learn
network.js         a network of layers on the tape of the engine's page, and its training; worker.js trains in the background
paper.js charts.js site.css    what the pages share: paper to draw on, curves, bars, circles
"""
