"""The commands of README.md do what it says.

The block under "Thirty seconds" runs as it stands, in an empty directory, but for the port: a free
one takes the place of the default, so that two runs on one machine do not meet.
"""

import os
import pathlib
import re
import socket
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TIMEOUT_S = 300


def commands(port):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"## Thirty seconds\n.*?```sh\n(.*?)```", text, re.S).group(1)
    lines = []
    for line in block.splitlines():
        code = line.split("#")[0].rstrip()
        background = code.endswith("&")
        code = code.removesuffix("&").rstrip().replace("127.0.0.1:8080", f"127.0.0.1:{port}")
        if re.search(r"tidemark run\b", code):
            code += f" --listen 127.0.0.1:{port}"
        if re.search(r"tidemark (query|verify)\b", code):
            code += f" --server http://127.0.0.1:{port}"
        lines.append(code + (" &" if background else ""))
        if background:
            probe = f"exec 3<>/dev/tcp/127.0.0.1/{port}"
            lines.append(f"until ({probe}) 2>/dev/null; do kill -0 %1; sleep 0.05; done")
    return lines + ["wait %1"]


def test_thirty_seconds(tidemark, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "build").mkdir()
    os.symlink(tidemark, tmp_path / "build/tidemark")
    script = "set -euo pipefail\nset -m\ntrap 'kill %1 2>/dev/null || :' EXIT\n" + "\n".join(commands(port))
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    shown = f"{script}\n{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, shown
    assert '"value"' in done.stdout or "daily_active_users" in done.stdout, shown
    assert "equal" in done.stdout and "DIFFERENT" not in done.stdout, shown
    assert "stopped" in done.stderr, shown
