# What the scripts beside it share. They run as root on Debian 12 with stable Rust by rustup.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# nothing is compiled twice
export CARGO_INCREMENTAL=0

# step NAME COMMAND...: announces the command, and what it took: time, and that of all cores.
step() {
    local TIMEFORMAT="=== $1: %0R s, %0U + %0S s of CPU"
    echo "=== $1"
    time "${@:2}"
}

# Clippy as the compiler of COMMAND, a build by cargo: apart, it would check all dependencies once more.
clippy() {
    RUSTC_WORKSPACE_WRAPPER=clippy-driver RUSTFLAGS=-Dwarnings "$@"
}

# apt-get, of scripts that run beside each other one at a time.
apt() (
    exec 9<.ci/lib.sh
    flock 9
    DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends "$@"
)

# Installs those packages that are absent.
packages() {
    local package missing=()
    for package in "$@"; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
    done
    if ((${#missing[@]})); then
        apt update
        apt install "${missing[@]}"
    fi
}

# A second compiler, which comes with the sources of core and std: that of rustup has the library for its host alone.
DEBIAN=(rustc-web cargo-web rust-web-src rust-web-llvm lld-22)

# Its cargo.
debian() {
    RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc RUSTC_BOOTSTRAP=1 /usr/bin/cargo "$@"
}

# emulators PACKAGE...: those of QEMU, from the backports of Debian 12. Its own, version 7.2, computes a product of s390x
# wrongly (see `.ci/platforms`), and would replace newer parts of QEMU where those are installed.
emulators() {
    local package mirror old=() list=/etc/apt/sources.list.d/bookworm-backports.list
    for package in "$@"; do
        # of two digits, behind the epoch
        [[ $(dpkg-query -W -f '${db:Status-Status} ${Version}' "$package" 2>/dev/null) == "installed 1:"[1-9][0-9].* ]] ||
            old+=("$package")
    done
    if ((${#old[@]})); then
        apt update
        mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Release: bookworm' | head -n 1)
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bookworm-backports main" >"$list"
        apt update
        apt install -t bookworm-backports "${old[@]}"
    fi
}
