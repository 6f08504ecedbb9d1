#!/usr/bin/env python3
"""Includes obey frontend -> ir -> passes -> codegen -> runtime, LLVM stays in codegen/*.cpp, and the runtime archive
needs none of the libraries that a standalone binary must not hold.

Usage: layering_test.py SOURCE_DIR [libkiln_runtime.a]
"""
import pathlib
import re
import subprocess
import sys

# What each folder may include, besides itself: folders, and single headers of others. Design: section 1.
ALLOWED = {
    "runtime": [],
    "products": ["runtime/"],
    "ir": ["runtime/counter_random.h", "runtime/vector_math.h"],
    # counter_random.h names the streams that initialisers draw from; the others open data, here as in the runtime
    # (docs/decisions/0007); product.h is how recipes are stated.
    "frontend": ["ir/", "runtime/check_files.h", "runtime/counter_random.h", "runtime/data_description.h", "runtime/error.h",
                 "runtime/open_data.h", "runtime/product.h"],
    "passes": ["ir/"],
    "codegen": ["ir/", "runtime/"],
}
# Headers of libraries that each folder must not see.
FOREIGN = {
    "llvm": r"^(llvm|llvm-c)/",
    "protobuf": r"^google/protobuf/|\.pb\.h$",
    "fmt": r"^fmt/",
    "nlohmann": r"^nlohmann/",
    "streams": r"^(iostream|ostream|istream|fstream|sstream|locale|iomanip)$",
    "blis": r"^blis\.h$",
}
FORBIDDEN = {
    "runtime": ["llvm", "protobuf", "fmt", "nlohmann", "streams"],
    "products": ["llvm", "protobuf", "fmt", "nlohmann", "streams", "blis"],
    "ir": ["llvm", "protobuf", "nlohmann", "blis"],
    "frontend": ["llvm", "blis"],
    "passes": ["llvm", "protobuf", "nlohmann", "blis"],
    "codegen": ["protobuf", "nlohmann", "blis"],
}
# Of undefined symbols of the runtime archive, demangled.
FORBIDDEN_SYMBOLS = re.compile(
    r"\bllvm::|\bLLVM[A-Z]|google::protobuf|\bfmt::|nlohmann|"
    r"std::(__cxx11::)?basic_[io]?f?(stream|stringstream)|std::(__cxx11::)?basic_ostringstream|"
    r"std::ios_base|std::basic_ios|std::basic_streambuf|std::c(out|err|in|log)\b|std::locale|std::ctype|std::num_(put|get)"
)

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.MULTILINE)


def includes(path):
    return [(kind == '"', name) for kind, name in INCLUDE.findall(path.read_text())]


def sources(root, folder):
    return sorted(p for p in (root / folder).rglob("*") if p.suffix in (".h", ".cpp", ".def"))


def check_folder(root, folder):
    problems = []
    files = sources(root, folder)
    if not files:
        return [f"{folder}: no source file found"]
    seen = 0
    for path in files:
        where = path.relative_to(root)
        for is_ours, name in includes(path):
            seen += 1
            top = name.split("/")[0]
            if top in ALLOWED and top != folder and not any(
                name == allowed or (allowed.endswith("/") and name.startswith(allowed)) for allowed in ALLOWED[folder]
            ):
                problems.append(f"{where}: includes {name}, which {folder}/ may not see")
            if is_ours and top in ALLOWED and not (root / name).exists() and not name.startswith("frontend/proto/"):
                if name != "ir/all_ops.h":  # generated
                    problems.append(f"{where}: includes {name}, which does not exist")
            for library in FORBIDDEN[folder]:
                if re.search(FOREIGN[library], name):
                    problems.append(f"{where}: includes {name} ({library})")
    if seen == 0:
        problems.append(f"{folder}: no include found; is this test reading what it should?")
    return problems


def check_llvm(root):
    """LLVM comes in through codegen/llvm*.h, and those through codegen/*.cpp and headers named *_impl.h."""
    problems = []
    gates = {f"codegen/{path.name}" for path in (root / "codegen").glob("llvm*.h")}
    if not gates:
        return ["codegen/llvm.h: not found"]
    impl = {f"codegen/{path.name}" for path in (root / "codegen").glob("*_impl.h")}
    for path in sources(root, "codegen"):
        where = str(path.relative_to(root))
        for _, name in includes(path):
            if re.search(FOREIGN["llvm"], name) and where not in gates:
                problems.append(f"{where}: includes {name}; LLVM comes in through codegen/llvm.h")
            sees_llvm = name in gates or name in impl
            may_see_llvm = path.parent == root / "codegen" and (path.suffix == ".cpp" or where in gates | impl)
            if sees_llvm and not may_see_llvm:
                problems.append(f"{where}: includes {name}; only codegen/*.cpp may")
    return problems


def check_archive(archive):
    if not archive.exists():
        return [f"{archive}: not found"]
    names = subprocess.run(["nm", "-C", str(archive)], capture_output=True, text=True, check=True).stdout.splitlines()
    undefined = [line for line in names if re.match(r"^\s+U ", line)]
    if len(undefined) < 10 or not any(re.match(r"^[0-9a-f]+ T ", line) for line in names):
        return [f"{archive}: nm finds hardly a symbol; is this test reading what it should?"]
    return [
        f"{archive.name}: needs {line.split(None, 1)[1]}"
        for line in sorted(set(undefined))
        if FORBIDDEN_SYMBOLS.search(line)
    ]


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    root = pathlib.Path(sys.argv[1]).resolve()
    problems = [problem for folder in ALLOWED for problem in check_folder(root, folder)] + check_llvm(root)
    if len(sys.argv) == 3:
        problems += check_archive(pathlib.Path(sys.argv[2]))
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
