"""`make grafana-types`: check all dashboards with the types of Grafana's own package."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from dashboards.catalogue import FOLDER, files
from tests.support import REPOSITORY

BUILD = REPOSITORY / "build" / "grafana-types"
VERSIONS = {"@grafana/schema": "11.6.0", "typescript": "5.7.3"}
"""Exact ones. The first one is the Grafana for which the dashboards are."""

OPTIONS = {
    "strict": True,
    "noEmit": True,
    "module": "esnext",
    "moduleResolution": "bundler",
    "target": "es2022",
    # Of the packages themselves.
    "skipLibCheck": True,
}


def main() -> int:
    """Check all dashboards; return the exit status."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        print("make grafana-types needs node and npm", file=sys.stderr)
        return 1
    shutil.rmtree(BUILD, ignore_errors=True)
    BUILD.mkdir(parents=True)
    package = {"private": True, "type": "module", "devDependencies": VERSIONS}
    (BUILD / "package.json").write_text(json.dumps(package))
    (BUILD / "tsconfig.json").write_text(json.dumps({"compilerOptions": OPTIONS}))
    shutil.copy(Path(__file__).parent / "dashboard.ts", BUILD)
    for path, text in files().items():
        name = "-".join(path.relative_to(FOLDER).with_suffix("").parts)
        (BUILD / f"{name}.ts").write_text(_typed(text))
        # Each must be refused with an unknown value, or the types check nothing.
        wrong = json.dumps(json.loads(text)).replace('"colorMode": "', '"colorMode": "un')
        (BUILD / f"{name}-wrong.ts").write_text(_typed(wrong, "// @ts-expect-error\n"))
    install = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts"]
    subprocess.run(install, cwd=BUILD, check=True, timeout=600)
    compiler = BUILD / "node_modules" / "typescript" / "bin" / "tsc"
    done = subprocess.run([node, compiler, "--project", BUILD], check=False, timeout=600)
    print(f"{len(files())} dashboards: {'refused' if done.returncode else 'accepted'}")
    return done.returncode


def _typed(text: str, mark: str = "") -> str:
    """Return a module with a dashboard."""
    # An object literal, so that the compiler also refuses keys that the types do not have.
    literal = f"{mark}export const page: Dashboard = {text.rstrip()};\n"
    return f'import type {{ Dashboard }} from "./dashboard";\n{literal}'


if __name__ == "__main__":
    sys.exit(main())
