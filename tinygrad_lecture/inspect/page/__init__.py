"""Pages: one HTML file that shows a computation step by step, a profile or a training run, and needs no network.

write.py      `tl.page`: a computation as a page; one file made of page.html, the styles, the scripts and the data
data.py       what the page is told: values, steps, where each came from
views.py      what is drawn: which module each value stands in, the boxes of each module, and their layout
"""
