// lectern extract FILE: one document as it would be read: text, spans, places.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <span>

#include <CLI/CLI.hpp>

#include "app/answer_json.h"
#include "app/cli/command_line.h"
#include "app/cli/commands.h"
#include "app/document_reader.h"

namespace app {

using base::Result;
using engine::Json;

namespace {

Json spanJson(const std::string& text, const base::SourceSpan& span) {
  return Json{{"text", text.substr(span.bytes.begin, span.bytes.size())},
              {"bytes", {span.bytes.begin, span.bytes.end}},
              {"page", span.page},
              {"boxes", boxesJson(span.boxes)}};
}

// A document without pages has no spans of its own: its lines are its places.
std::vector<base::SourceSpan> lineSpans(const std::string& text) {
  std::vector<base::SourceSpan> spans;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t feed = text.find('\n', begin);
    const std::size_t end = feed == std::string::npos ? text.size() : feed + 1;
    base::SourceSpan span;
    span.bytes = {begin, end};
    spans.push_back(std::move(span));
    begin = end;
  }
  return spans;
}

Json pageJson(const std::string& text, const base::Page& page,
              std::span<const base::SourceSpan> spans) {
  Json list = Json::array();
  for (const base::SourceSpan& span : spans) list.push_back(spanJson(text, span));
  return Json{{"n", page.number},
              {"label", page.label},
              {"text", text.substr(page.bytes.begin, page.bytes.size())},
              {"bytes", {page.bytes.begin, page.bytes.end}},
              {"width", page.width},
              {"height", page.height},
              {"spans", std::move(list)}};
}

Json pagesJson(const base::Document& document) {
  Json pages = Json::array();
  if (document.pages.empty()) {
    base::Page whole;  // number 0: the document has no pages
    whole.bytes = {0, document.text.size()};
    pages.push_back(pageJson(document.text, whole, lineSpans(document.text)));
  }
  std::span<const base::SourceSpan> rest = document.spans;
  for (const base::Page& page : document.pages) {
    const auto end = std::partition_point(rest.begin(), rest.end(), [&](const auto& span) {
      return span.bytes.begin < page.bytes.end;
    });
    const auto n = static_cast<std::size_t>(end - rest.begin());
    pages.push_back(pageJson(document.text, page, rest.first(n)));
    rest = rest.subspan(n);
  }
  return pages;
}

Json extractedJson(const base::Extracted& extracted) {
  const base::Document& document = extracted.document;
  Json diagnostics = Json::array();
  for (const base::Diagnostic& diagnostic : extracted.diagnostics)
    diagnostics.push_back({{"code", diagnostic.code},
                           {"message", diagnostic.message},
                           {"page", diagnostic.page}});
  return Json{{"kind", std::string(base::documentKindName(document.kind))},
              {"path", document.path},
              {"content_hash", document.content_hash.hex()},
              {"bytes", document.file_bytes},
              {"pages", pagesJson(document)},
              {"diagnostics", std::move(diagnostics)}};
}

void print(const base::Extracted& extracted) {
  const base::Document& document = extracted.document;
  for (const base::Page& page : document.pages)
    std::printf("--- page %d ---\n%s", page.number,
                document.text.substr(page.bytes.begin, page.bytes.size()).c_str());
  if (document.pages.empty()) std::fwrite(document.text.data(), 1, document.text.size(), stdout);
  for (const base::Diagnostic& diagnostic : extracted.diagnostics)
    std::fprintf(stderr, "%s: %s\n", diagnostic.code.c_str(), diagnostic.message.c_str());
}

}  // namespace

void addExtractCommand(CommandLine& line) {
  auto file = std::make_shared<std::string>();
  auto allow_secret = std::make_shared<bool>(false);
  CLI::App& app = line.add(
      "extract", "Show one document as it would be read",
      [file, allow_secret](const Invocation& invocation) -> Result<int> {
        TRY_ASSIGN(const Paths paths, invocation.paths());
        TRY_ASSIGN(const base::Extracted extracted,
                   readFile(*file, paths.reader_program, invocation.stop,
                            *allow_secret ? Secrets::kRead : Secrets::kLeaveOut));
        if (invocation.json)
          printJson(extractedJson(extracted));
        else
          print(extracted);
        return kDone;
      });
  app.add_option("FILE", *file, "A text or PDF file")->required();
  app.add_flag("--allow-secret", *allow_secret, "Read it although it looks like a secret");
}

}  // namespace app
