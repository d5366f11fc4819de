# SPDX-License-Identifier: GPL-2.0-or-later
# Source this (`. scripts/env.sh`, bash, zsh or sh) to use ALMLIP from this tree after scripts/setup.
# It puts almlip, lmp, mpirun and the private environment's python on PATH and sets
#   PYTHONPATH          so that `import almlip` finds the Python package of this build
#   ALMLIP_PLUGIN       the file for `plugin load`
#   LAMMPS_POTENTIALS   where LAMMPS looks for potential files
#   ALMLIP_DATA         folder of reference data sets, if there is one beside the tree
# ALMLIP_CACHE, ALMLIP_BUILD and ALMLIP_DATA may be set before to say where these things are.

# A plain sh cannot tell where a sourced file lies; there, source it from the top of the tree.
if [ -n "${BASH_VERSION:-}" ]; then
  _almlip_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
elif [ -n "${ZSH_VERSION:-}" ]; then
  _almlip_root=$(cd "$(dirname "$(eval 'print -r -- "${(%):-%x}"')")/.." && pwd)
else
  _almlip_root=$(pwd)
fi

if [ ! -f "$_almlip_root/scripts/env.sh" ]; then
  echo "scripts/env.sh: $_almlip_root is not the ALMLIP tree; source this file from the top of the tree" >&2
  unset _almlip_root
  return 1
fi

ALMLIP_CACHE=${ALMLIP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/almlip}
ALMLIP_BUILD=${ALMLIP_BUILD:-$_almlip_root/build/release}

for _almlip_dir in "$ALMLIP_CACHE/env/bin" "$ALMLIP_BUILD/bin"; do
  case ":$PATH:" in
    *":$_almlip_dir:"*) ;;
    *) PATH=$_almlip_dir:$PATH ;;
  esac
done
export PATH ALMLIP_CACHE ALMLIP_BUILD

case ":${PYTHONPATH:-}:" in
  *":$ALMLIP_BUILD/lib/almlip/python:"*) ;;
  *) PYTHONPATH=$ALMLIP_BUILD/lib/almlip/python${PYTHONPATH:+:$PYTHONPATH} ;;
esac
export PYTHONPATH

ALMLIP_PLUGIN=$ALMLIP_BUILD/lib/almlip/almlipplugin.so
export ALMLIP_PLUGIN

case ":${LAMMPS_POTENTIALS:-}:" in
  *":$_almlip_root/potentials:"*) ;;
  *) LAMMPS_POTENTIALS=$_almlip_root/potentials:$ALMLIP_CACHE/env/potentials${LAMMPS_POTENTIALS:+:$LAMMPS_POTENTIALS} ;;
esac
export LAMMPS_POTENTIALS

if [ -z "${ALMLIP_DATA:-}" ] && [ -d "$_almlip_root/../shared/data" ]; then
  ALMLIP_DATA=$(cd "$_almlip_root/../shared/data" && pwd)
  export ALMLIP_DATA
fi

if [ ! -x "$ALMLIP_CACHE/env/bin/python" ] || [ ! -f "$ALMLIP_PLUGIN" ]; then
  echo "scripts/env.sh: not everything is built yet; run $_almlip_root/scripts/setup" >&2
fi
unset _almlip_root _almlip_dir
