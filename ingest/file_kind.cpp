#include "ingest/file_kind.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace ingest {
namespace {

using base::DocumentKind;

// Sorted, lower case: std::binary_search looks in them.
constexpr std::string_view kCodeExtensions[] = {
    "ada",    "adb",   "ads",   "asm",   "awk",   "bash",   "bat",   "bzl",    "c",      "c++",
    "cc",     "cjs",   "clj",   "cljs",  "cls",   "cmake",  "cmd",   "coffee", "cpp",    "cppm",
    "cs",     "css",   "cu",    "cuh",   "cxx",   "d",      "dart",  "el",     "elm",    "erb",
    "erl",    "ex",    "exs",   "f",     "f03",   "f08",    "f90",   "f95",    "fish",   "for",
    "frag",   "fs",    "fsx",   "glsl",  "go",    "gradle", "groovy", "h",     "h++",    "hcl",
    "hh",     "hlsl",  "hpp",   "hrl",   "hs",    "htm",    "html",  "hxx",    "inc",    "inl",
    "ino",    "ipp",   "ixx",   "java",  "jl",    "js",     "json",  "json5",  "jsonc",  "jsx",
    "kt",     "kts",   "l",     "less",  "lhs",   "lisp",   "ll",    "lua",    "m",      "m4",
    "mak",    "metal", "mjs",   "mk",    "ml",    "mli",    "mm",    "mts",    "nim",    "nix",
    "pas",    "patch", "php",   "pl",    "pm",    "pp",     "pro",   "proto",  "ps1",    "py",
    "pyi",    "pyx",   "qml",   "r",     "rake",  "rb",     "rkt",   "rs",     "s",      "sass",
    "scala",  "scm",   "scss",  "sh",    "sml",   "sol",    "sql",   "sv",     "svelte", "svh",
    "swift",  "tcl",   "tex",   "tf",    "thrift", "toml",  "tpp",   "ts",     "tsx",    "v",
    "vala",   "vb",    "vert",  "vhd",   "vhdl",  "vim",    "vue",   "wgsl",   "xml",    "xsd",
    "xsl",    "y",     "yaml",  "yml",   "zig",   "zsh"};
constexpr std::string_view kCodeNames[] = {
    ".bash_profile", ".bashrc",     ".clang-format", ".clang-tidy", ".editorconfig",
    ".gitattributes", ".gitignore", ".gitmodules",   ".profile",    ".zshrc",
    "build",         "build.bazel", "cmakelists.txt", "configure.ac", "dockerfile",
    "gemfile",       "gnumakefile", "jenkinsfile",   "justfile",    "kbuild",
    "kconfig",       "makefile",    "makefile.am",   "makefile.in", "meson.build",
    "meson_options.txt", "rakefile", "vagrantfile",  "workspace"};
constexpr std::string_view kMarkdownExtensions[] = {"markdown", "md", "mdown", "mdwn", "mdx",
                                                    "mkd",      "mkdn", "qmd", "rmd"};
constexpr std::string_view kLockFiles[] = {
    "bun.lock",     "cargo.lock",        "composer.lock",       "flake.lock",
    "gemfile.lock", "go.sum",            "gradle.lockfile",     "mix.lock",
    "npm-shrinkwrap.json", "package-lock.json", "packages.lock.json", "pdm.lock",
    "pipfile.lock", "pnpm-lock.yaml",    "podfile.lock",        "poetry.lock",
    "pubspec.lock", "uv.lock",           "yarn.lock"};

constexpr std::string_view kVendorFolders[] = {
    ".yarn",       "3rdparty",    "bower_components", "carthage",   "extern",     "externals",
    "external",    "godeps",      "jspm_packages",    "node_modules", "pods",     "site-packages",
    "subprojects", "third-party", "third_party",      "thirdparty", "vendor",     "vendored"};

template <class Table>
constexpr bool sorted(const Table& table) {
  return std::is_sorted(std::begin(table), std::end(table));
}
static_assert(sorted(kCodeExtensions) && sorted(kCodeNames) && sorted(kMarkdownExtensions) &&
              sorted(kLockFiles));

template <class Table>
bool contains(const Table& table, std::string_view word) {
  return std::binary_search(std::begin(table), std::end(table), word);
}

std::string lowerCase(std::string_view name) {
  std::string lower(name);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

std::string_view extensionOf(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
}

// Generators say so near the top.
constexpr std::size_t kMarkerBytes = 2048;
// Of a file of at least this size, lines of this mean length were not written by a person.
constexpr std::size_t kMinifiedBytes = 4096;
constexpr std::size_t kMinifiedLineBytes = 500;

bool saysGenerated(std::string_view head) {
  const std::string_view top = head.substr(0, kMarkerBytes);
  const std::size_t code = top.find("Code generated ");
  if (code != std::string_view::npos) {
    const std::string_view line = top.substr(code, top.find('\n', code) - code);
    if (line.find("DO NOT EDIT") != std::string_view::npos) return true;
  }
  return top.find("@generated") != std::string_view::npos;
}

bool looksMinified(std::string_view extension, std::string_view head) {
  if (extension != "js" && extension != "css" && extension != "mjs" && extension != "json")
    return false;
  if (head.size() < kMinifiedBytes) return false;
  const auto n_lines = static_cast<std::size_t>(std::count(head.begin(), head.end(), '\n')) + 1;
  return head.size() / n_lines >= kMinifiedLineBytes;
}

// Removes one line, which may end in CRLF, from the front.
std::string_view takeLine(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

DocumentKind fileKind(std::string_view name, std::string_view head) {
  const std::string lower = lowerCase(name);
  const std::string_view extension = extensionOf(lower);
  if (extension == "pdf" || head.starts_with("%PDF-")) return DocumentKind::kPdf;
  if (contains(kMarkdownExtensions, extension)) return DocumentKind::kMarkdown;
  if (contains(kCodeNames, lower) || contains(kCodeExtensions, extension) ||
      head.starts_with("#!"))
    return DocumentKind::kCode;
  return DocumentKind::kText;
}

bool isOffice(std::string_view name) {
  const std::string lower = lowerCase(name);
  const std::string_view extension = extensionOf(lower);
  return extension == "docx" || extension == "odt" || extension == "epub";
}

std::optional<FileRemark> generatedRemark(std::string_view name, std::string_view head) {
  const std::string lower = lowerCase(name);
  if (contains(kLockFiles, lower))
    return FileRemark{"lock_file", "A package manager wrote it."};
  if (saysGenerated(head)) return FileRemark{"generated", "It says that a program wrote it."};
  if (lower.find(".min.") != std::string::npos || looksMinified(extensionOf(lower), head))
    return FileRemark{"minified", "Its lines are packed for machines."};
  return std::nullopt;
}

bool isVendored(std::string_view relative) {
  for (std::size_t slash; (slash = relative.find('/')) != std::string_view::npos;) {
    const std::string folder = lowerCase(relative.substr(0, slash));
    if (std::find(std::begin(kVendorFolders), std::end(kVendorFolders), folder) !=
        std::end(kVendorFolders))
      return true;
    relative.remove_prefix(slash + 1);
  }
  return false;
}

std::optional<std::uint64_t> lfsPointerSize(std::string_view bytes) {
  constexpr std::size_t kPointerBytesMax = 1024;  // of the LFS specification
  if (bytes.size() > kPointerBytesMax ||
      takeLine(bytes) != "version https://git-lfs.github.com/spec/v1")
    return std::nullopt;
  bool has_id = false;
  while (!bytes.empty()) {
    std::string_view line = takeLine(bytes);
    if (line.starts_with("oid sha256:")) {
      line.remove_prefix(11);
      has_id = line.size() == 64 &&
               line.find_first_not_of("0123456789abcdef") == std::string_view::npos;
    } else if (line.starts_with("size ")) {
      line.remove_prefix(5);
      std::uint64_t size = 0;
      const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), size);
      if (!has_id || error != std::errc() || end != line.data() + line.size())
        return std::nullopt;
      return size;
    } else if (!line.starts_with("ext-")) {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace ingest
