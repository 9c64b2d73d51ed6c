#!/bin/sh
# What `make` needs of this machine before there is a virtual environment: says at once what is missing.
# Usage: preflight.sh PYTHON
python=$1
missing=0
lacks() { missing=1; printf 'error: %s\n  %s\n' "$1" "$2" >&2; }

system=$(uname -s) machine=$(uname -m)
if [ "$system" != Linux ] || { [ "$machine" != x86_64 ] && [ "$machine" != amd64 ]; }; then
    lacks "this is $system on $machine; only Linux on x86-64 is supported" \
        "use a Linux x86-64 machine, virtual machine or WSL 2"
fi
if ! command -v "$python" >/dev/null 2>&1; then
    lacks "$python is missing; Python 3.11 or later is needed" "Debian, Ubuntu: sudo apt install python3 python3-venv"
elif ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    lacks "$python is $("$python" -V 2>&1); 3.11 or later is needed" \
        "with a newer one installed: make PYTHON=python3.12 …"
elif ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    lacks "$python cannot make virtual environments (modules venv and ensurepip)" \
        "Debian, Ubuntu: sudo apt install python3-venv (or python$version-venv)"
fi
exit $missing
