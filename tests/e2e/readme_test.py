"""Runs what the README shows: the tour's stages say what it quotes, and every verb it lists exists.
readme_test.py KILN SOURCE_DIR"""
import os
import re
import subprocess
import sys

KILN, SOURCE = sys.argv[1:]
EXPERIMENT = os.path.join(SOURCE, "examples/tiny/tiny.textproto")


def output(*args):
    return subprocess.run([KILN, *args], check=True, capture_output=True, text=True).stdout


def squeezed(text):
    return re.sub(r"\s+", " ", text)


def without_defaults(text):
    """As the README shortens IR: attributes that hold defaults and layer names are left out."""
    for default in ("stride=[1,1], ", ", dilation=[1,1]", ", group=1", ", epilogue=[]", ", pad=[0,0,0,0], pad_value=[0]"):
        text = text.replace(default, "")
    text = re.sub(r"pad=\[0,0,0,0\], (?=epilogue)", "", text.replace("{pad=[0,0,0,0], epilogue", "{epilogue"))
    text = re.sub(r" kernel=plain| layer=\"[^\"]*\"", "", text)
    return squeezed(text)


def main():
    readme = open(os.path.join(SOURCE, "README.md")).read()
    tour = squeezed(readme)
    experiment = open(EXPERIMENT).read()
    for line in re.findall(r"^    ((?:network|  layer|preprocess) ?\{.*)$", readme, re.M):
        assert line.strip() in experiment, f"the tour's experiment has no line {line!r}"

    quoted = [squeezed(line) for line in re.findall(r"^    (%\S+ = (?:.|\n        )*)$", readme, re.M)]
    shown = without_defaults(output("show", EXPERIMENT, "--function", "predict"))
    shown += without_defaults(output("show", EXPERIMENT, "--function", "predict", "--optimized", "--cpu", "v4"))
    ir = [line for line in quoted if "call <" not in line]
    assert len(ir) >= 6, f"the tour quotes {len(ir)} lines of IR"
    for line in ir:
        assert line in shown, f"not in `kiln show`: {line}\n{shown}"

    assert "llvm.fma.v16f32" in output("show", EXPERIMENT, "--function", "predict", "--format", "llvm", "--cpu", "v4")
    assert re.search(r"vfmadd231ps.*zmm", output("show", EXPERIMENT, "--function", "predict", "--format", "asm", "--cpu", "v4"))
    verbs = set(re.findall(r"    kiln (\w+) F", tour + readme)) | set(re.findall(r"kiln (\w+) F", readme))
    assert verbs >= {"check", "train", "test", "predict", "time", "show", "render"}, verbs
    for verb in verbs:
        output(verb, "--help")
    for script in re.findall(r"^    (scripts/\S+)", readme, re.M):
        assert os.access(os.path.join(SOURCE, script), os.X_OK), script


main()
