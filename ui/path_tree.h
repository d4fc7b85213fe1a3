// path_tree.h: folders and files made from '/' separated paths, as item models need them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <QString>

namespace ui {

// Invariant: a leaf has a file index, a folder has children; folders stand before files, each
// group sorted by name. Nodes keep their address while the tree lives.
struct PathNode {
  QString name;
  PathNode* parent = nullptr;
  int row = 0;                 // among the parent's children
  int file = -1;               // index of the file; -1 for folders
  std::vector<std::unique_ptr<PathNode>> children;
  std::int64_t tokens = 0;     // of everything below; kept by the owner
  bool isFolder() const { return file < 0; }
};

// One root without a name; paths[i] becomes the leaf with file == i.
std::unique_ptr<PathNode> buildPathTree(const std::vector<QString>& paths);

// Depth first, leaves only.
template <class Visit>
void forEachFile(const PathNode& node, const Visit& visit) {
  if (!node.isFolder()) {
    visit(node.file);
    return;
  }
  for (const auto& child : node.children) forEachFile(*child, visit);
}

}  // namespace ui
