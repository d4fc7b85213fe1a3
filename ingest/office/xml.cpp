#include "ingest/office/xml.h"

namespace ingest {
namespace {

std::string_view withoutPrefix(std::string_view name) {
  return name.substr(name.rfind(':') + 1);
}

}  // namespace

tl::expected<std::unique_ptr<pugi::xml_document>, Refusal> parseXml(const std::string& text) {
  if (text.find("<!ENTITY") != std::string::npos) return tl::unexpected(Refusal::kXmlEntities);
  auto document = std::make_unique<pugi::xml_document>();
  const auto parsed = document->load_buffer(text.data(), text.size(),
                                            pugi::parse_default | pugi::parse_ws_pcdata);
  if (!parsed) return tl::unexpected(Refusal::kDamaged);
  return document;
}

std::string_view localName(const pugi::xml_node& node) { return withoutPrefix(node.name()); }

std::string_view attribute(const pugi::xml_node& node, std::string_view name) {
  for (const pugi::xml_attribute& found : node.attributes())
    if (withoutPrefix(found.name()) == name) return found.value();
  return {};
}

}  // namespace ingest
