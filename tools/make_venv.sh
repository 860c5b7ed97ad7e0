#!/usr/bin/env bash
# Make the environment that `make` works in: `tools/make_venv.sh FOLDER`.
#
# Finds a Python that is new enough, installs the locked packages with their hashes checked, then lastgood itself in
# place. On Debian and its kin, as root, what the system lacks is installed; elsewhere the command to type is printed.
set -euo pipefail

venv=$1
oldest=3.11

# The Makefile puts the environment first; one that is made anew must not be made by the Python of the old one.
PATH=${PATH#"$PWD/$venv/bin:"}

say() { printf '%s\n' "$*" >&2; }

new_enough() {
    "$1" -c "import sys; sys.exit(sys.version_info < (${oldest/./, }))" 2>/dev/null
}

find_python() {
    local name
    for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if new_enough "$name"; then
            printf '%s\n' "$name"
            return
        fi
    done
    return 1
}

# Debian cuts ensurepip out of its Python; without it `python3 -m venv` makes an environment that has no pip.
can_make_venv() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null
}

apt_is_ours() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null
}

apt_install() {
    say "installing $* with apt-get"
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install -y -qq --no-install-recommends "$@" >/dev/null
}

if ! python=$(find_python); then
    if [ -z "${PYTHON:-}" ] && ! command -v python3 >/dev/null && apt_is_ours; then
        apt_install python3 python3-venv
    fi
    if ! python=$(find_python); then
        found=$("${PYTHON:-python3}" -V 2>/dev/null) || found="not there"
        say "lastgood needs Python $oldest or newer; ${PYTHON:-python3} is $found"
        say "install one (Debian, Ubuntu: apt-get install python3 python3-venv; macOS: brew install python),"
        say "or name one that you have: make PYTHON=/path/to/python3 …"
        exit 1
    fi
fi

if ! can_make_venv "$python"; then
    package=$("$python" -c 'import sys; print(f"python{sys.version_info[0]}.{sys.version_info[1]}-venv")')
    if apt_is_ours; then
        apt_install "$package"
    fi
    if ! can_make_venv "$python"; then
        say "$python cannot make virtual environments: its modules 'venv' and 'ensurepip' are missing"
        say "on Debian and Ubuntu: sudo apt-get install $package"
        exit 1
    fi
fi

say "making $venv with $("$python" -V) and the locked packages; this takes about a minute, once"
"$python" -m venv --clear "$venv"
# Twice quiet: errors are shown, but not what pip thinks of the caller's own pip configuration.
pip=("$venv/bin/python" -m pip --disable-pip-version-check install --quiet --quiet)
"${pip[@]}" --require-hashes -r requirements/dev.txt
# The build back end stands in the lock as well, so nothing that is not locked is fetched for the build.
"${pip[@]}" --no-build-isolation --no-deps --editable .
