"""Links from panels to the documents that explain their numbers."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard

# The same place as the runbooks of the alerts.
BASE = "https://xivo-exporter.example.com/docs/"


def explained(place: str) -> build.DashboardLink:
    """Return a link to a page of the documents, or to a section of it."""
    return (
        build.DashboardLink("What the numbers mean")
        .type(dashboard.DashboardLinkType.LINK)
        .url(f"{BASE}{place}")
        .target_blank(target_blank=True)
    )
