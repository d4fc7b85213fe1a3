#include "app/cli/plan_flags.h"

namespace app {

void addPlanFlags(CLI::App& app, PlanChoices& choices) {
  const auto add = [&](const char* flag, std::vector<std::string>& patterns, const char* words) {
    app.add_option(flag, patterns, words)->allow_extra_args(false)->type_name("PATTERN");
  };
  add("--include", choices.include, "Only what matches, as in .gitignore; may be repeated");
  add("--exclude", choices.exclude, "Not what matches");
  add("--allow-secret", choices.allow_secrets, "Read what matches although it looks like a secret");
  add("--outline", choices.outline, "Only the outline of what matches: declarations, headings");
  add("--name-only", choices.name_only, "Only the name of what matches");
  app.add_option("--without", choices.without,
                 "Not what is vendored, generated, minified or lock_file")
      ->allow_extra_args(false)
      ->check(CLI::IsMember({"vendored", "generated", "minified", "lock_file"}));
}

}  // namespace app
