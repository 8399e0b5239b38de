"""The pages of explain, report and compare in Chromium: width and contrast."""

import pytest

from keras_resattn import explain
from keras_resattn.explain import comparison
from tests.browser import contrast_violations

pytestmark = pytest.mark.needs_browser


@pytest.fixture(scope="module")
def pages(model_folder, pictures, tmp_path_factory):
    """Return the paths of the pages by name."""
    out = tmp_path_factory.mktemp("pages")
    explain.write_explanations(model_folder, pictures[:2], out / "explained", html=True)
    explain.write_report(model_folder, out / "report.html", count=2)
    runs = comparison.compare_runs([model_folder, model_folder])
    comparison.write_comparison(runs, out / "compare.html", "no image")
    return {
        "explain": out / "explained" / "index.html",
        "interactive": out / "explained" / "interactive.html",
        "report": out / "report.html",
        "compare": out / "compare.html",
    }


@pytest.mark.parametrize("name", ["explain", "interactive", "report", "compare"])
@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_fits_and_its_text_has_contrast(browser, pages, name, width, scheme):
    size = {"width": width, "height": 900}
    page = browser.new_page(viewport=size, color_scheme=scheme)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(pages[name].as_uri())
    assert contrast_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert all(url.startswith(("data:", "file:")) for url in asked)
    page.close()
