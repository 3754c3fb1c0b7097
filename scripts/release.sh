#!/usr/bin/env bash
# Builds a release of the commit that is checked out: programs, deb, rpm, bill of
# materials, checksums. Equal commits and toolchains give equal files, in any folder.
set -euo pipefail
usage() {
  cat <<'END'
scripts/release.sh [--out DIR] [--version X.Y.Z] [--platforms "linux/amd64 …"] [--compile]

  --out DIR        where the files go (default bin/release; it is emptied before)
  --version X.Y.Z  the release's number (default: what launch.Release says)
  --platforms P    default "linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64";
                   Linux has all programs and packages, macOS icn-cli and icn-verify,
                   Windows icn-verify
  --compile        only see whether the programs compile, as the tree is; nothing is kept

What is not committed is not in a release.
END
}
root=$(cd "$(dirname "$0")/.." && pwd)
out=$root/bin/release version='' compile='' platforms="linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64"
while [ $# -gt 0 ]; do
  case $1 in
    --out) out=$(realpath -m "$2"); shift 2 ;;
    --version) version=$2; shift 2 ;;
    --platforms) platforms=$2; shift 2 ;;
    --compile) compile=1; shift ;;
    -h | --help) usage; exit 0 ;;
    *) echo "release.sh: $1 is no option; see --help" >&2; exit 2 ;;
  esac
done

# programs_for OS: what a release has for it, in programs.
programs_for() {
  case $1 in
    darwin) programs=(icn-cli icn-verify) ;;
    windows) programs=(icn-verify) ;;
    *) programs=(icn-node icn-cli icn-verify) ;;
  esac
}
if [ -n "$compile" ]; then
  # Nothing of it is ever run, so nothing is optimized: that saves a third of the time.
  cd "$root"
  for platform in $platforms; do
    began=$SECONDS
    programs_for "${platform%/*}"
    CGO_ENABLED=0 GOOS=${platform%/*} GOARCH=${platform#*/} go build -trimpath -gcflags='all=-N -l' -o /dev/null "${programs[@]/#/./cmd/}"
    echo "  $platform: ${programs[*]} compile, $((SECONDS - began)) s"
  done
  exit
fi

# What is built with, pinned.
tools=${ICN_TOOLS:-$root/bin/tools}
tool() { # NAME PACKAGE VERSION
  local to=$tools/$1-$3
  [ -x "$to/$1" ] || GOBIN=$to GOFLAGS=-mod=mod CGO_ENABLED=0 go install "$2@$3" >&2
  echo "$to/$1"
}
nfpm=$(tool nfpm github.com/goreleaser/nfpm/v2/cmd/nfpm v2.45.2)
bom=$(tool cyclonedx-gomod github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod v1.10.0)

work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
git -C "$root" diff --quiet HEAD || echo "note: changes that are not committed are left out" >&2
commit=$(git -C "$root" rev-parse HEAD)
SOURCE_DATE_EPOCH=$(git -C "$root" log -1 --format=%ct)
export SOURCE_DATE_EPOCH
date=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
mkdir "$work/src"
git -C "$root" archive HEAD | tar -x -C "$work/src"
src=$work/src
cd "$src"
[ -n "$version" ] || version=$(sed -n 's/^var Release = "\(.*\)"$/\1/p' launch/launch.go)
rm -rf "$out"
mkdir -p "$out"
echo "release $version of $commit ($date)"

export CGO_ENABLED=0 TZ=UTC LC_ALL=C
umask 022
module=github.com/InterCooperative-Network/icn-core
# Version control is stated by hand: what is built is an export without its history.
build() { # OS ARCH TO PROGRAM…
  local os=$1 arch=$2 to=$3
  shift 3
  GOOS=$os GOARCH=$arch go build -trimpath -buildvcs=false -o "$to/" \
    -ldflags "-s -w -buildid= -X $module/launch.Release=$version -X $module/launch.Commit=$commit -X $module/launch.CommitDate=$date" "${@/#/./cmd/}"
}
pack() { # ARCHIVE FOLDER: the same bytes from the same files
  tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -C "$2" -c . | gzip -9n > "$1"
}

# Man pages and completions are made by this machine's own build; they are the same for all.
build "$(go env GOHOSTOS)" "$(go env GOHOSTARCH)" "$work/host" icn-node icn-cli
(cd tools/manpages && go build -trimpath -buildvcs=false -o "$work/host/manpages" .)
page() { "$work/host/manpages" --date "${date%T*}" "$@"; }
mkdir -p "$work/common"/{man/man1,man/man5,man/man8,completions}
"$work/host/icn-cli" describe | page --section 1 --out "$work/common/man/man1"
"$work/host/icn-node" describe | page --section 8 --out "$work/common/man/man8"
"$work/host/icn-node" config reference | page --reference --out "$work/common/man/man5"
page --page icn-verify.1 --out "$work/common/man/man1" < tools/manpages/icn-verify.1.md
for shell in bash zsh fish; do
  for p in icn-node icn-cli; do "$work/host/$p" completion "$shell" > "$work/common/completions/$p.$shell"; done
done
find "$work/common/man" -type f -exec gzip -9n {} +
gzip -9nc CHANGELOG.md > "$work/common/changelog.gz"
cp LICENSE deploy/packaging/* deploy/systemd/* "$work/common/"

for platform in $platforms; do
  os=${platform%/*} arch=${platform#*/}
  programs_for "$os"
  stage=$work/$os-$arch
  mkdir "$stage"
  build "$os" "$arch" "$stage/bin" "${programs[@]}"
  name=icn-core_${version}_${os}_$arch
  if [ "$os" = linux ]; then
    # All of the node is in the others, or in it: its bill of materials is the release's.
    "$bom" bin -json -noserial -notimestamp -licenses -assert-licenses -std -version "$version" -output "$out/$name.cdx.json" "$stage/bin/icn-cli" 2>"$work/said" ||
      { cat "$work/said" >&2; exit 1; }
    cp -r "$work/common/." "$stage/"
    cp "$out/$name.cdx.json" "$stage/sbom.cdx.json"
    find "$stage" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    for kind in deb rpm; do
      (cd "$stage" && VERSION=$version ARCH=$arch "$nfpm" package --config nfpm.yaml --packager "$kind" --target "$out/" >"$work/said") || { cat "$work/said" >&2; exit 1; }
    done
  fi
  cp LICENSE "$stage/bin/"
  pack "$out/$name.tar.gz" "$stage/bin"
  echo "  $platform: ${programs[*]}"
done
(cd "$out" && sha256sum -- * > "$work/sums" && mv "$work/sums" SHA256SUMS)
ls -l "$out" | awk 'NR > 1 { printf "  %9d  %s\n", $5, $9 }'
