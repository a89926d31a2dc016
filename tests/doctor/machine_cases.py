"""What may be wrong with the computer and around it."""

from __future__ import annotations

from doctor.worlds import NO_TORCH, WINDOWS, Case, other, together, tried, with_variable
from maskwright.doctor.world import Cache, Cpu, Encoding, Memory, System

CASES = {
    "a processor with bfloat16": Case(lambda world: world, "cpu_ok", "ok", ("EPYC calculates in bfloat16",)),
    "a processor without bfloat16": Case(
        tried("torch", {"bf16": False, "capability": "AVX2"}),
        "cpu_no_bf16",
        "warning",
        ("EPYC has no bfloat16", "one and a half times as long"),
        (
            "maskwright run DATA --set model=mlp-mobilenetv2",
            "maskwright train DATA --recipe recipe.yaml --set precision=fp32",
        ),
    ),
    "a processor without AVX2": Case(
        together(
            tried("torch", {"bf16": False, "capability": "DEFAULT"}), other(cpu=Cpu(name="EPYC", cores=8, allowed=8))
        ),
        "cpu_no_avx2",
        "warning",
        ("EPYC has no AVX2",),
        (
            "maskwright run DATA --set model=mlp-mobilenetv2",
            "maskwright train DATA --recipe recipe.yaml --set precision=fp32",
        ),
    ),
    "an old processor and no torch": Case(
        together(NO_TORCH, other(trials={}, cpu=Cpu(name="Phenom", flags=frozenset({"sse2"})))),
        "cpu_no_avx2",
        "warning",
        fix=(
            "maskwright run DATA --set model=mlp-mobilenetv2",
            "maskwright train DATA --recipe recipe.yaml --set precision=fp32",
        ),
    ),
    "an ARM processor": Case(
        together(
            tried("torch", {"bf16": False, "capability": "DEFAULT"}),
            other(system=System(arch="aarch64"), cpu=Cpu(name="Graviton", cores=8, allowed=8)),
        ),
        "cpu_no_bf16",
        "warning",
        fix=(
            "maskwright run DATA --set model=mlp-mobilenetv2",
            "maskwright train DATA --recipe recipe.yaml --set precision=fp32",
        ),
    ),
    "threads in order": Case(lambda world: world, "threads_ok", "ok", ("work at once: 8",)),
    "one thread for each core of the chip": Case(tried("torch", {"threads": 4}), "threads_ok", "ok"),
    "a quota": Case(
        other(cpu=Cpu(name="EPYC", cores=64, allowed=64, quota=2.5, flags=frozenset({"avx2"}))),
        "threads_quota",
        "warning",
        ("grants the time of 2.5 cores, but 64 may be used",),
        ("export OMP_NUM_THREADS=2", "maskwright run DATA --threads 2"),
    ),
    "too many threads": Case(
        tried("torch", {"threads": 16}),
        "threads_many",
        "warning",
        ("torch takes 16 threads, and 8 can",),
        ("export OMP_NUM_THREADS=8",),
    ),
    "too few threads": Case(
        tried("torch", {"threads": 2}),
        "threads_few",
        "warning",
        ("torch takes 2 threads, and 8 could",),
        ("export OMP_NUM_THREADS=8",),
    ),
    "a scheduler's one thread": Case(
        with_variable("OMP_NUM_THREADS", "1"),
        "threads_under",
        "warning",
        ("OMP_NUM_THREADS=1", "8 could work"),
        ("unset OMP_NUM_THREADS",),
    ),
    "a scheduler's one thread on Windows": Case(
        with_variable("OMP_NUM_THREADS", "1", system=WINDOWS),
        "threads_under",
        "warning",
        fix=("set OMP_NUM_THREADS=",),
    ),
    "a variable with too many threads": Case(
        with_variable("MKL_NUM_THREADS", "32"),
        "threads_over",
        "warning",
        ("MKL_NUM_THREADS=32", "only 8"),
        ("export MKL_NUM_THREADS=8",),
    ),
    "a variable without a number": Case(
        with_variable("OMP_NUM_THREADS", "auto"),
        "threads_no_number",
        "warning",
        ("OMP_NUM_THREADS=auto is no number",),
        ("unset OMP_NUM_THREADS",),
    ),
    "the right number, in a list": Case(with_variable("OMP_NUM_THREADS", "8,2"), "threads_ok", "ok"),
    "memory in order": Case(lambda world: world, "memory_ok", "ok", ("12.0 of 16.0 GiB",)),
    "little memory": Case(
        other(memory=Memory(total=64 << 30, available=1 << 30, limit=2 << 30)),
        "memory_small",
        "warning",
        ("only 1.0 of 2.0 GiB",),
        ("maskwright run DATA --set batch_size=2 --set crop_hw=[128,128]",),
    ),
    "memory on the disk": Case(
        other(memory=Memory(total=64 << 30, available=3 << 30, swap_used=20 << 30)),
        "memory_swapping",
        "warning",
        ("20.0 GiB of it lie on the disk",),
        ("ps -eo rss,pid,comm --sort=-rss | head",),
    ),
    "cache in order": Case(lambda world: world, "cache_ok", "ok", ("/home/a/.cache/maskwright",)),
    "a cache that cannot be written": Case(
        other(cache=Cache(folder="/ro", failed="write", error="[Errno 30] Read-only file system", instead="/tmp/mc")),
        "cache_write",
        "broken",
        ("/ro cannot be written: [Errno 30] Read-only file system",),
        ("export MASKWRIGHT_CACHE=/tmp/mc",),
    ),
    "a cache of another user": Case(
        other(cache=Cache(folder="/home/a b", failed="write", error="denied", of_another=True, instead="/tmp/mc")),
        "cache_write",
        "broken",
        fix=('sudo chown -R "$USER" "/home/a b"',),
    ),
    "a cache that cannot rename": Case(
        other(cache=Cache(folder="/x", failed="rename", error="not permitted", instead="")),
        "cache_rename",
        "broken",
        ("cannot be renamed: not permitted",),
    ),
    "a cache that cannot map, on Windows": Case(
        other(cache=Cache(folder="Z:", failed="map", error="bad", instead=r"C:\a b\mc"), system=WINDOWS),
        "cache_map",
        "broken",
        ("cannot be mapped into memory: bad",),
        (r'set "MASKWRIGHT_CACHE=C:\a b\mc"',),
    ),
    "a full disk": Case(
        other(cache=Cache(folder="/x", free_bytes=1 << 20, size_bytes=3 << 30)),
        "cache_full",
        "broken",
        ("0.0 GiB are free. 3.0 GiB are the cache's own",),
        ("rm -r /x/decoded",),
    ),
    "a disk filled by others": Case(
        other(cache=Cache(folder="/x", free_bytes=1 << 20, instead="/tmp/mc")),
        "cache_full",
        "broken",
        fix=("export MASKWRIGHT_CACHE=/tmp/mc",),
    ),
    "a nearly full disk": Case(
        other(cache=Cache(folder="C:\\x", free_bytes=1 << 30, size_bytes=3 << 30), system=WINDOWS),
        "cache_little",
        "warning",
        ("nearly full: 1.0 GiB",),
        (r'rmdir /s /q "C:\x\decoded"',),
    ),
    "a misspelt variable": Case(
        with_variable("MASKWRIGHT_OFLINE", "1"),
        "variable_unknown",
        "warning",
        ("MASKWRIGHT_OFLINE=1 means nothing", "MASKWRIGHT_OFFLINE"),
        ("unset MASKWRIGHT_OFLINE",),
    ),
    "a size without a number": Case(
        with_variable("MASKWRIGHT_CACHE_GIB", "lots"),
        "variable_no_size",
        "warning",
        ("MASKWRIGHT_CACHE_GIB=lots is no number",),
        ("export MASKWRIGHT_CACHE_GIB=20",),
    ),
    "offline": Case(
        with_variable("HF_HUB_OFFLINE", "1", offline="HF_HUB_OFFLINE"),
        "variable_offline",
        "ok",
        ("HF_HUB_OFFLINE=1 forbids every network call",),
        ("unset HF_HUB_OFFLINE",),
    ),
    "not offline": Case(with_variable("MASKWRIGHT_OFFLINE", "0"), "variable_online", "ok", ("forbids nothing",)),
    "another cache": Case(with_variable("MASKWRIGHT_CACHE", "/c"), "variable_MASKWRIGHT_CACHE", "ok", ("/c: there",)),
    "a size": Case(with_variable("MASKWRIGHT_CACHE_GIB", "5"), "variable_MASKWRIGHT_CACHE_GIB", "ok", ("so many GiB",)),
    "photos for tests": Case(
        with_variable("MASKWRIGHT_SHARED", "/s"), "variable_MASKWRIGHT_SHARED", "ok", ("the tests look",)
    ),
    "a mirror": Case(with_variable("HF_ENDPOINT", "https://m"), "variable_HF_ENDPOINT", "ok", ("this mirror",)),
    "UTF-8": Case(lambda world: world, "encoding_ok", "ok"),
    "another encoding": Case(
        other(encoding=Encoding(locale="koi8-r", terminal="cp866")),
        "encoding_other",
        "warning",
        ("locale koi8-r, terminal cp866",),
        ("export PYTHONUTF8=1",),
    ),
    "another encoding on Windows": Case(
        other(encoding=Encoding(locale="cp1251", terminal="utf8"), system=WINDOWS),
        "encoding_other",
        "warning",
        ("locale cp1251",),
        ("set PYTHONUTF8=1",),
    ),
}
