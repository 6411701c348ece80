"""Finds datasets and columns by words in their names, descriptions, owners and tags.

Every word has to match the beginning of a word of the dataset or of the column. An index of arrays keeps it fast; the
figures are in docs/benchmarks.md.
"""

from __future__ import annotations

import difflib
import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoplake.map.graph import Dataset, Graph, Reference

NAME, TEXT = 4, 1
"""Weight of a match in a name, and in a description, owner or tag."""
_WHOLE_WORD = 2
_WORD = re.compile(r"[^\W_]+")
Scores = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Hit:
    """A dataset or column that has all words; `score` is higher for matches in names and for whole words."""

    found: Reference
    score: int


class _Words:
    """An inverted index: word -> the documents that have it, with their weights."""

    def __init__(self, documents: Iterable[tuple[int, Sequence[str], int]], count: int) -> None:
        """Index documents.

        Args:
            documents: number of the document, its words, and the weight of a match.
            count: how many documents there are.
        """
        found: dict[str, dict[int, int]] = {}
        for number, words, weight in documents:
            for word in words:
                places = found.setdefault(word, {})
                places[number] = max(places.get(number, 0), weight)
        self.words = sorted(found)
        self._count = count
        sizes = [len(found[word]) for word in self.words]
        self._starts = np.concatenate(([0], np.cumsum(sizes, dtype=np.int64)))
        self._numbers = np.fromiter((one for word in self.words for one in found[word]), np.int32, sum(sizes))
        self._weights = np.fromiter((one for word in self.words for one in found[word].values()), np.int32, sum(sizes))

    def scores(self, word: str) -> Scores:
        """The weight of the best match in each document, 0 for none."""
        best: Scores = np.zeros(self._count, np.int32)
        first = bisect_left(self.words, word)
        last = bisect_left(self.words, word + "\U0010ffff")
        if first == last:
            return best
        part = slice(int(self._starts[first]), int(self._starts[last]))
        np.maximum.at(best, self._numbers[part], self._weights[part])
        if self.words[first] == word:
            whole = slice(int(self._starts[first]), int(self._starts[first + 1]))
            np.maximum.at(best, self._numbers[whole], self._weights[whole] * _WHOLE_WORD)
        return best


class Index:
    """The index of a map. It is built once and does not change."""

    def __init__(self, datasets: Sequence[Dataset]) -> None:
        self._datasets = datasets
        self._columns = [(number, part) for number, one in enumerate(datasets) for part in one.fields]
        self._dataset_of = np.fromiter((number for number, _ in self._columns), np.int32, len(self._columns))
        self._of_datasets = _Words(
            (
                (number, _words(text), weight)
                for number, one in enumerate(datasets)
                for text, weight in ((one.id, NAME), (f"{one.description} {one.owner} {' '.join(one.tags)}", TEXT))
            ),
            len(datasets),
        )
        self._of_columns = _Words(
            (
                (number, _words(text), weight)
                for number, (_, one) in enumerate(self._columns)
                for text, weight in ((one.name, NAME), (f"{one.description} {one.data_class}", TEXT))
            ),
            len(self._columns),
        )

    def search(self, text: str, limit: int = 20) -> list[Hit]:
        """The best matches, the best first.

        Args:
            text: words; the ending `s` of a plural does not count.
            limit: hits to return at most.
        """
        words = [_stem(word) for word in _words(text)]
        if not words:
            return []
        by_dataset = [self._of_datasets.scores(word) for word in words]
        by_column = [self._of_columns.scores(word) for word in words]
        dataset_scores = _all_of(by_dataset)
        both = [np.maximum(own, of[self._dataset_of]) for own, of in zip(by_column, by_dataset, strict=True)]
        own_match = np.logical_or.reduce([scores > 0 for scores in by_column])
        column_scores = np.where(own_match, _all_of(both), 0)
        hits = [Hit(Reference(self._datasets[number]), score) for number, score in _best(dataset_scores, limit)]
        for number, score in _best(column_scores, limit):
            dataset, part = self._columns[number]
            hits.append(Hit(Reference(self._datasets[dataset], part.name), score))
        return sorted(hits, key=lambda hit: -hit.score)[:limit]

    def nearest(self, text: str) -> str:
        """The words of the map that are most similar to words that have no match; empty if there are none."""
        known = [*self._of_datasets.words, *self._of_columns.words]
        found = [difflib.get_close_matches(word, known, n=1, cutoff=0.6) for word in _words(text)]
        return " ".join(one[0] for one in found) if all(found) else ""


def index(graph: Graph) -> Index:
    """The index of a map."""
    return Index(list(graph.datasets.values()))


def as_json(hit: Hit) -> Mapping[str, object]:
    """A hit as the command prints it."""
    dataset = hit.found.dataset
    part = dataset.field(hit.found.column) if hit.found.column else None
    return {
        "name": str(hit.found),
        "kind": "column" if part else dataset.kind,
        "description": part.description if part else dataset.description,
        "owner": dataset.owner,
        "data_class": part.data_class if part else dataset.data_class,
        "score": hit.score,
    }


def _all_of(scores: Sequence[Scores]) -> Scores:
    """The sum of the scores where each word has one, else 0."""
    total: Scores = np.sum(scores, axis=0, dtype=np.int32)
    return np.where(np.logical_and.reduce([one > 0 for one in scores]), total, 0).astype(np.int32)


def _best(scores: Scores, limit: int) -> list[tuple[int, int]]:
    """Number and score of the best documents; of equal ones, the first."""
    (numbers,) = np.nonzero(scores)
    order = np.argsort(-scores[numbers], kind="stable")[:limit]
    return [(int(number), int(scores[number])) for number in numbers[order]]


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
