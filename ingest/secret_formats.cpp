#include "ingest/secret_formats.h"

namespace ingest {
namespace {

using enum Alphabet;

constexpr std::size_t kAny = 4096;

// From the services' own documentation of their token formats.
constexpr TokenFormat kFormats[] = {
    {"AKIA", "aws_key", kUpperBase32, 16, 16},
    {"ASIA", "aws_key", kUpperBase32, 16, 16},
    {"LTAI", "alibaba_key", kAlphanumeric, 12, 26},
    {"AIza", "google_key", kUrlSafe, 35, 35},
    {"GOCSPX-", "google_client_secret", kUrlSafe, 28, 28},
    {"ya29.", "google_token", kUrlSafe, 40, kAny},
    {"AccountKey=", "azure_key", kBase64, 80, 100},
    {"SharedAccessKey=", "azure_key", kBase64, 40, 100},
    {"ghp_", "github_token", kAlphanumeric, 36, 251},
    {"gho_", "github_token", kAlphanumeric, 36, 251},
    {"ghu_", "github_token", kAlphanumeric, 36, 251},
    {"ghs_", "github_token", kAlphanumeric, 36, 251},
    {"ghr_", "github_token", kAlphanumeric, 36, 251},
    {"github_pat_", "github_token", kUrlSafe, 60, 255},
    {"glpat-", "gitlab_token", kUrlSafeDots, 20, 300},
    {"gldt-", "gitlab_token", kUrlSafe, 20, 64},
    {"glrt-", "gitlab_token", kUrlSafeDots, 20, 64},
    {"glptt-", "gitlab_token", kHex, 40, 40},
    {"xoxb-", "slack_token", kUrlSafe, 24, 255},
    {"xoxp-", "slack_token", kUrlSafe, 24, 255},
    {"xoxa-", "slack_token", kUrlSafe, 24, 255},
    {"xoxr-", "slack_token", kUrlSafe, 24, 255},
    {"xoxs-", "slack_token", kUrlSafe, 24, 255},
    {"xapp-", "slack_token", kUrlSafe, 40, 255},
    {"hooks.slack.com/services/", "webhook", kPath, 40, 60},
    {"discord.com/api/webhooks/", "webhook", kPath, 70, 110},
    {"discordapp.com/api/webhooks/", "webhook", kPath, 70, 110},
    {"sk_live_", "stripe_key", kAlphanumeric, 20, 247},
    {"rk_live_", "stripe_key", kAlphanumeric, 20, 247},
    {"whsec_", "stripe_key", kBase64, 32, 64},
    {"sk-ant-", "anthropic_key", kUrlSafe, 60, 255},
    {"sk-proj-", "openai_key", kUrlSafe, 40, 255},
    {"sk-svcacct-", "openai_key", kUrlSafe, 40, 255},
    {"sk-", "openai_key", kAlphanumeric, 40, 64},
    {"hf_", "huggingface_token", kAlphanumeric, 30, 40},
    {"gsk_", "groq_key", kAlphanumeric, 48, 60},
    {"nvapi-", "nvidia_key", kUrlSafe, 60, 70},
    {"r8_", "replicate_token", kAlphanumeric, 37, 37},
    {"npm_", "npm_token", kAlphanumeric, 36, 36},
    {"pypi-AgE", "pypi_token", kUrlSafe, 50, kAny},
    {"rubygems_", "rubygems_key", kHex, 48, 48},
    {"oy2", "nuget_key", kAlphanumeric, 43, 43},
    {"dckr_pat_", "docker_token", kUrlSafe, 27, 32},
    {"SG.", "sendgrid_key", kUrlSafeDots, 60, 70},
    {"SK", "twilio_key", kHex, 32, 32},
    {"key-", "mailgun_key", kHex, 32, 32},
    {"dop_v1_", "digitalocean_token", kHex, 64, 64},
    {"doo_v1_", "digitalocean_token", kHex, 64, 64},
    {"dor_v1_", "digitalocean_token", kHex, 64, 64},
    {"shpat_", "shopify_token", kHex, 32, 32},
    {"shpca_", "shopify_token", kHex, 32, 32},
    {"shppa_", "shopify_token", kHex, 32, 32},
    {"shpss_", "shopify_token", kHex, 32, 32},
    {"hvs.", "vault_token", kUrlSafe, 24, 300},
    {"hvb.", "vault_token", kUrlSafe, 24, 400},
    {"dapi", "databricks_token", kHex, 32, 32},
    {"lin_api_", "linear_key", kAlphanumeric, 32, 48},
    {"NRAK-", "newrelic_key", kUpper, 27, 27},
    {"PMAK-", "postman_key", kUrlSafe, 50, 64},
    {"glsa_", "grafana_token", kUrlSafe, 40, 41},
    {"ATATT3", "atlassian_token", kBase64, 60, 255},
    {"sntrys_", "sentry_token", kBase64, 40, 400},
    {"sbp_", "supabase_token", kHex, 40, 40},
    {"sq0csp-", "square_secret", kUrlSafe, 43, 43},
    {"sq0atp-", "square_token", kUrlSafe, 22, 22},
    {"EAAC", "facebook_token", kAlphanumeric, 100, 300},
    {"dp.pt.", "doppler_token", kAlphanumeric, 40, 44},
    {"AGE-SECRET-KEY-1", "age_key", kUpper, 58, 58},
    {"pscale_tkn_", "planetscale_token", kUrlSafeDots, 32, 64},
    {"EZAK", "easypost_key", kAlphanumeric, 54, 54},
};

}  // namespace

bool isIn(Alphabet alphabet, char c) {
  const bool digit = c >= '0' && c <= '9', upper = c >= 'A' && c <= 'Z', lower = c >= 'a' && c <= 'z';
  const bool alphanumeric = digit || upper || lower;
  switch (alphabet) {
    case kHex: return digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    case kAlphanumeric: return alphanumeric;
    case kUrlSafe: return alphanumeric || c == '-' || c == '_';
    case kUrlSafeDots: return alphanumeric || c == '-' || c == '_' || c == '.';
    case kBase64: return alphanumeric || c == '+' || c == '/' || c == '=' || c == '-' || c == '_';
    case kUpperBase32: return upper || (c >= '2' && c <= '7');
    case kUpper: return upper || digit;
    case kPath: return alphanumeric || c == '/' || c == '-' || c == '_';
  }
  return false;
}

std::span<const TokenFormat> tokenFormats() { return kFormats; }

}  // namespace ingest
