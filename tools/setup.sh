#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Prepares a checkout: `tools/setup.sh demo|test|lint|bench|bench-sim|fuzz|sanitize|docs`. Called by make; safe to call again.
#
# Three stages, each done only if its inputs changed: system packages (apt), the virtual environment .venv,
# and the build in build/release. PYTHON=... chooses the interpreter; HVLAB_SKIP_SYSTEM=1 leaves the first
# stage out; HVLAB_UNICORN_SDIST=... builds the engine from an archive that is there already.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly goal="${1:?usage: tools/setup.sh demo|test|lint|bench|bench-sim|fuzz|sanitize|docs}"
case "$goal" in
    demo)  groups=(build);                 extra="" ;;
    test)  groups=(build test peer);       extra="test" ;;
    lint)  groups=(build test);            extra="dev" ;;
    bench) groups=(build test peer bench); extra="test" ;;
    bench-sim) groups=(build sim-bench);   extra="bench-sim" ;;
    fuzz)  groups=(build fuzz);            extra="dev" ;;  # a target in Python drives the package
    sanitize) groups=(build test);         extra="" ;;
    docs)  groups=(build);                 extra="dev" ;;
    *) echo "tools/setup.sh: unknown goal '$goal'" >&2; exit 2 ;;
esac
readonly venv=.venv

say() { printf '==> %s\n' "$*"; }
fail() { printf 'hvlab set-up: %s\n' "$1" >&2; shift; for line in "$@"; do printf '    %s\n' "$line" >&2; done; exit 1; }

# --- system packages -------------------------------------------------------------------------------------

# The interpreter to use: the first from Python 3.11 on that can make a virtual environment and has headers.
find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11 python3.14 /usr/bin/python3; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        "$candidate" - 2>/dev/null <<'EOF' && return 0
import sys, sysconfig, pathlib
assert sys.version_info >= (3, 11)
import ensurepip, venv
assert (pathlib.Path(sysconfig.get_paths()["include"]) / "Python.h").is_file()
print(sys.executable)
EOF
    done
    return 1
}

distribution() { [ ! -r /etc/os-release ] || (. /etc/os-release && printf '%s' "${ID:-}"); }

missing_packages() {
    local wanted installed
    wanted=$(for group in "${groups[@]}"; do awk -v g="$group" -v on="$(distribution)" \
        '$1 == g && ($3 == "" || $3 == on) { print $2 }' tools/packages.txt; done)
    # A package that dpkg does not know at all makes dpkg-query fail; that is the case looked for.
    installed=$({ dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null || true; } \
                | awk '$1 == "installed" { print $2 }')
    comm -23 <(sort -u <<<"$wanted") <(sort -u <<<"$installed")
    find_python >/dev/null || printf '%s\n' python3 python3-dev python3-venv
}

install_packages() {
    local packages=("$@") as_root=()
    local command="apt-get update && apt-get install -y --no-install-recommends ${packages[*]}"
    if ! command -v apt-get >/dev/null; then
        fail "these packages are missing and there is no apt here: ${packages[*]}" \
             "Install what corresponds to them, then run with HVLAB_SKIP_SYSTEM=1."
    fi
    if [ "$(id -u)" -ne 0 ]; then
        if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
            as_root=(sudo -n)
        else
            fail "these system packages are missing, and installing them takes root. Run:" \
                 "sudo sh -c '$command'" "and then make again."
        fi
    fi
    say "System packages (apt): ${packages[*]}"
    local log=build/setup-apt.log
    mkdir -p build
    if ! { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q &&
           "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
               apt-get install -q -y --no-install-recommends "${packages[@]}"; } </dev/null >"$log" 2>&1; then
        tail -n 15 "$log" >&2
        fail "apt could not install the packages (whole log: $log). By hand:" "$command"
    fi
}

setup_system() {
    [ -z "${HVLAB_SKIP_SYSTEM:-}" ] || return 0
    if ! command -v dpkg-query >/dev/null; then
        say "Not a Debian system: packages are not checked (tools/packages.txt lists them)"
        return 0
    fi
    local missing
    mapfile -t missing < <(missing_packages)
    [ "${#missing[@]}" -eq 0 ] || install_packages "${missing[@]}"
}

# --- virtual environment ---------------------------------------------------------------------------------

# Prints the stamp's content: what the environment is made of. Changes when it has to be brought up to date.
venv_key() { printf '%s\n' "$1"; cat pyproject.toml tools/setup.sh | sha256sum; }

# pip install with its output shown only on failure.
pip_install() {
    local log=build/setup-pip.log
    mkdir -p build
    if ! PIP_DISABLE_PIP_VERSION_CHECK=1 "$venv/bin/python" -m pip install "$@" </dev/null >"$log" 2>&1; then
        grep -v '^ *$' "$log" | tail -n 12 >&2
        fail "pip could not install into $venv (whole log: $log)." \
             "Without a network, PIP_FIND_LINKS=<folder with wheels> and PIP_NO_INDEX=1 are honoured."
    fi
}

setup_venv() {
    local python stamp="$venv/.hvlab-stamp" level
    python=$(find_python) || fail "no Python 3.11 or newer with venv and headers (Python.h) was found." \
        "Set PYTHON=/path/to/python3, or install: apt-get install python3 python3-dev python3-venv"
    # "dev" holds "test", that "bench-sim", and that the plain package: an environment is never made smaller.
    for level in "$extra" dev $([ "$extra" = dev ] || echo test) $([ "$extra" ] || echo bench-sim); do
        if [ -x "$venv/bin/python" ] && [ -f "$stamp" ] &&
           [ "$(cat "$stamp")" = "$(venv_key "$level")" ] && "$venv/bin/python" -c '' 2>/dev/null; then
            return 0
        fi
    done
    if ! "$venv/bin/python" -c 'import sys; assert sys.version_info >= (3, 11)' 2>/dev/null; then
        say "Virtual environment $venv ($("$python" --version), $python)"
        rm -rf "$venv"
        "$python" -m venv "$venv"
        rm -rf build/release
    fi
    local requires
    mapfile -t requires < <("$venv/bin/python" - <<'EOF'
import tomllib
with open("pyproject.toml", "rb") as file:
    print(*tomllib.load(file)["build-system"]["requires"], sep="\n")
EOF
    )
    say "Python packages into $venv: the build's, and hvlab${extra:+[$extra]}'s"
    rm -f "$stamp"
    pip_install "${requires[@]}"
    # Editable: the package is python/hvlab itself; cmake puts hvlab._core into it (preset release).
    # (The long option: Debian 12's pip 23.0 has no -C.)
    pip_install --no-build-isolation --config-settings=wheel.cmake=false \
        --config-settings=editable.mode=inplace -e ".${extra:+[$extra]}"
    venv_key "$extra" >"$stamp"
}

# --- build -----------------------------------------------------------------------------------------------

# What build/release was configured with; options are only ever added, so that `make demo` after `make test`
# does not configure anew.
build_options() {
    local option
    for option in HVLAB_BUILD_TESTS HVLAB_BUILD_BENCH HVLAB_BUILD_SIM_BENCH; do
        if [[ " ${groups[*]} " == *" ${option_group[$option]} "* ]] ||
           grep -qs "^$option:BOOL=ON" build/release/CMakeCache.txt; then
            printf -- '-D%s=ON\n' "$option"
        else
            printf -- '-D%s=OFF\n' "$option"
        fi
    done
    printf -- '-DPython_EXECUTABLE=%s\n' "$PWD/$venv/bin/python"
}

setup_build() {
    declare -A option_group=([HVLAB_BUILD_TESTS]=test [HVLAB_BUILD_BENCH]=bench [HVLAB_BUILD_SIM_BENCH]=sim-bench)
    local options key stamp=build/release/.hvlab-stamp log=build/setup-cmake.log
    mapfile -t options < <(build_options)
    key=$(printf '%s\n' "${options[@]}" "$(readlink -f "$venv/bin/python")"; sha256sum <CMakePresets.json)
    mkdir -p build
    if [ ! -f build/release/build.ninja ] || [ "$(cat "$stamp" 2>/dev/null)" != "$key" ]; then
        say "Configuring build/release (the first time, the engine's source is fetched)"
        if ! cmake --preset release "${options[@]}" </dev/null >"$log" 2>&1; then
            grep -A 12 'CMake Error' "$log" | head -n 40 >&2 || tail -n 30 "$log" >&2
            fail "cmake could not configure the build (whole log: $log)."
        fi
        printf '%s\n' "$key" >"$stamp"
    fi
    local targets=()
    case "$goal" in
        demo | fuzz | docs) targets=(--target _core hvlab_fixtures) ;;
        bench-sim) targets=(--target sim_bench) ;;
    esac
    if [ -t 1 ]; then  # ninja shows its progress in one line
        cmake --build --preset release "${targets[@]}" </dev/null || fail "the build failed."
        return
    fi
    log=build/setup-build.log
    ninja -C build/release -n "${targets[@]:1}" 2>/dev/null | grep -q 'no work to do' ||
        say "Building in build/release (the first time, some minutes)"
    if ! cmake --build --preset release "${targets[@]}" </dev/null >"$log" 2>&1; then
        grep -A 8 -E 'FAILED:|error:' "$log" | head -n 60 >&2 || tail -n 30 "$log" >&2
        fail "the build failed (whole log: $log)."
    fi
}

setup_system
setup_venv
[ "$goal" = sanitize ] || setup_build  # that has trees of its own
