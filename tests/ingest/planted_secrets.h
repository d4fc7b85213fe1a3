// planted_secrets.h: invented secrets in the places where people leave them, and what resembles them.
//
// Written from the formats that services document and from the shapes of real configuration, not
// from the detector: it shares no table with it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace support {

struct PlantedFile {
  std::string path, text;
};

class SecretGarden {
 public:
  explicit SecretGarden(std::uint64_t seed) : random_(seed) {}

  // One of 24 kinds, in turn.
  PlantedFile secret(int number) {
    using Make = PlantedFile (SecretGarden::*)(const std::string&);
    static constexpr Make kinds[] = {
        &SecretGarden::rsaKey,        &SecretGarden::opensshKey,   &SecretGarden::serviceAccount,
        &SecretGarden::awsPair,       &SecretGarden::awsSecret,    &SecretGarden::githubToken,
        &SecretGarden::githubFine,    &SecretGarden::gitlabToken,  &SecretGarden::slackToken,
        &SecretGarden::slackHook,     &SecretGarden::stripeKey,    &SecretGarden::googleKey,
        &SecretGarden::openaiKey,     &SecretGarden::npmrc,        &SecretGarden::pypirc,
        &SecretGarden::sendgrid,      &SecretGarden::jwt,          &SecretGarden::databaseUrl,
        &SecretGarden::azureStorage,  &SecretGarden::environment,  &SecretGarden::netrc,
        &SecretGarden::yamlPassword,  &SecretGarden::codeApiKey,   &SecretGarden::dockerConfig,
        &SecretGarden::kubernetes,    &SecretGarden::bearer};
    const auto n_kinds = static_cast<int>(std::size(kinds));
    return (this->*kinds[number % n_kinds])(std::string("p").append(std::to_string(number)));
  }

  // A clean file; nearly every second one holds something that looks like a secret.
  PlantedFile clean(int number) {
    using Make = PlantedFile (SecretGarden::*)(const std::string&);
    static constexpr Make kinds[] = {
        &SecretGarden::code,        &SecretGarden::code,         &SecretGarden::prose,
        &SecretGarden::code,        &SecretGarden::lockFile,     &SecretGarden::checksums,
        &SecretGarden::uuids,       &SecretGarden::base64Image,  &SecretGarden::exampleKeys,
        &SecretGarden::envTemplate, &SecretGarden::publicKey,    &SecretGarden::placeholders,
        &SecretGarden::lookups,     &SecretGarden::formCode,     &SecretGarden::gitLog,
        &SecretGarden::tokenizer,   &SecretGarden::settings,     &SecretGarden::docUrls,
        &SecretGarden::translations, &SecretGarden::minified};
    const auto n_kinds = static_cast<int>(std::size(kinds));
    return (this->*kinds[number % n_kinds])(std::string("c").append(std::to_string(number)));
  }

 private:
  static constexpr const char* kHex = "0123456789abcdef";
  static constexpr const char* kAlnum =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  static constexpr const char* kBase64 =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  static constexpr const char* kUrl64 =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

  std::size_t below(std::size_t n) { return random_() % n; }
  std::string draw(const std::string& letters, std::size_t n) {
    std::string drawn;
    for (std::size_t i = 0; i < n; ++i) drawn += letters[below(letters.size())];
    return drawn;
  }
  std::string pick(std::initializer_list<const char*> words) {
    return *(words.begin() + below(words.size()));
  }
  std::string word() {
    return pick({"order", "cache", "parser", "window", "ledger", "invoice", "render", "session",
                 "planet", "garden", "metric", "driver", "export", "buffer", "stream", "policy"});
  }
  static std::string base64Of(const std::string& bytes, const char* letters = kBase64) {
    std::string text;
    std::uint32_t bits = 0;
    int n_bits = 0;
    for (const char c : bytes) {
      bits = bits << 8 | static_cast<unsigned char>(c);
      for (n_bits += 8; n_bits >= 6; n_bits -= 6) text += letters[bits >> (n_bits - 6) & 63];
    }
    if (n_bits > 0) text += letters[bits << (6 - n_bits) & 63];
    return text;
  }
  std::string randomBytes(std::size_t n) {
    std::string bytes;
    for (std::size_t i = 0; i < n; ++i) bytes += static_cast<char>(random_());
    return bytes;
  }
  std::string password() {  // as people and managers of passwords choose them
    std::string text = draw("abcdefghjkmnpqrstuvwxyz", 4) + draw("23456789", 2) +
                       draw("ABCDEFGHJKMNPQRSTUVWXYZ", 3) + draw("!#%+-_=", 1) + draw(kAlnum, 4);
    return text;
  }
  std::string surroundings(int n_lines) {
    std::string text;
    for (int i = 0; i < n_lines; ++i)
      text += "# " + word() + " " + word() + " of the " + word() + "\n";
    return text;
  }
  static std::string wrapped(const std::string& body, std::size_t width) {
    std::string text;
    for (std::size_t at = 0; at < body.size(); at += width) text += body.substr(at, width) + "\n";
    return text;
  }

  // --- secrets -----------------------------------------------------------------------------------

  PlantedFile rsaKey(const std::string& n) {
    const std::string der("\x30\x82\x04\xa4\x02\x01\x00\x02\x82\x01\x01\x00", 12);
    const std::string label = pick({"RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY"});
    return {"certs/" + n + ".pem", "-----BEGIN " + label + "-----\n" +
                                       wrapped(base64Of(der + randomBytes(600)), 64) +
                                       "-----END " + label + "-----\n"};
  }
  PlantedFile opensshKey(const std::string& n) {
    const std::string blob = std::string("openssh-key-v1\0", 15) + randomBytes(300);
    return {"deploy/" + n, "-----BEGIN OPENSSH PRIVATE KEY-----\n" + wrapped(base64Of(blob), 70) +
                               "-----END OPENSSH PRIVATE KEY-----\n"};
  }
  PlantedFile serviceAccount(const std::string& n) {
    std::string body = wrapped(base64Of(randomBytes(900)), 64), escaped;
    for (const char c : body) escaped += c == '\n' ? std::string("\\n") : std::string(1, c);
    return {"config/" + n + ".json",
            "{\n  \"type\": \"service_account\",\n  \"private_key_id\": \"" + draw(kHex, 40) +
                "\",\n  \"private_key\": \"-----BEGIN PRIVATE KEY-----\\n" + escaped +
                "-----END PRIVATE KEY-----\\n\"\n}\n"};
  }
  PlantedFile awsPair(const std::string& n) {
    return {"aws/" + n, "[default]\naws_access_key_id = AKIA" +
                            draw("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16) +
                            "\naws_secret_access_key = " + draw(kBase64, 40) + "\n"};
  }
  PlantedFile awsSecret(const std::string& n) {
    return {"infra/" + n + ".tf", surroundings(6) + "provider \"aws\" {\n  region = \"eu-west-1\"\n"
                                                    "  secret_key = \"" + draw(kBase64, 40) +
                                      "\"\n}\n"};
  }
  PlantedFile githubToken(const std::string& n) {
    const std::string token = pick({"ghp_", "gho_", "ghs_"}) + draw(kAlnum, 36);
    return {"scripts/" + n + ".sh", "#!/bin/sh\n" + surroundings(3) +
                                        "curl -H \"Authorization: token " + token +
                                        "\" https://api.github.com/user\n"};
  }
  PlantedFile githubFine(const std::string& n) {
    return {"ci/" + n + ".yml", "steps:\n  - run: make release\n    env:\n      GH: github_pat_" +
                                    draw(kAlnum, 22) + "_" + draw(kAlnum, 59) + "\n"};
  }
  PlantedFile gitlabToken(const std::string& n) {
    return {"src/" + n + ".py", "import gitlab\n\ngl = gitlab.Gitlab('https://git.corp', "
                                "'glpat-" + draw(kUrl64, 20) + "')\n"};
  }
  PlantedFile slackToken(const std::string& n) {
    return {"bot/" + n + ".rb", "client = Slack::Web::Client.new('xoxb-" + draw("0123456789", 12) +
                                    "-" + draw("0123456789", 13) + "-" + draw(kAlnum, 24) + "')\n"};
  }
  PlantedFile slackHook(const std::string& n) {
    return {"alerts/" + n + ".js", "const url = 'https://hooks.slack.com/services/T" +
                                       draw("ABCDEFGHJKLMN0123456789", 8) + "/B" +
                                       draw("ABCDEFGHJKLMN0123456789", 8) + "/" +
                                       draw(kAlnum, 24) + "';\n"};
  }
  PlantedFile stripeKey(const std::string& n) {
    return {"pay/" + n + ".php", "<?php\n\\Stripe\\Stripe::setApiKey('" +
                                     pick({"sk_live_", "rk_live_"}) + draw(kAlnum, 24) + "');\n"};
  }
  PlantedFile googleKey(const std::string& n) {
    return {"web/" + n + ".html", "<script src=\"https://maps.googleapis.com/maps/api/js?key=AIza" +
                                      draw(kUrl64, 35) + "\"></script>\n"};
  }
  PlantedFile openaiKey(const std::string& n) {
    const std::string key = below(2) ? "sk-" + draw(kAlnum, 20) + "T3BlbkFJ" + draw(kAlnum, 20)
                                     : "sk-ant-api03-" + draw(kUrl64, 93) + "AA";
    return {"lab/" + n + ".ipynb", "{\"cells\": [{\"cell_type\": \"code\", \"source\": [\"key = '" +
                                       key + "'\\n\"]}]}\n"};
  }
  PlantedFile npmrc(const std::string& n) {
    return {n + "/.npmrc", "registry=https://registry.npmjs.org/\n"
                           "//registry.npmjs.org/:_authToken=npm_" + draw(kAlnum, 36) + "\n"};
  }
  PlantedFile pypirc(const std::string& n) {
    return {n + "/.pypirc", "[pypi]\nusername = __token__\npassword = pypi-AgEIcHlwaS5vcmc" +
                                draw(kUrl64, 120) + "\n"};
  }
  PlantedFile sendgrid(const std::string& n) {
    return {"mail/" + n + ".go", "package mail\n\nvar client = sendgrid.NewSendClient(\"SG." +
                                     draw(kUrl64, 22) + "." + draw(kUrl64, 43) + "\")\n"};
  }
  PlantedFile jwt(const std::string& n) {
    const std::string head = base64Of("{\"alg\":\"HS256\",\"typ\":\"JWT\"}", kUrl64);
    const std::string claims = base64Of("{\"iss\":\"https://login.corp\",\"sub\":\"u-" +
                                            draw(kHex, 8) + "\",\"exp\":19" +
                                            draw("23456789", 8) + "}", kUrl64);
    return {"tests/" + n + ".http", "GET /v1/me\nCookie: session=" + head + "." + claims + "." +
                                        base64Of(randomBytes(32), kUrl64) + "\n"};
  }
  PlantedFile databaseUrl(const std::string& n) {
    return {"app/" + n + ".toml", surroundings(4) + "[database]\nurl = \"" +
                                      pick({"postgres", "mysql", "amqp", "mongodb+srv"}) +
                                      "://service:" + draw(kAlnum, 18) + "@db-" + word() +
                                      ".internal:5432/main\"\n"};
  }
  PlantedFile azureStorage(const std::string& n) {
    return {"cloud/" + n + ".cs",
            "var s = \"DefaultEndpointsProtocol=https;AccountName=store;AccountKey=" +
                draw(kBase64, 86) + "==;EndpointSuffix=core.windows.net\";\n"};
  }
  PlantedFile environment(const std::string& n) {
    return {n + "/.env" + pick({"", ".production", ".local"}),
            "DEBUG=0\nDB_HOST=db\nDB_PASSWORD=" + password() + "\n"};
  }
  PlantedFile netrc(const std::string& n) {
    return {"home/" + n + ".txt", "machine api.heroku.com\n  login ops@corp.io\n  password " +
                                      draw(kHex, 8) + "-" + draw(kHex, 4) + "-" + draw(kHex, 4) +
                                      "-" + draw(kHex, 4) + "-" + draw(kHex, 12) + "\n"};
  }
  PlantedFile yamlPassword(const std::string& n) {
    return {"ansible/" + n + ".yml", surroundings(8) + "mysql:\n  user: root\n  password: " +
                                         password() + "\n"};
  }
  PlantedFile codeApiKey(const std::string& n) {
    return pick({"a", "b"}) == "a"
               ? PlantedFile{"src/" + n + ".ts", "export const config = {\n  apiKey: \"" +
                                                     draw(kAlnum, 32) + "\",\n};\n"}
               : PlantedFile{"src/" + n + ".java", "class Api {\n  private static final String "
                                                   "CLIENT_SECRET = \"" + draw(kHex, 40) +
                                                       "\";\n}\n"};
  }
  PlantedFile dockerConfig(const std::string& n) {
    return {n + "/config.json", "{\n  \"auths\": {\n    \"registry.corp\": {\n      \"auth\": \"" +
                                    base64Of("ci-bot:" + password() + password()) + "\"\n    }\n  }\n}\n"};
  }
  PlantedFile kubernetes(const std::string& n) {
    return {"k8s/" + n + ".yaml", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\ntype: Opaque"
                                  "\ndata:\n  value: " + base64Of(randomBytes(24)) + "\n"};
  }
  PlantedFile bearer(const std::string& n) {
    return {"docs/" + n + ".md", "# Calls\n\n    curl -H 'Authorization: Bearer " +
                                     draw(kAlnum, 40) + "' https://api.corp/v2/orders\n"};
  }

  // --- what is none ------------------------------------------------------------------------------

  PlantedFile code(const std::string& n) {
    std::string text = "// " + word() + " of the " + word() + "\n";
    for (int i = 0; i < 12; ++i)
      text += "int " + word() + "_" + draw("abcdefgh", 3) + "(int " + word() + ") { return " +
              draw("123456789", 3) + "; }\n";
    return {"src/" + n + pick({".c", ".py", ".go", ".rs"}), text};
  }
  PlantedFile prose(const std::string& n) {
    return {"doc/" + n + ".txt", surroundings(10) + "The password: chosen by the user, the token: "
                                                    "sent by mail, the secret: kept by both.\n"};
  }
  PlantedFile lockFile(const std::string& n) {
    std::string text = "{\n  \"packages\": {\n";
    for (int i = 0; i < 6; ++i)
      text += "    \"" + word() + "\": { \"resolved\": \"https://registry.npmjs.org/" + word() +
              "/-/x-1.0.0.tgz\", \"integrity\": \"sha512-" + draw(kBase64, 86) + "==\" },\n";
    return {n + "/package-lock.json", text + "  }\n}\n"};
  }
  PlantedFile checksums(const std::string& n) {
    std::string text;
    for (int i = 0; i < 6; ++i) text += draw(kHex, 64) + "  " + word() + ".tar.gz\n";
    return {"dist/" + n + ".sha256", text + "sha1 = \"" + draw(kHex, 40) + "\"\n"};
  }
  std::string uuid() {
    return draw(kHex, 8) + "-" + draw(kHex, 4) + "-4" + draw(kHex, 3) + "-a" + draw(kHex, 3) + "-" +
           draw(kHex, 12);
  }
  PlantedFile uuids(const std::string& n) {
    std::string text = "[\n";
    for (int i = 0; i < 5; ++i)
      text += "  {\"id\": \"" + uuid() + "\", \"request_id\": \"" + uuid() + "\", \"etag\": \"" +
              draw(kHex, 32) + "\"},\n";
    return {"fixtures/" + n + ".json", text + "]\n"};
  }
  PlantedFile base64Image(const std::string& n) {
    return {"css/" + n + ".css", ".icon { background: url(data:image/png;base64,iVBORw0KGgo" +
                                     draw(kBase64, 400) + "=); }\n"};
  }
  PlantedFile exampleKeys(const std::string& n) {  // as in the services' own documentation
    return {"doc/" + n + ".md", "Set `AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE` and "
                                "`AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY`.\n"
                                "A token looks like `ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx`, a key "
                                "like `sk-your-api-key-here`.\n-----BEGIN PRIVATE KEY-----\n...\n"
                                "-----END PRIVATE KEY-----\n"};
  }
  PlantedFile envTemplate(const std::string& n) {
    return {n + "/.env.example", "DB_PASSWORD=changeme\nAPI_KEY=your-key\nSECRET_KEY=\n"};
  }
  PlantedFile publicKey(const std::string& n) {
    return {"keys/" + n + ".pub",
            pick({"a", "b"}) == "a"
                ? "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA" + draw(kBase64, 43) + " me@host\n"
                : "-----BEGIN CERTIFICATE-----\n" + wrapped(base64Of(randomBytes(700)), 64) +
                      "-----END CERTIFICATE-----\n-----BEGIN PUBLIC KEY-----\n" +
                      wrapped(base64Of(randomBytes(200)), 64) + "-----END PUBLIC KEY-----\n"};
  }
  PlantedFile placeholders(const std::string& n) {
    return {"conf/" + n + ".yml", "password: <your password>\ntoken: ${API_TOKEN}\napi_key: "
                                  "XXXXXXXXXXXXXXXXXXXX\nsecret: \"{{ vault.secret }}\"\n"
                                  "client_secret: REPLACE_ME_WITH_A_REAL_ONE1\n"};
  }
  PlantedFile lookups(const std::string& n) {
    return {"src/" + n + ".py", "import os\npassword = os.environ['DB_PASSWORD']\ntoken = "
                                "get_token(user_id2, scope='all')\napi_key = "
                                "settings.API_KEY_V2\nsecret = config[\"client_secret\"]\n"};
  }
  PlantedFile formCode(const std::string& n) {
    return {"ui/" + n + ".tsx", "<input type=\"password\" name=\"password\" "
                                "placeholder=\"Password\" value={state.password1} />\nconst "
                                "passwordPattern = /^(?=.*[A-Z])(?=.*\\d).{8,}$/;\n"};
  }
  PlantedFile gitLog(const std::string& n) {
    std::string text;
    for (int i = 0; i < 6; ++i)
      text += "commit " + draw(kHex, 40) + "\nIndex: " + draw(kHex, 7) + ".." + draw(kHex, 7) + "\n";
    return {"logs/" + n + ".log", text};
  }
  PlantedFile tokenizer(const std::string& n) {
    return {"nlp/" + n + ".json", "{\"pad_token\": \"<pad>\", \"eos_token\": \"</s>\", "
                                  "\"max_token\": 4096, \"tokenizer_hash\": \"" +
                                      draw(kHex, 40) + "\", \"next_token\": \"" + draw(kAlnum, 24) +
                                      "\"}\n"};
  }
  PlantedFile settings(const std::string& n) {
    return {"etc/" + n + ".ini", "password_min_length = 12\ntoken_ttl_s = 3600\n"
                                 "secret_name = prod/main/database\ncache_key = " +
                                     draw(kHex, 32) + "\npublic_key = " + draw(kBase64, 44) + "\n"};
  }
  PlantedFile docUrls(const std::string& n) {
    return {"doc/" + n + ".rst", "Connect with ``postgres://user:password@localhost/db`` or "
                                 "``https://user:pass@example.com``; see "
                                 "http://host:8080/a@b and git@github.com:org/repo.git\n"};
  }
  PlantedFile translations(const std::string& n) {
    return {"i18n/" + n + ".properties", "login.password=Passwort\nlogin.token=Ihr Token (6 Ziffern)\n"
                                         "error.secret=Das Geheimnis ist zu kurz\n"};
  }
  PlantedFile minified(const std::string& n) {
    std::string text = "!function(){var t=\"" + draw(kHex, 20) + "\",";
    for (int i = 0; i < 300; ++i)
      text += draw("abcdefghijkl", 1) + "=function(" + draw("etrn", 1) + "){return " +
              draw("etrn", 1) + "." + word() + "},";
    return {"js/" + n + ".min.js", text + "u=1}();\n"};
  }

  std::mt19937_64 random_;
};

}  // namespace support
