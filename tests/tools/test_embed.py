"""tools/embed: what it writes compiles, and is the file byte for byte."""

import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

HEADER = """#include <stddef.h>
struct tide_embedded_file {
    const char *name;
    const char *text;
    size_t size;
};
extern const struct tide_embedded_file table[];
"""
MAIN = """#include "table.h"
#include <stdio.h>
int main(void)
{
    for (const struct tide_embedded_file *file = table; file->name != NULL; file++) {
        printf("%s %zu %d\\n", file->name, file->size, file->text[file->size]);
        fwrite(file->text, 1, file->size, stdout);
    }
}
"""


@pytest.mark.parametrize("endings", [[], ["--endings"]])
def test_round_trip(tmp_path, endings):
    contents = {"all.yaml": bytes(range(256)), "empty.yaml": b"", "text.yaml": b'a: "\\n"\n'}
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "table.h").write_text(HEADER)
    (tmp_path / "main.c").write_text(MAIN)
    embed = [ROOT / "tools/embed", "--include", "table.h", "--array", "table", *endings, "table.c"]
    subprocess.run([*embed, *contents], cwd=tmp_path, check=True)
    compiler = ["gcc", "-std=c17", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
    subprocess.run([*compiler, "table.c", "main.c", "-o", "main"], cwd=tmp_path, check=True)
    output = subprocess.run([tmp_path / "main"], check=True, stdout=subprocess.PIPE).stdout
    assert output == b"".join(
        f"{name if endings else pathlib.Path(name).stem} {len(data)} 0\n".encode() + data
        for name, data in contents.items()
    )
