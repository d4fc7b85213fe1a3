// path_patterns.h: what a person types to mean some of many paths: "*.po", "docs/", "src/**/*.c".
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "ingest/ignore_rules.h"

namespace ingest {

// The grammar of .gitignore, negation included; a folder that matches means all that is in it.
class PathPatterns {
 public:
  explicit PathPatterns(std::span<const std::string> patterns);

  bool empty() const { return patterns_.empty(); }
  // `path` is relative, '/' separated; one that ends in '/' is a folder.
  bool match(std::string_view path) const;

 private:
  IgnoreFile patterns_;
};

}  // namespace ingest
