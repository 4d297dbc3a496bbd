"""Upstream tarballs of Debian's source packages, for projects whose sdists have no tests."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def _output(*command: str, cwd: str | Path | None = None) -> str:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True).stdout


def _options(folder: Path) -> list[str]:
    """apt with lists and sources of its own: those of the machine stay as they are."""
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    options = {"Dir::Etc::SourceList": folder / "sources.list", "Dir::Etc::SourceParts": "/dev/null",
               "Dir::State::Lists": folder / "lists", "Dir::Cache": folder / "cache",
               "APT::Sandbox::User": "root" if os.geteuid() == 0 else ""}
    return [part for name, value in options.items() for part in ("-o", f"{name}={value}")]


def fetch_upstream(package: str, version: str, archive: Path) -> None:
    """Writes archive from the mirrors that apt is configured for. RuntimeError where they do not have that version."""
    signed = f"[signed-by={KEYS}] " if KEYS.exists() else ""
    with tempfile.TemporaryDirectory(prefix="comb-real-") as scratch:
        folder, out = Path(scratch), Path(scratch, "out")
        out.mkdir()
        try:
            places = _output("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)",
                             "Created-By: Packages", "Origin: Debian").splitlines()
            lines = [f"deb-src {signed}{place}\n" for place in dict.fromkeys(places)]
            (folder / "sources.list").write_text("".join(lines), encoding="utf-8")
            options = _options(folder)
            _output("apt-get", *options, "update")
            _output("apt-get", *options, "source", "--download-only", "--tar-only", "--only-source", f"{package}={version}", cwd=out)
            (found,) = out.glob("*.orig.tar.*")
        except (OSError, subprocess.CalledProcessError, ValueError) as error:
            why = (getattr(error, "stderr", None) or str(error)).strip()
            raise RuntimeError(f"Debian's source package {package} {version} is not where apt looks here\n{why}") from error
        archive.write_bytes(found.read_bytes())
