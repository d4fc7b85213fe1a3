// One pass over the text: at every byte the next four, in one case, are looked up in a table of bits
// that knows how each format may begin. Nearly all positions end there; the rest are checked exactly.
#include "ingest/secret_finder.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "ingest/assigned_secret.h"
#include "ingest/random_value.h"
#include "ingest/secret_formats.h"

namespace ingest {
namespace {

using Finding = std::optional<std::string>;

bool isWord(char c) { return isIn(Alphabet::kUrlSafe, c) && c != '-'; }

std::string lowerCase(std::string_view name) {
  std::string lower(name);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

std::size_t countOf(std::string_view text, std::size_t at, Alphabet alphabet, std::size_t n_max) {
  std::size_t n = 0;
  while (at + n < text.size() && n < n_max && isIn(alphabet, text[at + n])) ++n;
  return n;
}

// "-----BEGIN RSA PRIVATE KEY-----" and a body; documentation shows the line with dots behind it.
Finding findPem(std::string_view text, std::size_t at) {
  if (!text.substr(at).starts_with("-----BEGIN ")) return std::nullopt;
  std::string_view rest = text.substr(at + 11, 8192);
  const std::size_t dashes = rest.find("-----");
  if (dashes > 40) return std::nullopt;
  const std::string_view label = rest.substr(0, dashes);
  if (!label.ends_with("PRIVATE KEY") && !label.ends_with("PRIVATE KEY BLOCK")) return std::nullopt;
  rest.remove_prefix(dashes + 5);
  rest = rest.substr(0, rest.find("-----"));  // the end, or the next beginning
  std::string body;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == '\\' && i + 1 < rest.size()) ++i;  // "\n" of a string in code
    else if (isIn(Alphabet::kBase64, rest[i])) body += rest[i];
  }
  constexpr std::size_t kBodyBytesMin = 60;
  if (body.size() < kBodyBytesMin || entropyBits(body) < 4.5) return std::nullopt;
  return "private_key";
}

Finding findPutty(std::string_view text, std::size_t at) {
  constexpr std::size_t kHeadBytesMax = 4096;  // before the private part: comment and public key
  const std::string_view head = text.substr(at, kHeadBytesMax);
  if (!head.starts_with("PuTTY-User-Key-File-")) return std::nullopt;
  return head.find("Private-Lines:") != std::string_view::npos ? Finding("private_key")
                                                               : std::nullopt;
}

std::string decodedBase64(std::string_view text) {
  std::string decoded;
  std::uint32_t bits = 0;
  int n_bits = 0;
  for (const char c : text) {
    int value = 0;
    if (c >= 'A' && c <= 'Z') value = c - 'A';
    else if (c >= 'a' && c <= 'z') value = c - 'a' + 26;
    else if (c >= '0' && c <= '9') value = c - '0' + 52;
    else if (c == '+' || c == '-') value = 62;
    else if (c == '/' || c == '_') value = 63;
    else break;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    if ((n_bits += 6) < 8) continue;
    n_bits -= 8;
    decoded += static_cast<char>(bits >> n_bits);
  }
  return decoded;
}

// Three parts of base64, the first an object that names an algorithm.
Finding findJwt(std::string_view text, std::size_t at) {
  if (!text.substr(at).starts_with("eyJ") || (at > 0 && isWord(text[at - 1]))) return std::nullopt;
  // Part by part: what is no token ends with its first.
  const std::size_t first = countOf(text, at, Alphabet::kUrlSafe, 1024);
  if (decodedBase64(text.substr(at, first)).find("\"alg\"") == std::string::npos)
    return std::nullopt;
  if (at + first >= text.size() || text[at + first] != '.') return std::nullopt;
  const std::size_t middle = at + first + 1;
  const std::size_t second = countOf(text, middle, Alphabet::kUrlSafe, 4096);
  const std::string claims = decodedBase64(text.substr(middle, second));
  if (!claims.starts_with('{')) return std::nullopt;
  const std::size_t end = middle + second;
  if (end >= text.size() || text[end] != '.' ||
      countOf(text, end + 1, Alphabet::kUrlSafe, 32) < 20)
    return std::nullopt;  // not signed
  if (claims.find("1234567890") != std::string::npos) return std::nullopt;  // the known example
  return "jwt";
}

// "scheme://user:password@host"
Finding findUrlPassword(std::string_view text, std::size_t at) {
  if (!text.substr(at).starts_with("://")) return std::nullopt;
  const std::size_t begin = at + 3;
  const std::size_t end = std::min(text.find_first_of(" \t\r\n/\"'<>`()\\|,?#", begin), text.size());
  const std::string_view authority = text.substr(begin, end - begin);
  const std::size_t host = authority.rfind('@'), colon = authority.find(':');
  if (host == std::string_view::npos || colon == std::string_view::npos || colon > host)
    return std::nullopt;
  const std::string_view user = authority.substr(0, colon);
  const std::string_view password = authority.substr(colon + 1, host - colon - 1);
  if (password == user || authority.substr(host).find("example.") != std::string_view::npos)
    return std::nullopt;
  return looksLikePassword(password) || looksRandom(password) ? Finding("url_password")
                                                              : std::nullopt;
}

// "Authorization: Bearer ...", "Basic ..."
Finding findAuthorization(std::string_view text, std::size_t at) {
  std::string_view rest = text.substr(at, 512);
  if (lowerCase(rest.substr(0, 13)) != "authorization") return std::nullopt;
  const std::size_t line = rest.find('\n');
  rest = rest.substr(0, line);
  for (const std::string_view scheme : {"Bearer ", "bearer ", "Basic ", "basic ", "token "}) {
    const std::size_t found = rest.find(scheme);
    if (found == std::string_view::npos || found > 40) continue;
    const std::size_t begin = found + scheme.size();
    const std::string_view value =
        rest.substr(begin, countOf(rest, begin, Alphabet::kBase64, rest.size()));
    if (!scheme.starts_with('B') && !scheme.starts_with('b') && value.size() < 20) continue;
    if (scheme[1] == 'a') {
      const std::string pair = decodedBase64(value);
      const std::size_t colon = pair.find(':');
      if (value.size() >= 12 && colon != std::string::npos &&
          (looksLikePassword(pair.substr(colon + 1)) || looksRandom(pair.substr(colon + 1))))
        return "authorization";
    } else if (value.size() >= 20 && looksRandom(value)) {
      return "authorization";
    }
  }
  return std::nullopt;
}

// The registry of containers keeps "auth": base64 of user:password; npm keeps _auth.
Finding findRegistryAuth(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at, 400);
  std::size_t begin = 0;
  if (rest.starts_with("\"auth\"")) begin = rest.find('"', 7) + 1;
  else if (rest.starts_with("_auth=")) begin = 6;
  else if (rest.starts_with("_authToken=")) begin = 11;
  if (begin == 0) return std::nullopt;
  const std::string_view value =
      rest.substr(begin, countOf(rest, begin, Alphabet::kBase64, rest.size()));
  if (value.size() < 12 || isPlaceholder(value)) return std::nullopt;
  const std::string pair = decodedBase64(value);
  const bool credentials = pair.find(':') != std::string::npos && pair.find(':') < 64;
  return credentials || looksRandom(value) ? Finding("registry_login") : std::nullopt;
}

// netrc: "machine host login name password word", on one line or several.
Finding findNetrc(std::string_view text, std::size_t at) {
  std::string_view rest = text.substr(at, 400);
  if (!rest.starts_with("machine ") || (at > 0 && text[at - 1] != '\n')) return std::nullopt;
  if (rest.find("login ") == std::string_view::npos) return std::nullopt;
  const std::size_t word = rest.find("password ");
  if (word == std::string_view::npos) return std::nullopt;
  rest.remove_prefix(word + 9);
  const std::string_view value = rest.substr(0, rest.find_first_of(" \t\r\n"));
  return value.size() >= 6 && !isPlaceholder(value) ? Finding("netrc") : std::nullopt;
}

// crypt(3) hashes behind a name: what shadow and htpasswd files hold.
Finding findPasswordHash(std::string_view text, std::size_t at) {
  if (at == 0 || text[at] != '$' || text[at - 1] != ':') return std::nullopt;
  for (const std::string_view method : {"$6$", "$5$", "$1$", "$y$", "$apr1$", "$2y$", "$2b$", "$2a$"})
    if (text.substr(at).starts_with(method)) {
      std::size_t n = 0;
      while (at + n < text.size() && n < 300 &&
             (isIn(Alphabet::kUrlSafeDots, text[at + n]) || text[at + n] == '$' ||
              text[at + n] == '/' || text[at + n] == '='))
        ++n;
      if (n >= 30) return "password_hash";
    }
  return std::nullopt;
}

// "123456789:AA" and 33 more characters.
Finding findTelegram(std::string_view text, std::size_t at) {
  if (!text.substr(at).starts_with(":AA") || at < 8) return std::nullopt;
  std::size_t n_digits = 0;
  while (n_digits < at && n_digits < 11 && text[at - 1 - n_digits] >= '0' &&
         text[at - 1 - n_digits] <= '9')
    ++n_digits;
  const std::size_t n = countOf(text, at + 1, Alphabet::kUrlSafe, 64);
  return n_digits >= 8 && n_digits <= 10 && n == 35 && looksDrawn(text.substr(at + 1, n))
             ? Finding("telegram_token")
             : std::nullopt;
}

// "14 characters.atlasv1.60 and more"
Finding findTerraform(std::string_view text, std::size_t at) {
  if (!text.substr(at).starts_with(".atlasv1.") || at < 14) return std::nullopt;
  return countOf(text, at - 14, Alphabet::kAlphanumeric, 14) == 14 &&
                 countOf(text, at + 9, Alphabet::kUrlSafe, 80) >= 60
             ? Finding("terraform_token")
             : std::nullopt;
}

Finding findFormat(std::string_view text, std::size_t at, const TokenFormat& format) {
  if (!text.substr(at).starts_with(format.prefix)) return std::nullopt;
  const char first = format.prefix[0];
  if (at > 0 && isIn(Alphabet::kAlphanumeric, first) && isWord(text[at - 1])) return std::nullopt;
  const std::size_t begin = at + format.prefix.size();
  const std::size_t n = countOf(text, begin, format.alphabet, format.n_max + 1);
  if (n < format.n_min || n > format.n_max) return std::nullopt;
  if (begin + n < text.size() && isWord(text[begin + n])) return std::nullopt;
  if (!looksDrawn(text.substr(begin, n))) return std::nullopt;
  return std::string(format.kind);
}

// What may begin at a position, by its first four bytes in one case.
class Anchors {
 public:
  using Check = Finding (*)(std::string_view text, std::size_t at);

  Anchors() {
    // Beginnings shorter than four bytes are entered with every fourth byte their alphabet allows.
    for (const TokenFormat& format : tokenFormats()) enter(format.prefix);
    for (const std::string_view word : kWords) enter(word);
  }
  bool mayBegin(const char* at) const { return begins_[hashOf(load(at))]; }

  static constexpr std::string_view kWords[] = {
      // of checks
      "-----BEGIN", "PuTTY", "eyJ", "://", "authorization", "\"auth\"", "_auth", "machine ", "$6$",
      "$5$", "$1$", "$y$", "$apr1$", "$2y$", "$2b$", "$2a$", ":AA", ".atlasv1",
      // of names that are assigned to
      "pass", "pwd", "secr", "toke", "apik", "api_", "api-", "api.", "acce", "priv", "auth", "cred",
      "_key", "-key", ".key", "skey", "nkey", "rkey", "gkey", "tkey", "ekey", "ckey", "dkey",
      "hkey", "pkey"};

 private:
  static std::uint32_t load(const char* at) {
    std::uint32_t four = 0;
    std::memcpy(&four, at, sizeof four);
    return four | 0x20202020u;
  }
  static std::uint32_t hashOf(std::uint32_t four) { return four * 2654435761u >> 15; }

  void enter(std::string_view word) {
    std::string four(word.substr(0, 4));
    if (four.size() == 4) return begins_.set(hashOf(load(four.data()))), void();
    four.resize(4);
    if (word.size() == 3) {
      for (int c = 0; c < 256; ++c) {
        four[3] = static_cast<char>(c);
        begins_.set(hashOf(load(four.data())));
      }
    } else {
      for (int c = 0; c < 256 * 256; ++c) {
        four[2] = static_cast<char>(c >> 8), four[3] = static_cast<char>(c);
        const bool hex = isIn(Alphabet::kHex, four[2]) && isIn(Alphabet::kHex, four[3]);
        if (hex) begins_.set(hashOf(load(four.data())));
      }
    }
  }

  std::bitset<std::size_t{1} << 17> begins_;
};

constexpr Anchors::Check kChecks[] = {
    findPem,          findPutty, findJwt,          findUrlPassword, findAuthorization,
    findRegistryAuth, findNetrc, findPasswordHash, findTelegram,    findTerraform};

Finding findAt(std::string_view text, std::size_t at, BareValues bare) {
  for (const Anchors::Check check : kChecks)
    if (auto found = check(text, at)) return found;
  for (const TokenFormat& format : tokenFormats())
    if (auto found = findFormat(text, at, format)) return found;
  if (isWord(text[at]) || text[at] == '-' || text[at] == '.') return assignedSecret(text, at, bare);
  return std::nullopt;
}

// The manifest of a Kubernetes secret: base64 of anything is secret there.
bool isSecretManifest(std::string_view text) {
  const std::size_t kind = text.find("kind: Secret\n");
  if (kind == std::string_view::npos || text.find("apiVersion:") == std::string_view::npos)
    return false;
  std::size_t data = text.find("\ndata:\n");
  if (data == std::string_view::npos) return false;
  const std::string_view line = text.substr(data + 7, text.find('\n', data + 7) - data - 7);
  const std::size_t colon = line.find(": ");
  if (colon == std::string_view::npos) return false;
  const std::string_view value = line.substr(colon + 2);
  return value.size() >= 8 && !isPlaceholder(value) && !isPlaceholder(decodedBase64(value));
}

constexpr std::string_view kSecretFiles[] = {
    "_netrc",   ".git-credentials", ".htpasswd", ".netrc",      ".pgpass",           ".vault-token",
    "id_dsa",   "id_ecdsa",         "id_ed25519", "id_rsa",     "secring.gpg", "terraform.tfstate",
    "wallet.dat"};
constexpr std::string_view kKeyStores[] = {".agekey", ".jks", ".kdb", ".kdbx", ".keychain",
                                           ".keystore", ".p12", ".pfx", ".ppk"};
// Versions of .env that are meant to be shown.
constexpr std::string_view kShownEnvironments[] = {"example", "sample", "template", "dist",
                                                   "defaults", "schema", "d.ts", "js", "ts", "md"};

bool isEnvironmentFile(std::string_view name) {
  if (name == ".env") return true;
  if (!name.starts_with(".env.")) return false;
  return std::none_of(
      std::begin(kShownEnvironments), std::end(kShownEnvironments),
      [&](std::string_view shown) { return name.ends_with(shown); });
}

}  // namespace

std::optional<Secret> secretByName(std::string_view name) {
  const std::string lower = lowerCase(name);
  if (isEnvironmentFile(lower)) return Secret{"environment_file", 0};
  if (std::find(std::begin(kSecretFiles), std::end(kSecretFiles), lower) != std::end(kSecretFiles))
    return Secret{"credential_file", 0};
  for (const std::string_view end : kKeyStores)
    if (lower.ends_with(end)) return Secret{"key_store", 0};
  return std::nullopt;
}

std::optional<Secret> findSecret(std::string_view name, std::string_view text) {
  static const auto anchors = std::make_unique<const Anchors>();
  const BareValues bare = bareValuesOf(name);
  const auto found = [&](std::string kind, std::size_t at) {
    const auto n_feeds = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
    return Secret{std::move(kind), static_cast<int>(n_feeds) + 1};
  };
  for (std::size_t at = 0; at + 4 <= text.size(); ++at)
    if (anchors->mayBegin(text.data() + at))
      if (auto kind = findAt(text, at, bare)) return found(*std::move(kind), at);
  if (isSecretManifest(text)) return found("secret_manifest", text.find("kind: Secret\n"));
  return std::nullopt;
}

std::string secretSentence(const Secret& secret) {
  std::string words = secret.kind;
  std::replace(words.begin(), words.end(), '_', ' ');
  if (secret.line == 0) return "Its name says that it holds secrets (" + words + ").";
  return "Line " + std::to_string(secret.line) + " looks like a secret (" + words + ").";
}

}  // namespace ingest
