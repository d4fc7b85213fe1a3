#include "ingest/assigned_secret.h"

#include <algorithm>

#include "ingest/random_value.h"

namespace ingest {
namespace {

constexpr std::size_t kNameBytesMax = 80;
constexpr std::size_t kValueBytesMax = 512;

// What a name must end in, without its separators and in lower case.
constexpr std::string_view kPasswordNames[] = {"password", "passwd", "passphrase", "pwd", "pass",
                                               "passwort"};
constexpr std::string_view kSecretNames[] = {
    "secret",    "token",     "apikey",    "accesskey",  "privatekey",    "secretkey",
    "authkey",   "masterkey", "accountkey", "storagekey", "encryptionkey", "signingkey",
    "licensekey", "secretkeybase", "credential", "credentials", "apisecret", "clientsecret",
    "accesskeysecret", "sharedkey", "servicekey", "webhookkey", "hmackey", "cookiekey",
    "integrationkey", "deploykey", "appkey"};
// Names that end so and hold nothing secret.
constexpr std::string_view kHarmlessNames[] = {
    "publickeytoken", "csrftoken", "xsrftoken", "nexttoken", "pagetoken", "continuationtoken",
    "cancellationtoken", "synctoken", "maxtoken", "idempotencytoken", "eostoken", "bostoken",
    "padtoken", "unktoken", "septoken", "clstoken", "masktoken", "bypass", "compass", "subpass",
    "renderpass", "encompass"};

bool isNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

std::string plainName(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    if (c == '_' || c == '-' || c == '.') continue;
    plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return plain;
}

template <class Table>
bool endsInOne(const Table& table, std::string_view name) {
  return std::any_of(std::begin(table), std::end(table),
                     [&](std::string_view end) { return name.ends_with(end); });
}

struct Assigned {
  std::string_view value;
  bool quoted = false;
};

void skipBlanks(std::string_view text, std::size_t& at) {
  while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
}

// Up to the first of `ends`; nothing when the value would be too long for one.
template <class IsEnd>
std::optional<std::string_view> valueUpTo(std::string_view text, std::size_t at, IsEnd isEnd) {
  const std::string_view rest = text.substr(at, kValueBytesMax + 1);
  const auto end = std::find_if(rest.begin(), rest.end(), isEnd);
  if (rest.size() > kValueBytesMax && end == rest.end()) return std::nullopt;
  return rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
}

bool endsBareValue(char c) {
  switch (c) {
    case ' ': case '\t': case '\r': case '\n': case ',': case ';': case '"': case '\'':
    case '<': case '>': case '`': case '(': case ')': case '[': case ']': case '{': case '}':
    case '\\':
      return true;
    default:
      return false;
  }
}

// Behind the name: `= "value"`, `: value`, `=> 'value'`, `>value<`, `" : "value"`.
std::optional<Assigned> valueBehind(std::string_view text, std::size_t at) {
  if (at < text.size() && text[at] == '\\') ++at;  // JSON inside of a string
  const bool name_quoted = at < text.size() && (text[at] == '"' || text[at] == '\'');
  if (name_quoted) ++at;
  if (at < text.size() && text[at] == ']') ++at;  // config["password"] = ...
  skipBlanks(text, at);
  if (at >= text.size()) return std::nullopt;
  if (text[at] == '>' && !name_quoted) {
    // Of a tag, on its own line: `token->count` and `password>` in a usage text are none.
    const auto value = valueUpTo(text, ++at, [](char c) { return c == '<' || c == '\n'; });
    if (!value || !text.substr(at + value->size()).starts_with('<')) return std::nullopt;
    return Assigned{*value, true};
  }
  // Go declares with `:=`, Ruby and PHP use `=>`; `==` compares.
  if (text[at] == ':' && at + 1 < text.size() && text[at + 1] == '=') ++at;
  if (text[at] != '=' && text[at] != ':') return std::nullopt;
  ++at;
  if (at < text.size() && text[at] == '>') ++at;
  else if (at < text.size() && text[at] == '=') return std::nullopt;
  skipBlanks(text, at);
  if (at < text.size() && text[at] == '\\') ++at;
  if (at >= text.size()) return std::nullopt;
  if (const char quote = text[at]; quote == '"' || quote == '\'' || quote == '`') {
    const auto value = valueUpTo(
        text, ++at, [quote](char c) { return c == quote || c == '\n' || c == '\\'; });
    if (!value || at + value->size() == text.size()) return std::nullopt;
    return Assigned{*value, true};
  }
  const auto value = valueUpTo(text, at, endsBareValue);
  if (!value) return std::nullopt;
  // `call(` or `table[`: whatever it is, it is computed.
  const std::string_view behind = text.substr(at + value->size(), 1);
  if (behind == "(" || behind == "[" || behind == "{") return std::nullopt;
  return Assigned{*value, false};
}

}  // namespace

BareValues bareValuesOf(std::string_view file_name) {
  std::string lower(file_name);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (lower.starts_with(".env") || lower.starts_with("dockerfile") || lower.starts_with("."))
    return BareValues::kAreText;
  const std::size_t dot = lower.rfind('.');
  if (dot == std::string::npos) return BareValues::kAreText;
  const std::string_view extension = std::string_view(lower).substr(dot + 1);
  constexpr std::string_view kTextual[] = {"bash", "cfg",  "cnf",  "conf", "config", "env",
                                           "ini",  "json", "md",   "netrc", "properties", "rc",
                                           "rst",  "sh",   "tfvars", "toml", "txt", "yaml",
                                           "yml",  "zsh",  "log",  "service", "csv", "bat", "ps1"};
  return std::find(std::begin(kTextual), std::end(kTextual), extension) != std::end(kTextual)
             ? BareValues::kAreText
             : BareValues::kAreCode;
}

std::optional<std::string> assignedSecret(std::string_view text, std::size_t at, BareValues bare) {
  std::size_t begin = at, end = at;
  while (begin > 0 && at - begin < kNameBytesMax && isNameCharacter(text[begin - 1])) --begin;
  while (end < text.size() && end - at < kNameBytesMax && isNameCharacter(text[end])) ++end;
  const std::string name = plainName(text.substr(begin, end - begin));
  const bool password = endsInOne(kPasswordNames, name);
  if (!password && !endsInOne(kSecretNames, name)) return std::nullopt;
  if (endsInOne(kHarmlessNames, name)) return std::nullopt;
  const auto assigned = valueBehind(text, end);
  if (!assigned || (!assigned->quoted && bare == BareValues::kAreCode)) return std::nullopt;
  const std::string_view value = assigned->value;
  if (password && (looksLikePassword(value) || looksRandom(value))) return "password";
  if (!password && value.size() >= 16 && looksRandom(value)) return "assigned_secret";
  return std::nullopt;
}

}  // namespace ingest
