"""The queries in the documents use only declared metrics, labels and label values."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.contract.test_docs import ROOT, text
from tests.promql import Queries

QUERIES = [
    (page, query)
    for page in sorted((ROOT / "docs").rglob("*.md"))
    for query in re.findall(r"^```promql\n(.+?)^```", text(page), re.MULTILINE | re.DOTALL)
]


@pytest.mark.parametrize(("page", "query"), QUERIES, ids=[page.stem for page, _ in QUERIES])
def test_a_query_in_a_document_can_have_a_result(page: Path, query: str) -> None:
    Queries().labels(query)


def test_the_page_of_calls_has_queries() -> None:
    assert sum(page.stem == "calls" for page, _ in QUERIES) >= 5
