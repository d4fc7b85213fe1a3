// lectern tokenize: text to ids and back, as JSON lines.
#include <memory>

#include <CLI/CLI.hpp>

#include "app/base64.h"
#include "app/cli/command_line.h"
#include "app/cli/commands.h"
#include "app/cli/json_lines.h"
#include "app/json_fields.h"
#include "engine/stream_decoder.h"
#include "engine/tokenizer.h"

namespace app {

using base::ErrorCode;
using base::failure;
using base::Result;
using engine::Json;

namespace {

struct Options {
  bool decode = false, no_control = false;
};

Result<std::string> textOf(const Json& json) {
  std::string text, encoded;
  JsonFields fields(json);
  if (fields.find("b64") == nullptr) {
    fields.need("text", text);
    TRY(fields.status());
    return text;
  }
  fields.need("b64", encoded);
  TRY(fields.status());
  const auto bytes = fromBase64(encoded);
  if (!bytes) return failure(ErrorCode::kInvalidInput, "\"b64\" is not base64");
  return std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size());
}

Result<std::string> encodeLine(const engine::Tokenizer& tokenizer, const std::string& line,
                               bool no_control) {
  TRY_ASSIGN(const Json json, engine::parseJson(line, "the line"));
  TRY_ASSIGN(const std::string text, textOf(json));
  const auto ids = no_control ? tokenizer.encodeText(text) : tokenizer.encodeTemplate(text);
  return dumpJson({{"ids", ids}});
}

Result<std::string> decodeLine(const engine::Tokenizer& tokenizer, const std::string& line) {
  TRY_ASSIGN(const Json json, engine::parseJson(line, "the line"));
  const Json* list = JsonFields(json).find("ids");
  if (list == nullptr || !list->is_array())
    return failure(ErrorCode::kInvalidInput, "the line has no array \"ids\"");
  std::vector<base::TokenId> ids;
  engine::StreamDecoder decoder(tokenizer);
  Json stream = Json::array();
  for (const Json& id : *list) {
    if (!id.is_number_integer() || id.get<std::int64_t>() < 0 ||
        id.get<std::int64_t>() >= tokenizer.vocabSize())
      return failure(ErrorCode::kInvalidInput, "entry " + std::to_string(ids.size()) +
                                                   " of \"ids\" is no id of the tokenizer");
    ids.push_back(id.get<base::TokenId>());
    stream.push_back(decoder.push(ids.back()));
  }
  return dumpJson({{"text", tokenizer.decode(ids)},
                   {"stream", std::move(stream)},
                   {"flush", decoder.flush()}});
}

}  // namespace

void addTokenizeCommand(CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App& app = line.add(
      "tokenize", "JSON lines {\"text\"} or {\"b64\"} to {\"ids\"}; with --decode back",
      [options](const Invocation& invocation) -> Result<int> {
        TRY_ASSIGN(const Paths paths, invocation.paths());
        TRY_ASSIGN(const auto tokenizer, engine::Tokenizer::open(paths.model));
        return forEachLine(invocation, [&](const std::string& text) {
          return options->decode ? decodeLine(*tokenizer, text)
                                 : encodeLine(*tokenizer, text, options->no_control);
        });
      });
  app.add_flag("--decode", options->decode, "From {\"ids\"} to {\"text\", \"stream\"}");
  app.add_flag("--no-control", options->no_control,
               "Recognise no added tokens, as for text of documents and people");
}

}  // namespace app
