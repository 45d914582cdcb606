#!/usr/bin/env bash
# Puts programs that are built already (PROGRAMS, default target/release) into the images of the Dockerfile, runs them,
# and prints the sizes. For machines without a registry: the two outer images are made from this machine's own files.
# Needs root, and Debian's buildah. Everything stays below target/container.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v buildah > /dev/null || { echo "try.sh: buildah is missing; on Debian: apt-get install buildah" >&2; exit 1; }

programs=${PROGRAMS:-target/release}
work=$PWD/target/container
rm -rf "$work"
mkdir -p "$work/programs/out/data" "$work/runtime/etc/ssl/certs"
for program in akin-batch akin-serve; do
    strip -o "$work/programs/out/$program" "$programs/$program"
    # The loader and the libraries that the program asks for.
    ldd "$programs/$program" | grep -o '/[^ ]*' | while read -r library; do
        install -D "$(readlink -f "$library")" "$work/runtime$library"
    done
done
# Looking names up loads these by name.
for library in /lib/x86_64-linux-gnu/libnss_{dns,files}.so.2 /lib/x86_64-linux-gnu/libresolv.so.2; do
    [ ! -e "$library" ] || install -D "$(readlink -f "$library")" "$work/runtime$library"
done
cp /etc/ssl/certs/ca-certificates.crt "$work/runtime/etc/ssl/certs/"
printf 'FROM scratch\nCOPY . /\n' > "$work/Copy"

buildah() { command buildah --root "$work/root" --runroot "$work/run" --storage-driver vfs "$@"; }
buildah bud --quiet --isolation chroot -f "$work/Copy" -t localhost/programs:1 "$work/programs"
buildah bud --quiet --isolation chroot -f "$work/Copy" -t localhost/runtime:1 "$work/runtime"
for target in batch serve; do
    buildah bud --quiet --isolation chroot -f deploy/container/Dockerfile --target "$target" \
        --build-context build=container-image://localhost/programs:1 --build-arg RUNTIME=localhost/runtime:1 \
        -t "localhost/akin-$target:1" .
    container=$(buildah from "localhost/akin-$target:1")
    buildah run --isolation chroot "$container" -- "/usr/local/bin/akin-$target" --version
    buildah rm "$container" > /dev/null
done
buildah images --format '{{.Name}} {{.Size}}' | grep akin-
