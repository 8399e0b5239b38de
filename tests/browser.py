"""Chromium for tests of pages, and axe-core's check of their contrast."""

CHROMIUM = "/usr/bin/chromium"
OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def contrast_violations(page):
    """Return the texts of a page that axe-core finds too faint, and the reasons."""
    from axe_playwright_python.sync_playwright import Axe

    only = {"runOnly": ["color-contrast"]}
    found = Axe().run(page, options=only).response["violations"]
    return [
        (node["html"], node["failureSummary"]) for one in found for node in one["nodes"]
    ]
