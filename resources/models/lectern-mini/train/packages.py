"""The Debian packages whose text Mini learns from, and those it is only ever tested on.

    python3 packages.py DATA     # downloads and unpacks them to DATA/src/PACKAGE
"""
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def read_lists():
    """{"train": [name], "held out": [name]} from packages.txt"""
    lists, current = {}, None
    for line in (HERE / "packages.txt").read_text().splitlines():
        if line.startswith("["):
            current = lists.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            current += line.split()
    return lists


def licences(folder, package):
    """Short names from the package's machine-readable copyright file, or []."""
    path = folder / "usr/share/doc" / package / "copyright"
    if not path.is_file():
        return []
    found = []
    for line in path.read_text(errors="replace").splitlines():
        name = line.removeprefix("License:").strip()
        if line.startswith("License:") and 0 < len(name) < 40 and name not in found:
            found.append(name)
    return found


def _unpack(archive, folder):
    """Also the source archives that some packages consist of."""
    part = folder.with_suffix(".part")
    part.mkdir(parents=True, exist_ok=True)
    subprocess.run(["dpkg", "-x", archive, part], check=True)
    for inner in part.glob("usr/src/**/*.tar.*"):
        subprocess.run(["tar", "-xf", inner, "-C", inner.parent], check=True)
    part.rename(folder)


def main():
    data = Path(sys.argv[1])
    (data / "deb").mkdir(parents=True, exist_ok=True)
    for name in sum(read_lists().values(), []):
        folder = data / "src" / name
        if folder.exists():
            continue
        archives = sorted((data / "deb").glob(f"{name}_*.deb"))
        if not archives:
            subprocess.run(["apt-get", "download", name], cwd=data / "deb", check=True)
            archives = sorted((data / "deb").glob(f"{name}_*.deb"))
        _unpack(archives[-1], folder)
        print(name, flush=True)


if __name__ == "__main__":
    main()
