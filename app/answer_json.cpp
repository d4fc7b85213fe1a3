#include "app/answer_json.h"

namespace app {

using engine::Json;

Json boxesJson(const std::vector<base::Box>& boxes) {
  Json list = Json::array();
  for (const base::Box& box : boxes) list.push_back({box.x0, box.y0, box.x1, box.y1});
  return list;
}

Json citationJson(const base::Citation& citation) {
  return Json{{"quote", citation.quote},
              {"path", citation.path},
              {"line_start", citation.line_start},
              {"line_end", citation.line_end},
              {"page", citation.page},
              {"page_label", citation.page_label},
              {"boxes", boxesJson(citation.boxes)},
              {"verified", citation.check == base::CitationCheck::kVerified},
              {"check", std::string(base::citationCheckName(citation.check))},
              {"bytes", {citation.bytes.begin, citation.bytes.end}},
              {"answer_bytes", {citation.answer.begin, citation.answer.end}},
              {"places", citation.n_places}};
}

Json usageJson(const base::Usage& usage) {
  return Json{{"context_tokens", usage.context_tokens},
              {"reused_tokens", usage.reused_tokens},
              {"prefilled_tokens", usage.prefilled_tokens},
              {"prefill_s", usage.prefill_s},
              {"first_token_s", usage.first_token_s},
              {"decode_tokens", usage.decode_tokens},
              {"decode_tok_s", usage.decode_tok_s}};
}

Json damageJson(const SnapshotDamage& damage) {
  return Json{{"dropped", damage.n_dropped},
              {"file_replaced", damage.file_replaced},
              {"tokens_read_again", damage.n_read_again}};
}

Json answerJson(const Answer& answer) {
  Json citations = Json::array();
  for (const base::Citation& citation : answer.citations)
    citations.push_back(citationJson(citation));
  // Evidence (the rows the model looked at) is not recorded while answering yet.
  return Json{{"answer", answer.text},
              {"reasoning", answer.reasoning},
              {"citations", std::move(citations)},
              {"evidence", Json::array()},
              {"finish", std::string(base::finishReasonName(answer.finish))},
              {"usage", usageJson(answer.usage)},
              {"damage", damageJson(answer.damage)}};
}

Json receiptJson(const std::vector<base::ReceiptEntry>& receipt) {
  Json list = Json::array();
  for (const base::ReceiptEntry& entry : receipt)
    list.push_back({{"path", entry.path},
                    {"read", entry.read},
                    {"reason", entry.reason},
                    {"detail", entry.detail},
                    {"kind", std::string(base::documentKindName(entry.kind))},
                    {"bytes", entry.bytes}});
  return list;
}

}  // namespace app
