# setup.sh: sourced by app/run and tests/run. Brings a Debian 12 machine to where Lectern builds.
#
# Every step prints one line. Nothing is fetched that is already there: the second run takes
# seconds and needs no network.

build=build/release

packages=(
  # Tools.
  g++ cmake ninja-build pkg-config ccache git ca-certificates
  # The window.
  qt6-base-dev qt6-svg-dev libqscintilla2-qt6-dev libmd4c-dev fonts-inter fonts-hack
  # Documents. The fonts stand in for those that PDFs name but do not carry.
  libpoppler-private-dev poppler-data fonts-urw-base35 libgit2-dev libuchardet-dev libseccomp-dev
  libarchive-dev libpugixml-dev
  # Engine, databases, plumbing.
  libhwy-dev nlohmann-json3-dev libcli11-dev libsqlite3-dev libspdlog-dev libexpected-dev
  libxxhash-dev libzstd-dev
)

step() { printf '[%s] %s\n' "$(date +%H:%M:%S)" "$*"; }

fail() {
  printf '[%s] %s\n' "$(date +%H:%M:%S)" "$1" >&2
  exit 1
}

# quietly LOG COMMAND...: the output goes to the log; on failure its end is shown.
quietly() {
  local log=$1
  shift
  if ! "$@" >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    fail "failed: $* (all of it: $log)"
  fi
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

missing_packages() {
  local package
  for package in "${packages[@]}"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
      echo "$package"
  done
}

install_packages() {
  command -v dpkg-query >/dev/null ||
    fail "This is not Debian. Install what app/setup.sh lists, then build with CMake (README.md)."
  local missing
  mapfile -t missing < <(missing_packages)
  if [ "${#missing[@]}" = 0 ]; then
    step "packages: all ${#packages[@]} present"
    return
  fi
  [ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
    fail "As root: apt-get install ${missing[*]}"
  step "packages: installing ${#missing[@]} of ${#packages[@]}: ${missing[*]}"
  mkdir -p build
  quietly build/apt-update.log as_root apt-get update
  quietly build/apt-install.log as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends "${missing[@]}"
}

configure() {
  mkdir -p build
  step "configure: $build"
  quietly build/configure.log cmake --preset release "$@"
}

# build_targets TARGET...: a live line on a terminal, otherwise only the result.
build_targets() {
  local started=$SECONDS
  step "build: $*"
  if [ -t 1 ]; then
    NINJA_STATUS='[%f of %t, %es] ' ninja -C "$build" "$@" || fail "The build failed."
  else
    quietly build/ninja.log ninja -C "$build" "$@"
  fi
  step "build: done in $((SECONDS - started)) s"
}
