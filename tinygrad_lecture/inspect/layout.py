"""Layered graph drawing: where the boxes go, with few crossing arrows and neighbours above one another.

The usual three steps (Sugiyama et al., 1981): assign each box a layer below all its predecessors; order each layer so
that boxes are near their neighbours in the layers above and below; move boxes sideways towards those neighbours without
overlap. An arrow across several layers gets a lane of its own in each, so it runs around boxes, not through them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

Point: TypeAlias = tuple[float, float]

LANE = 0.25  # width reserved for an arrow that passes through a layer


@dataclass(eq=False)
class _Place:
    width: float
    height: float
    layer: int
    x: float = 0.0
    order: int = 0
    above: list[_Place] = field(default_factory=list)
    below: list[_Place] = field(default_factory=list)


@dataclass(frozen=True)
class Layout:
    """The positions of boxes and arrows. x runs from 0 to `width`, y from 0 at the bottom to `height`.

    centres: of the boxes.  bands: the top and bottom of each box's layer.  paths: per arrow, the points it passes
    between the layers of its two boxes.
    """

    centres: list[Point]
    bands: list[tuple[float, float]]
    paths: list[list[Point]]
    width: float
    height: float


def layered(sizes: Sequence[Point], arrows: Sequence[tuple[int, int]], gap: float = 0.3, rise: float = 0.5) -> Layout:
    """The layout of boxes of given (width, height), connected by arrows (from, to), each with from < to.

    gap: the smallest distance between boxes side by side.  rise: the distance between layers.
    """
    boxes = [_Place(*size, layer) for size, layer in zip(sizes, _layers(len(sizes), arrows), strict=True)]
    places = list(boxes)
    ways = []
    for start, end in arrows:
        way = [boxes[start]]
        for layer in range(boxes[start].layer + 1, boxes[end].layer):
            way.append(_Place(LANE, 0.0, layer))
            places.append(way[-1])
        way.append(boxes[end])
        for upper, lower in pairwise(way):
            upper.below.append(lower)
            lower.above.append(upper)
        ways.append(way)

    layers: list[list[_Place]] = [[] for _ in range(1 + max((place.layer for place in places), default=-1))]
    for place in places:
        layers[place.layer].append(place)
    layers = _untangled(layers)
    _settle(layers, gap)

    left = min((place.x - place.width / 2 for place in places), default=0.0)
    width = max((place.x + place.width / 2 for place in places), default=0.0) - left
    heights = [max(place.height for place in layer) for layer in layers]
    height = sum(heights) + rise * max(len(layers) - 1, 0)
    bands, top = [], height
    for h in heights:
        bands.append((top, top - h))
        top -= h + rise
    return Layout(
        centres=[(box.x - left, sum(bands[box.layer]) / 2) for box in boxes],
        bands=[bands[box.layer] for box in boxes],
        paths=[[(lane.x - left, y) for lane in way[1:-1] for y in bands[lane.layer]] for way in ways],
        width=width,
        height=height,
    )


def _layers(n: int, arrows: Sequence[tuple[int, int]]) -> list[int]:
    """The layer of each box: right below its predecessors, then moved down to its successors if that lengthens no more
    arrows than it shortens."""
    before: list[list[int]] = [[] for _ in range(n)]
    after: list[list[int]] = [[] for _ in range(n)]
    for start, end in arrows:
        before[end].append(start)
        after[start].append(end)
    layer = [0] * n
    for box in range(n):
        layer[box] = max((layer[start] + 1 for start in before[box]), default=0)
    for box in reversed(range(n)):
        if after[box] and len(before[box]) <= len(after[box]):
            layer[box] = min(layer[end] for end in after[box]) - 1
    return layer


# --- the order within layers --------------------------------------------------------------------------------


def _untangled(layers: list[list[_Place]], sweeps: int = 12) -> list[list[_Place]]:
    """The layers with the fewest crossings: sort each by its neighbours' mean order, sweeping down and up in turn."""
    best, fewest = layers, _crossings(layers)
    for sweep in range(sweeps):
        down = sweep % 2 == 0
        for layer in layers if down else reversed(layers):
            wish = {p: _mean([q.order for q in (p.above if down else p.below)], p.order) for p in layer}
            layer.sort(key=wish.__getitem__)
            _number(layer)
        crossings = _crossings(layers)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    return best


def _crossings(layers: list[list[_Place]]) -> int:
    """The number of pairs of arrows that cross."""
    for layer in layers:
        _number(layer)
    count = 0
    for layer in layers:
        ends = [q.order for place in layer for q in sorted(place.below, key=lambda q: q.order)]
        count += sum(a > b for i, a in enumerate(ends) for b in ends[i + 1 :])
    return count


def _number(layer: list[_Place]) -> None:
    for order, place in enumerate(layer):
        place.order = order


# --- the coordinates ----------------------------------------------------------------------------------------


def _settle(layers: list[list[_Place]], gap: float, rounds: int = 20) -> None:
    """Set x of every place: near the mean of its neighbours above and below, without overlap within a layer."""
    for layer in layers:
        _spread(layer, [0.0] * len(layer), gap)
    for turn in range(rounds):
        down = turn % 2 == 0
        for layer in layers if down else reversed(layers):
            wishes = []
            for place in layer:
                towards = (place.above if down else place.below) or place.above + place.below
                wishes.append(_mean([q.x for q in towards], place.x))
            _spread(layer, wishes, gap)


def _spread(layer: list[_Place], wishes: Sequence[float], gap: float) -> None:
    """Set x of a layer's places as near to their wishes as their order and the gaps allow, in least squares.

    Places that would touch form a block, placed at the mean of its members' wishes.
    """
    blocks: list[tuple[float, list[float]]] = []  # (the block's wished start, its members' offsets)
    offset = 0.0
    for i, (place, wish) in enumerate(zip(layer, wishes, strict=True)):
        if i:
            offset += (layer[i - 1].width + place.width) / 2 + gap
        start, members = wish - offset, [offset]
        while blocks and blocks[-1][0] > start:
            before, others = blocks.pop()
            start = (before * len(others) + start * len(members)) / (len(others) + len(members))
            members = others + members
        blocks.append((start, members))
    xs = [start + offset for start, members in blocks for offset in members]
    for place, x in zip(layer, xs, strict=True):
        place.x = x


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
