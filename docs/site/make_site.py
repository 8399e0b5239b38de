"""Build the documentation site in build/site/html: `make docs`."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import command_reference
import python_reference

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
OUT = ROOT / "build" / "site"
PAGES = OUT / "pages"
# The target of a Markdown link or image on the same site, and its anchor.
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]+)(#[^)\s]*)?\)")
# A script, style sheet or image from another host.
LOADED = re.compile(r"<(?:script|img|link|iframe)\b[^>]*(?:src|href)=\"?https?:[^>]*>")
HOME = {"README.md": "index.md", "index.md": "README.md"}


def main() -> None:
    """Write the pages and the configuration, and run Zensical on them."""
    shutil.rmtree(OUT, ignore_errors=True)
    text = (HERE / "zensical.toml").read_text("utf-8")
    for page in in_navigation(tomllib.loads(text)["project"]["nav"]):
        if not page.startswith("reference/"):
            copy(ROOT / HOME.get(page, page))
    for asset in ("iframe-worker.js", "tables.css"):
        write(PAGES / "assets" / asset, (HERE / asset).read_text("utf-8"))
    modules = python_reference.pages()
    pages = {
        "commands": command_reference.commands_page(),
        "settings": command_reference.settings_page(),
        **modules,
    }
    for name, page in pages.items():
        write(PAGES / "reference" / f"{name}.md", page)
    for module in python_reference.NETWORKS:
        path = OUT / "sources" / "networks" / f"{module.replace('.', '_')}.py"
        write(path, python_reference.module_of_networks(module))
    write(OUT / "sources" / "networks" / "__init__.py", "")
    listed = "".join(f'{{ "{m}" = "reference/{m}.md" }},\n' for m in modules)
    text = re.sub(r"# The pages of the Python reference.*\n", lambda _: listed, text)
    write(OUT / "zensical.toml", text)
    zensical = Path(sys.executable).with_name("zensical")
    subprocess.run([zensical, "build", "--strict"], cwd=OUT, check=True)
    check_offline(OUT / "html")
    print(f"The site is {OUT / 'html' / 'index.html'}")


def check_offline(site: Path) -> None:
    """Raise a `ValueError` if a page loads something from another host."""
    for path in site.rglob("*.html"):
        if found := LOADED.findall(path.read_text("utf-8")):
            raise ValueError(f"{path} loads from other hosts: {found}")


def in_navigation(nav: list[Any]) -> list[str]:
    """Return the pages in the navigation."""
    found = []
    for entry in nav:
        for value in entry.values():
            found += in_navigation(value) if isinstance(value, list) else [value]
    return found


def write(path: Path, text: str) -> None:
    """Write a file and make its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def copy(path: Path) -> None:
    """Copy a page, and the files that it links to, to the same place below the pages.

    A link to a folder becomes plain text, because a site has no folders.
    """
    name = path.relative_to(ROOT).as_posix()
    target = PAGES / HOME.get(name, name)
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix != ".md":
        shutil.copyfile(path, target)
        return
    text = path.read_text("utf-8")
    target.write_text("", "utf-8")
    for place, _ in set(LINK.findall(text)):
        linked = (path.parent / place).resolve()
        if linked.is_file():
            copy(linked)
        elif linked.is_dir():
            text = re.sub(rf"\[([^]]*)\]\({re.escape(place)}\)", r"\1", text)
        else:
            raise FileNotFoundError(f"{name} links to {place}, which does not exist")
    home = r"(\]\((?:\.\./)*)README\.md([#)])"
    target.write_text(re.sub(home, r"\1index.md\2", text), "utf-8")


if __name__ == "__main__":
    main()
