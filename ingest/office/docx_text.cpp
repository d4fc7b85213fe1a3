// word/document.xml: w:body holds w:p (paragraphs of runs) and w:tbl (tables of rows of cells).
#include <map>

#include "ingest/office/office_text.h"
#include "ingest/office/xml.h"

namespace ingest {
namespace {

using Links = std::map<std::string, std::string, std::less<>>;  // relationship id to address

Links linksOf(const Package& package) {
  Links links;
  const std::string* part = package.part("word/_rels/document.xml.rels");
  const auto xml = part ? parseXml(*part) : tl::unexpected(Refusal::kDamaged);
  if (!xml) return links;
  for (const pugi::xml_node& link : (*xml)->document_element().children())
    if (attribute(link, "TargetMode") == "External")
      links[std::string(attribute(link, "Id"))] = attribute(link, "Target");
  return links;
}

class Writer {
 public:
  explicit Writer(Links links) : links_(std::move(links)) {}

  // Paragraphs and tables, in order.
  void writeBlocks(const pugi::xml_node& parent, int depth) {
    if (depth > kXmlDepthMax) return;
    for (const pugi::xml_node& node : parent.children()) {
      const std::string_view name = localName(node);
      if (name == "p") {
        writeParagraph(node, depth + 1);
        text += "\n\n";
      } else if (name == "tbl") {
        writeTable(node, depth + 1);
      } else {
        writeBlocks(node, depth + 1);  // content controls, sections, insertions
      }
    }
  }

  void writeRuns(const pugi::xml_node& parent, int depth) {
    if (depth > kXmlDepthMax) return;
    for (const pugi::xml_node& node : parent.children()) {
      const std::string_view name = localName(node);
      if (name == "t") text += node.text().get();
      else if (name == "tab") text += '\t';
      else if (name == "br" || name == "cr") text += '\n';
      else if (name == "noBreakHyphen") text += '-';
      else if (name == "footnoteReference" || name == "endnoteReference")
        text.append("[^").append(attribute(node, "id")).append("]");
      else if (name == "hyperlink") writeLink(node, depth + 1);
      else if (name != "del" && name != "delText" && name != "instrText" && name != "pPr" &&
               name != "rPr" && name != "Fallback")  // the same drawing again for old programs
        writeRuns(node, depth + 1);
    }
  }

  std::string text;

 private:
  void writeParagraph(const pugi::xml_node& paragraph, int depth) {
    const pugi::xml_node properties = childOf(paragraph, "pPr");
    const std::string style(attribute(childOf(properties, "pStyle"), "val"));
    if (style == "Title") text += "# ";
    else if (style.starts_with("Heading") && style.size() == 8 && style[7] >= '1' && style[7] <= '6')
      text += std::string(static_cast<std::size_t>(style[7] - '0'), '#') + " ";
    else if (childOf(properties, "numPr")) text += "- ";
    writeRuns(paragraph, depth);
  }

  void writeLink(const pugi::xml_node& link, int depth) {
    const auto target = links_.find(attribute(link, "id"));
    if (target != links_.end()) text += '[';
    writeRuns(link, depth);
    if (target != links_.end()) text += "](" + target->second + ")";
  }

  void writeTable(const pugi::xml_node& table, int depth) {
    for (const pugi::xml_node& row : table.children()) {
      if (localName(row) != "tr") continue;
      text += '|';
      for (const pugi::xml_node& cell : row.children())
        if (localName(cell) == "tc") writeCell(cell, depth + 1);
      text += '\n';
    }
    text += '\n';
  }

  void writeCell(const pugi::xml_node& cell, int depth) {
    std::string outer;
    outer.swap(text);
    writeBlocks(cell, depth);
    while (text.ends_with('\n')) text.pop_back();
    for (char& c : text)
      if (c == '\n') c = ' ';
    text = outer + " " + text + " |";
  }

  static pugi::xml_node childOf(const pugi::xml_node& node, std::string_view name) {
    for (const pugi::xml_node& child : node.children())
      if (localName(child) == name) return child;
    return {};
  }

  const Links links_;
};

// Notes stand behind the text, by number; the first two of Word are lines, not notes.
void appendNotes(const Package& package, const char* part, std::string_view element,
                 std::string& text) {
  const std::string* notes = package.part(part);
  const auto xml = notes ? parseXml(*notes) : tl::unexpected(Refusal::kDamaged);
  if (!xml) return;
  for (const pugi::xml_node& note : (*xml)->document_element().children()) {
    if (localName(note) != element || !attribute(note, "type").empty()) continue;
    Writer writer({});
    writer.writeRuns(note, 0);
    text.append("[^").append(attribute(note, "id")).append("]: ").append(writer.text) += '\n';
  }
}

}  // namespace

tl::expected<std::string, Refusal> docxText(const Package& package) {
  const auto xml = parseXml(*package.part("word/document.xml"));
  if (!xml) return tl::unexpected(xml.error());
  Writer writer(linksOf(package));
  writer.writeBlocks((*xml)->document_element(), 0);
  appendNotes(package, "word/footnotes.xml", "footnote", writer.text);
  appendNotes(package, "word/endnotes.xml", "endnote", writer.text);
  return std::move(writer.text);
}

}  // namespace ingest
