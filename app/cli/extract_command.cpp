// lectern extract FILE: one document as it would be read: text, spans, places.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <span>

#include "app/answer_json.h"
#include "app/cli/command_line.h"
#include "app/cli/commands.h"
#include "app/cli/password_prompt.h"
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

const char* kindName(ingest::Aside::Kind kind) {
  switch (kind) {
    case ingest::Aside::Kind::kFurniture:
      return "furniture";
    case ingest::Aside::Kind::kHidden:
      return "hidden";
    case ingest::Aside::Kind::kNote:
      return "note";
    case ingest::Aside::Kind::kLink:
      return "link";
    case ingest::Aside::Kind::kField:
      return "field";
  }
  return "";
}

// What belongs to the page and not to its text: {"furniture": [{"text", "box"}], "link": ...}.
std::map<int, Json> asidesByPage(const std::vector<ingest::Aside>& all) {
  std::map<int, Json> asides;
  for (const ingest::Aside& aside : all) {
    Json item{{"text", aside.text}, {"box", boxesJson({aside.box})[0]}};
    if (!aside.target.empty()) item["target"] = aside.target;
    asides[aside.page][kindName(aside.kind)].push_back(std::move(item));
  }
  return asides;
}

Json headingsJson(const std::vector<ingest::Heading>& all) {
  Json headings = Json::array();
  for (const ingest::Heading& heading : all)
    headings.push_back({{"title", heading.title},
                        {"level", heading.level},
                        {"page", heading.page},
                        {"bytes", {heading.bytes.begin, heading.bytes.end}}});
  return headings;
}

Json pageJson(const std::string& text, const base::Page& page,
              std::span<const base::SourceSpan> spans, Json asides) {
  Json list = Json::array();
  for (const base::SourceSpan& span : spans) list.push_back(spanJson(text, span));
  return Json{{"n", page.number},
              {"label", page.label},
              {"text", text.substr(page.bytes.begin, page.bytes.size())},
              {"bytes", {page.bytes.begin, page.bytes.end}},
              {"width", page.width},
              {"height", page.height},
              {"spans", std::move(list)},
              {"asides", std::move(asides)}};
}

Json pagesJson(const base::Document& document, std::map<int, Json> asides) {
  Json pages = Json::array();
  if (document.pages.empty()) {
    base::Page whole;  // number 0: the document has no pages
    whole.bytes = {0, document.text.size()};
    pages.push_back(pageJson(document.text, whole, lineSpans(document.text), Json::object()));
  }
  std::span<const base::SourceSpan> rest = document.spans;
  for (const base::Page& page : document.pages) {
    const auto end = std::partition_point(rest.begin(), rest.end(), [&](const auto& span) {
      return span.bytes.begin < page.bytes.end;
    });
    const auto n = static_cast<std::size_t>(end - rest.begin());
    Json& around = asides[page.number];
    if (around.is_null()) around = Json::object();
    pages.push_back(pageJson(document.text, page, rest.first(n), std::move(around)));
    rest = rest.subspan(n);
  }
  return pages;
}

Json readingJson(const ingest::PdfReading& reading) {
  const base::Extracted& extracted = reading.extracted;
  const base::Document& document = extracted.document;
  Json diagnostics = Json::array();
  for (const base::Diagnostic& diagnostic : extracted.diagnostics)
    diagnostics.push_back(
        {{"code", diagnostic.code}, {"message", diagnostic.message}, {"page", diagnostic.page}});
  return Json{{"kind", std::string(base::documentKindName(document.kind))},
              {"path", document.path},
              {"content_hash", document.content_hash.hex()},
              {"bytes", document.file_bytes},
              {"pages", pagesJson(document, asidesByPage(reading.asides))},
              {"headings", headingsJson(reading.headings)},
              {"diagnostics", std::move(diagnostics)}};
}

void print(const base::Extracted& extracted) {
  const base::Document& document = extracted.document;
  for (const base::Page& page : document.pages)
    std::printf("--- page %d ---\n%s", page.number,
                document.text.substr(page.bytes.begin, page.bytes.size()).c_str());
  if (document.pages.empty()) std::fwrite(document.text.data(), 1, document.text.size(), stdout);
  for (const base::Diagnostic& diagnostic : extracted.diagnostics) {
    const std::string place =
        diagnostic.page > 0 ? " (page " + std::to_string(diagnostic.page) + ")" : std::string();
    std::fprintf(stderr, "%s%s: %s\n", diagnostic.code.c_str(), place.c_str(),
                 diagnostic.message.c_str());
  }
}

}  // namespace

void addExtractCommand(CommandLine& line) {
  struct Options {
    std::string file;
    bool allow_secret = false, password = false, no_ocr = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App& app = line.add(
      "extract", "Show one document as it would be read",
      [options](const Invocation& invocation) -> Result<int> {
        TRY_ASSIGN(const Paths paths, invocation.paths());
        ingest::PdfOptions pdf;
        pdf.recognise = !options->no_ocr;
        if (options->password) {
          TRY_ASSIGN(pdf.password, askPassword(options->file));
        }
        TRY_ASSIGN(const ingest::PdfReading reading,
                   readWholeFile(options->file, paths.reader_program, invocation.stop,
                                 options->allow_secret ? Secrets::kRead : Secrets::kLeaveOut, pdf));
        if (invocation.json)
          printJson(readingJson(reading));
        else
          print(reading.extracted);
        return kDone;
      });
  app.add_option("FILE", options->file, "A text or PDF file")->required();
  app.add_flag("--allow-secret", options->allow_secret,
               "Read it although it looks like a secret");
  app.add_flag(
      "--password", options->password,
      "Ask for the password of a locked PDF: on the terminal, else the first line of stdin");
  app.add_flag("--no-ocr", options->no_ocr, "Do not read scans with Tesseract");
}

}  // namespace app
