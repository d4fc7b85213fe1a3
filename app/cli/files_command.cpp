// lectern files PATH...: what would be read, and why the rest would not.
#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>

#include <CLI/CLI.hpp>

#include "app/cli/command_line.h"
#include "app/cli/commands.h"
#include "app/cli/plan_flags.h"
#include "app/document_reader.h"
#include "app/progress_line.h"
#include "app/source_plan.h"
#include "engine/receipt_text.h"

namespace app {

using base::Result;
using engine::Json;

namespace {

struct Options {
  std::vector<std::string> paths;
  bool tokens = false;
  PlanChoices choices;
};

Json countJson(std::int64_t n_tokens) { return n_tokens >= 0 ? Json(n_tokens) : Json(nullptr); }

Json fileJson(const PlannedFile& file) {
  return Json{{"path", file.relative},
              {"decision", file.entry.read ? "read" : "skip"},
              {"reason", file.entry.reason},
              {"detail", file.entry.detail},
              {"kind", std::string(base::documentKindName(file.entry.kind))},
              {"bytes", file.entry.bytes},
              {"tokens", countJson(file.n_tokens)},
              {"detail_level", std::string(base::detailLevelName(file.entry.detailLevel()))},
              {"outline_tokens", countJson(file.n_outline)},
              {"context_path", file.entry.path}};
}

// What each folder costs, with all that lies below it.
Json foldersJson(const SourcePlan& plan, bool counted) {
  struct Sum {
    std::int64_t n_files = 0, n_tokens = 0, n_outline = 0;
    std::uint64_t bytes = 0;
  };
  std::map<std::string, Sum> sums;
  for (const PlannedFile& file : plan.files) {
    if (!file.entry.read) continue;
    const std::string& path = file.entry.path;
    for (auto slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      Sum& sum = sums[path.substr(0, slash + 1)];
      ++sum.n_files;
      sum.bytes += file.entry.bytes;
      sum.n_tokens += std::max<std::int64_t>(file.n_tokens, 0);
      sum.n_outline += std::max<std::int64_t>(file.n_outline, 0);
    }
  }
  Json folders = Json::array();
  for (const auto& [path, sum] : sums)
    folders.push_back({{"path", path},
                       {"files", sum.n_files},
                       {"bytes", sum.bytes},
                       {"tokens", countJson(counted ? sum.n_tokens : -1)},
                       {"outline_tokens", countJson(counted ? sum.n_outline : -1)}});
  return folders;
}

Json planJson(const SourcePlan& plan, bool counted) {
  Json files = Json::array(), sources = Json::array();
  for (const PlannedFile& file : plan.files) files.push_back(fileJson(file));
  for (const PlannedSource& source : plan.sources)
    sources.push_back(
        {{"path", source.path.string()}, {"name", source.name}, {"revision", source.revision}});
  const auto n_files = static_cast<std::int64_t>(plan.files.size());
  return Json{{"files", std::move(files)},
              {"totals",
               {{"files", n_files},
                {"read", plan.readCount()},
                {"skipped", n_files - plan.readCount()},
                {"bytes", plan.readBytes()},
                {"tokens", countJson(counted ? plan.tokens() : -1)},
                {"template_tokens", countJson(plan.n_template)},
                {"receipt_tokens", countJson(plan.n_receipt)},
                {"context_tokens", countJson(plan.contextTokens())}}},
              {"folders", foldersJson(plan, counted)},
              {"sources", std::move(sources)}};
}

const char* decisionWord(const base::ReceiptEntry& entry) {
  if (!entry.read) return "skip";
  switch (entry.detailLevel()) {
    case base::DetailLevel::kFull: return "read";
    case base::DetailLevel::kOutline: return "outline";
    case base::DetailLevel::kNameOnly: return "name only";
  }
  return "read";
}

// The folders of which the outlines alone would save the most.
void printSavings(const SourcePlan& plan) {
  constexpr std::size_t kFoldersShown = 3;
  std::map<std::string, std::int64_t> saved;
  for (const PlannedFile& file : plan.files) {
    const std::size_t slash = file.relative.find('/');
    if (!file.entry.read || file.n_outline < 0 || slash == std::string::npos) continue;
    saved[file.relative.substr(0, slash + 1)] +=
        std::max<std::int64_t>(file.n_tokens - file.n_outline, 0);
  }
  std::vector<std::pair<std::int64_t, std::string>> most;
  for (const auto& [folder, n] : saved)
    if (n > 0) most.emplace_back(n, folder);
  std::sort(most.rbegin(), most.rend());
  if (most.size() > kFoldersShown) most.resize(kFoldersShown);
  for (const auto& [n, folder] : most)
    std::printf("--outline '/%s' saves %s tokens\n", engine::oneLine(folder).c_str(),
                countWords(n).c_str());
}

void printPlan(const SourcePlan& plan, bool counted) {
  for (const PlannedFile& file : plan.files) {
    const std::string cost = !file.entry.read ? file.entry.reason
                             : file.n_tokens >= 0
                                 ? countWords(file.n_tokens) + " tokens"
                                 : byteWords(static_cast<std::int64_t>(file.entry.bytes));
    std::printf("%-9s %-14s %s\n", decisionWord(file.entry), cost.c_str(),
                engine::oneLine(file.entry.path).c_str());
  }
  const auto n_files = static_cast<std::int64_t>(plan.files.size());
  std::printf("%s of %s files would be read, %s", countWords(plan.readCount()).c_str(),
              countWords(n_files).c_str(),
              byteWords(static_cast<std::int64_t>(plan.readBytes())).c_str());
  if (counted)
    std::printf(", %s tokens with all that stands around them",
                countWords(plan.contextTokens()).c_str());
  std::printf("\n");
  if (counted) printSavings(plan);
}

Result<int> run(const Options& options, const Invocation& invocation) {
  const std::vector<std::filesystem::path> paths(options.paths.begin(), options.paths.end());
  TRY_ASSIGN(SourcePlan plan, planSources(paths, options.choices, invocation.stop));
  if (options.tokens) {
    TRY_ASSIGN(const Paths places, invocation.paths());
    TRY_ASSIGN(auto tokenizer, engine::Tokenizer::open(places.model));
    ProgressLine progress;
    TRY(countTokens(
        plan, std::move(tokenizer), places.reader_program,
        [&](std::size_t n_done, std::size_t n_files) {
          progress.show("counted " + std::to_string(n_done) + " of " + std::to_string(n_files) +
                        " files");
        },
        invocation.stop));
  }
  if (invocation.json)
    printJson(planJson(plan, options.tokens));
  else
    printPlan(plan, options.tokens);
  return kDone;
}

}  // namespace

void addFilesCommand(CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App& app = line.add("files", "Show what would be read of folders and files",
                           [options](const Invocation& at) { return run(*options, at); });
  app.add_option("PATH", options->paths, "Folders and files")->required();
  app.add_flag("--tokens", options->tokens, "Read the files and count their tokens");
  addPlanFlags(app, options->choices);
}

}  // namespace app
