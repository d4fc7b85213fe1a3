// xml.h: a part of a package as a tree. The includers of pugixml are the files of this folder.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <pugixml.hpp>

#include "engine/base/result.h"
#include "ingest/reader_message.h"

namespace ingest {

// How deep our own walks go into a tree; text below is left out.
inline constexpr int kXmlDepthMax = 200;

// kXmlEntities when the part defines entities: no writer of documents does, only bombs do.
// kDamaged when it is not well-formed. White space between words is kept.
tl::expected<std::unique_ptr<pugi::xml_document>, Refusal> parseXml(const std::string& text);

// The name without its prefix: prefixes are the writer's choice.
std::string_view localName(const pugi::xml_node& node);
// The attribute by its name without prefix; empty when there is none.
std::string_view attribute(const pugi::xml_node& node, std::string_view name);

}  // namespace ingest
