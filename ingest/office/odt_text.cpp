// content.xml: office:text holds text:h, text:p, text:list and table:table.
#include <algorithm>
#include <cstdlib>

#include "ingest/office/office_text.h"
#include "ingest/office/xml.h"

namespace ingest {
namespace {

constexpr int kRepeatMax = 100;  // blanks and cells that are written once and meant often

class Writer {
 public:
  void writeBlocks(const pugi::xml_node& parent, int depth) {
    if (depth > kXmlDepthMax) return;
    for (const pugi::xml_node& node : parent.children()) {
      const std::string_view name = localName(node);
      if (name == "h") {
        const int level = std::clamp(numberOf(node, "outline-level"), 1, 6);
        text += std::string(static_cast<std::size_t>(level), '#') + " ";
        endBlock(node, depth);
      } else if (name == "p") {
        endBlock(node, depth);
      } else if (name == "list-item") {
        text += "- ";
        writeBlocks(node, depth + 1);
      } else if (name == "table-row") {
        writeRow(node, depth + 1);
      } else if (name != "tracked-changes" && name != "sequence-decls") {
        writeBlocks(node, depth + 1);
      }
    }
  }

  std::string text;

 private:
  void endBlock(const pugi::xml_node& node, int depth) {
    writeInline(node, depth + 1);
    text += "\n\n";
  }

  void writeInline(const pugi::xml_node& parent, int depth) {
    if (depth > kXmlDepthMax) return;
    for (const pugi::xml_node& node : parent.children()) {
      const std::string_view name = localName(node);
      if (node.type() == pugi::node_pcdata) writeText(node.value());
      else if (name == "s") text.append(static_cast<std::size_t>(repeatOf(node, "c")), ' ');
      else if (name == "tab") text += '\t';
      else if (name == "line-break") text += '\n';
      else if (name == "a") writeLink(node, depth + 1);
      else if (name == "note") writeNote(node, depth + 1);
      else if (name != "annotation" && name != "bookmark") writeInline(node, depth + 1);
    }
  }

  // White space of the file counts once.
  void writeText(std::string_view piece) {
    for (const char c : piece) {
      const bool blank = c == ' ' || c == '\n' || c == '\r' || c == '\t';
      if (!blank) text += c;
      else if (!text.empty() && text.back() != ' ' && text.back() != '\n') text += ' ';
    }
  }

  void writeLink(const pugi::xml_node& link, int depth) {
    const std::string_view target = attribute(link, "href");
    const bool shown = !target.empty() && target[0] != '#';
    if (shown) text += '[';
    writeInline(link, depth);
    if (shown) text.append("](").append(target) += ')';
  }

  void writeNote(const pugi::xml_node& note, int depth) {
    text += " (";
    for (const pugi::xml_node& part : note.children())
      if (localName(part) == "note-body")
        for (const pugi::xml_node& paragraph : part.children()) writeInline(paragraph, depth + 1);
    text += ')';
  }

  void writeRow(const pugi::xml_node& row, int depth) {
    text += '|';
    for (const pugi::xml_node& cell : row.children()) {
      if (localName(cell) != "table-cell") continue;
      std::string outer;
      outer.swap(text);
      writeBlocks(cell, depth + 1);
      while (text.ends_with('\n')) text.pop_back();
      std::replace(text.begin(), text.end(), '\n', ' ');
      const std::string shown = " " + text + " |";
      text = std::move(outer);
      // Sheets repeat the empty cell behind the last one to the end of the world.
      const int n = shown == "  |" ? 1 : repeatOf(cell, "number-columns-repeated");
      for (int i = 0; i < n; ++i) text += shown;
    }
    text += '\n';
  }

  static int repeatOf(const pugi::xml_node& node, std::string_view name) {
    return std::clamp(numberOf(node, name), 1, kRepeatMax);
  }
  static int numberOf(const pugi::xml_node& node, std::string_view name) {
    return std::atoi(std::string(attribute(node, name)).c_str());
  }
};

bool isEncrypted(const Package& package) {
  const std::string* manifest = package.part("META-INF/manifest.xml");
  return manifest && manifest->find("encryption-data") != std::string::npos;
}

}  // namespace

tl::expected<std::string, Refusal> odtText(const Package& package) {
  if (isEncrypted(package)) return tl::unexpected(Refusal::kLocked);
  const auto xml = parseXml(*package.part("content.xml"));
  if (!xml) return tl::unexpected(xml.error());
  Writer writer;
  for (const pugi::xml_node& part : (*xml)->document_element().children())
    if (localName(part) == "body") writer.writeBlocks(part, 0);
  return std::move(writer.text);
}

}  // namespace ingest
