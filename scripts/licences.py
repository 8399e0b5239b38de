"""Print the licences in a software bill of materials, and which packages have them.

python scripts/licences.py build/sbom.json
"""

import collections
import json
import sys
from pathlib import Path


def main():
    (path,) = sys.argv[1:]
    components = json.loads(Path(path).read_text("utf-8"))["components"]
    by_licence = collections.defaultdict(list)
    for component in components:
        by_licence[licence(component)].append(component["name"])
    for name, packages in sorted(by_licence.items(), key=lambda item: -len(item[1])):
        print(f"{len(packages):4}  {name}: {', '.join(sorted(packages))}")
    print(f"{len(components):4}  packages")


def licence(component):
    """Return the licences of a package: SPDX names where it has them."""
    entries = component.get("licenses", [])
    names = {
        entry.get("expression")
        or entry["license"].get("id")
        or entry["license"]["name"]
        for entry in entries
    }
    # The text of a licence may be in the place of its name. Classifiers have a prefix.
    short = {name.rpartition(" :: ")[2] for name in names if len(name) < 80}
    return " AND ".join(sorted(short)) or ("see the package" if names else "not stated")


if __name__ == "__main__":
    main()
