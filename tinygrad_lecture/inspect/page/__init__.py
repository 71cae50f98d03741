"""Pages: one HTML file that shows a computation step by step, a profile or a training run, and needs no network.

page.py       `tl.page`: a computation as a page; one file made of page.html, the styles, the scripts and the data
views.py      what is drawn: which module each value stands in, the boxes of each module, their layout, and words for
              values in them
steps.js      which step one is at, in which view; graph.js, panel.js and table.js show it, main.js hears the keys
numbers.js    what all share, with arrays.js, elements.js, keys.js and theme.js; each script names those that it needs
tape.js       backpropagation once more, in the browser; live.js and worked.js use it when a number is changed
"""
