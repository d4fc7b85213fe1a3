#include "ui/path_tree.h"

#include <algorithm>

#include <QHash>
#include <QStringList>

namespace ui {
namespace {

void sortChildren(PathNode& node) {
  std::stable_sort(node.children.begin(), node.children.end(), [](const auto& a, const auto& b) {
    if (a->isFolder() != b->isFolder()) return a->isFolder();
    return a->name.compare(b->name, Qt::CaseInsensitive) < 0;
  });
  int row = 0;
  for (const auto& child : node.children) {
    child->row = row++;
    sortChildren(*child);
  }
}

PathNode* addChild(PathNode& parent, const QString& name) {
  parent.children.push_back(std::make_unique<PathNode>());
  PathNode* child = parent.children.back().get();
  child->name = name;
  child->parent = &parent;
  return child;
}

}  // namespace

std::unique_ptr<PathNode> buildPathTree(const std::vector<QString>& paths) {
  auto root = std::make_unique<PathNode>();
  QHash<QString, PathNode*> folders;
  for (size_t file = 0; file < paths.size(); ++file) {
    const QStringList parts = paths[file].split(QLatin1Char('/'), Qt::SkipEmptyParts);
    PathNode* folder = root.get();
    QString prefix;
    for (qsizetype i = 0; i + 1 < parts.size(); ++i) {
      prefix += parts[i] + QLatin1Char('/');
      PathNode*& found = folders[prefix];
      if (!found) found = addChild(*folder, parts[i]);
      folder = found;
    }
    addChild(*folder, parts.isEmpty() ? paths[file] : parts.last())->file = static_cast<int>(file);
  }
  sortChildren(*root);
  return root;
}

}  // namespace ui
