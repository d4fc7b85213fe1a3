#!/bin/bash
# trees_against_git.sh LECTERN FOLDER [PACKAGE...]
#
# Compares `LECTERN files` with `git ls-files -co --exclude-standard` on real source trees: fetches
# Debian source packages into FOLDER (needs deb-src entries in apt's sources; what is there is kept),
# makes a repository of each and commits two thirds of it, with rules added that ignore a part. Prints
# one line a tree; ends with 1 if any differs. Without packages: twenty of many kinds.
set -euo pipefail
lectern=$(realpath "$1") folder=$(realpath -m "$2")
shift 2
packages=("$@")
[ $# -gt 0 ] || packages=(tmux lua5.4 libuv1 redis curl git zlib jq bzip2 nano less lz4 xxhash
  pcre2 libpng1.6 expat flex sqlite3 libgit2 md4c)
mkdir -p "$folder/.dl"
export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=T GIT_AUTHOR_EMAIL=t@example.invalid \
  GIT_COMMITTER_NAME=T GIT_COMMITTER_EMAIL=t@example.invalid

fetch() {
  [ -d "$folder/$1" ] && return
  (cd "$folder/.dl" && apt-get source -q --download-only "$1" >/dev/null 2>&1) || true
  local archive source
  source=$(apt-cache showsrc --only-source "$1" 2>/dev/null | sed -n 's/^Package: //p' | head -1)
  archive=$(ls -t "$folder/.dl/${source:-$1}"_*.orig.tar.* | grep -v '\.asc$' | head -1)
  mkdir "$folder/$1.part"
  tar -C "$folder/$1.part" --strip-components=1 -xf "$archive"
  mv "$folder/$1.part" "$folder/$1"
}

# Two thirds are committed, a part of the rest is ignored by rules at the root and in a folder.
make_repository() {
  cd "$folder/$1"
  [ -d .git ] && return
  git init -q .
  printf '\n*.html\n/doc*/**/*.txt\n!README*\n' >>.gitignore
  local inner
  inner=$(find . -mindepth 1 -maxdepth 1 -type d ! -name .git | sort | head -1)
  [ -z "$inner" ] || printf '*\n!*.h\n!*/\n' >>"$inner/.gitignore"
  find . -path ./.git -prune -o -type f -print0 | sort -z | awk 'BEGIN { RS = ORS = "\0" } NR % 3' |
    git add -f --pathspec-from-file=- --pathspec-file-nul
  git commit -qm sources
}

differ=0
for package in "${packages[@]}"; do
  fetch "$package"
  (make_repository "$package")
  git -C "$folder/$package" -c core.fsmonitor=false ls-files -co --exclude-standard -z |
    sort -zu >"$folder/.dl/expected"
  "$lectern" files --json "$folder/$package" | python3 -c '
import json, re, sys
for f in json.load(sys.stdin)["files"]:
    if f["reason"] not in ("ignored", "special"):
        path = re.sub(rb"\\x([0-9a-fA-F]{2})", lambda m: bytes([int(m[1], 16)]), f["path"].encode())
        sys.stdout.buffer.write(path + b"\0")' | sort -zu >"$folder/.dl/got"
  n=$(tr -cd '\0' <"$folder/.dl/expected" | wc -c)
  if cmp -s "$folder/.dl/expected" "$folder/.dl/got"; then
    echo "same   $package: $n paths"
  else
    echo "DIFFER $package:"
    diff <(tr '\0' '\n' <"$folder/.dl/expected") <(tr '\0' '\n' <"$folder/.dl/got") | head -5 || true
    differ=1
  fi
done
exit $differ
