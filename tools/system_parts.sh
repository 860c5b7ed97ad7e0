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
    "chromium chromium"       # a real browser prints pages
    "pdftotext poppler-utils" # says what is on them
    "fc-list fontconfig"      # finds the fonts they are drawn in
)

missing=()
for part in "${parts[@]}"; do
    read -r program package <<<"$part"
    command -v "$program" >/dev/null || missing+=("$package")
done
# A server that the tests start themselves: the catalog on PostgreSQL. Debian keeps its programs out of PATH.
compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null || command -v initdb >/dev/null || missing+=(postgresql)
# What draws a PDF: libraries, so there is no program to ask for.
has_library() { compgen -G "/usr/lib/*/$1.*" >/dev/null || compgen -G "/opt/homebrew/lib/$1.*" >/dev/null; }
has_library libpangoft2-1.0 || missing+=(libpangoft2-1.0-0)
has_library libharfbuzz-subset || missing+=(libharfbuzz-subset0)
# A font of the width that pages are laid out for. (Not `grep -q`: fc-list would be cut off, and that is a failure here.)
{ command -v fc-list >/dev/null && fc-list | grep -iE "liberation ?sans|arial|helvetica" >/dev/null; } || missing+=(fonts-liberation)
[ ${#missing[@]} -gt 0 ] || exit 0

get() {
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install -y -qq --no-install-recommends "$@" >/dev/null
}

# Debian's package makes a server of its own and starts it, unless it is told not to before it comes.
keep_server_away() {
    [[ " ${missing[*]} " == *" postgresql "* ]] || return 0
    get postgresql-common &&
        sed -i -E 's/^#?create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
}

install() {
    echo "installing ${missing[*]} with apt-get" >&2
    apt-get update -qq >&2 && keep_server_away && get "${missing[@]}"
}

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    install || echo "could not install ${missing[*]}; the tests that need them will say so" >&2
else
    echo "some tests need: ${missing[*]}" >&2
    echo "on Debian and Ubuntu: sudo apt-get install ${missing[*]}; on macOS: brew install libfaketime git postgresql" >&2
fi
