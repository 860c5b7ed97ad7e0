#!/usr/bin/env bash
# Make sure that what the tests need from the system is there; says nothing when it is.
#
# On Debian and its kin, as root, a missing part is installed; elsewhere the command to type is printed, and the tests
# that need the part are skipped (they fail where CI=true).
set -euo pipefail

# A program, and the Debian package that carries it.
parts=(
    "faketime faketime" # moves the clock of a whole process: the command line's tests of time
    "git git"           # the actor of a commit is git's user.email; provenance names the git commit
    "strace strace"     # injects faults into system calls: the torture
    "mkfs.ext4 e2fsprogs" # makes the disk whose power is cut: the torture
)

missing=()
for part in "${parts[@]}"; do
    read -r program package <<<"$part"
    command -v "$program" >/dev/null || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

install() {
    echo "installing ${missing[*]} with apt-get" >&2
    apt-get update -qq >&2 &&
        DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install -y -qq --no-install-recommends \
            "${missing[@]}" >/dev/null
}

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    install || echo "could not install ${missing[*]}; the tests that need them will say so" >&2
else
    echo "some tests need: ${missing[*]}" >&2
    echo "on Debian and Ubuntu: sudo apt-get install ${missing[*]}; on macOS: brew install libfaketime git" >&2
fi
