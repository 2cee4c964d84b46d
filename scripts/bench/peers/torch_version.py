#!/usr/bin/env python3
"""Which PyTorch this is, and which library it multiplies with: that decides how fast it is."""
import os
import re

import torch

names = set()
if os.path.exists("/proc/self/maps"):  # Linux: the files that this process has loaded
    with open("/proc/self/maps", encoding="utf-8") as maps:
        names = {line.split("/")[-1].strip() for line in maps if "/" in line}
blas = sorted(name for name in names if re.match(r"lib(openblas|mkl|blis|atlas|blas)", name))
# Debian's libblas.so.3 may be a door to another of them: name that one then.
blas = [name for name in blas if not name.startswith("libblas")] or blas or ["a BLAS of its own"]
print(f"{torch.__version__} with {blas[0]}, GPT-2 written with addmm and a cache that is allocated once")
