// META-INF/container.xml names the package file; its spine lists the chapters in reading order.
#include <cstdlib>
#include <map>

#include "ingest/html_text.h"
#include "ingest/office/office_text.h"
#include "ingest/office/xml.h"
#include "ingest/utf8.h"

namespace ingest {
namespace {

// Depth first, without recursion: the trees come from strangers.
template <class Visit>
void forEach(const pugi::xml_node& root, std::string_view name, Visit visit) {
  for (pugi::xml_node node = root; node;) {
    if (localName(node) == name) visit(node);
    if (node.first_child()) {
      node = node.first_child();
      continue;
    }
    while (node && node != root && !node.next_sibling()) node = node.parent();
    if (!node || node == root) return;
    node = node.next_sibling();
  }
}

// "text/ch%201.xhtml" below "OEBPS/": the name of a part. Empty where it leads out of the book.
std::string partName(const std::string& folder, std::string_view href) {
  std::string path = folder;
  href = href.substr(0, href.find('#'));
  for (std::size_t i = 0; i < href.size(); ++i) {
    if (href[i] == '%' && i + 2 < href.size()) {
      const std::string digits(href.substr(i + 1, 2));
      char* end = nullptr;
      const long byte = std::strtol(digits.c_str(), &end, 16);
      if (end == digits.c_str() + 2) {
        path += static_cast<char>(byte);
        i += 2;
        continue;
      }
    }
    path += href[i];
  }
  for (std::size_t up; (up = path.find("/../")) != std::string::npos;) {
    const std::size_t slash = up == 0 ? std::string::npos : path.rfind('/', up - 1);
    path.erase(slash == std::string::npos ? 0 : slash + 1,
               up + 4 - (slash == std::string::npos ? 0 : slash + 1));
  }
  return path;
}

std::string titleOf(const std::string& text) {
  const std::size_t begin = text.find("# ");
  if (begin == std::string::npos) return {};
  std::string title = text.substr(begin + 2, text.find('\n', begin) - begin - 2);
  if (title.size() <= kLabelBytesMax) return title;
  title.resize(kLabelBytesMax);
  while (!title.empty() && !isUtf8(title)) title.pop_back();
  return title;
}

}  // namespace

tl::expected<std::vector<Section>, Refusal> epubText(const Package& package) {
  const auto container = parseXml(*package.part("META-INF/container.xml"));
  if (!container) return tl::unexpected(container.error());
  std::string book;
  forEach((*container)->document_element(), "rootfile", [&](const pugi::xml_node& file) {
    if (book.empty()) book = attribute(file, "full-path");
  });
  const std::string* part = package.part(book);
  if (!part) return tl::unexpected(Refusal::kNotDocument);
  const auto xml = parseXml(*part);
  if (!xml) return tl::unexpected(xml.error());
  const std::string folder = book.substr(0, book.rfind('/') + 1);

  std::map<std::string, std::string, std::less<>> files;  // by id
  forEach((*xml)->document_element(), "item", [&](const pugi::xml_node& item) {
    files[std::string(attribute(item, "id"))] = partName(folder, attribute(item, "href"));
  });
  std::vector<Section> chapters;
  forEach((*xml)->document_element(), "itemref", [&](const pugi::xml_node& reference) {
    const auto file = files.find(attribute(reference, "idref"));
    const std::string* page = file == files.end() ? nullptr : package.part(file->second);
    if (!page || !isUtf8(*page)) return;
    std::string text = htmlText(*page).text;
    chapters.push_back({titleOf(text), std::move(text)});
  });
  if (chapters.empty()) return tl::unexpected(Refusal::kNoPages);
  return chapters;
}

}  // namespace ingest
