// git_handles.h: objects of libgit2 that free themselves. For git_tree.cpp and git_history.cpp
// only.
#pragma once

#include <git2.h>

#include <memory>

#include "ingest/git_tree.h"

namespace ingest {

template <class T, void (*free)(T*)>
struct Freed {
  void operator()(T* object) const noexcept { free(object); }
};
using RepositoryHandle =
    std::unique_ptr<git_repository, Freed<git_repository, git_repository_free>>;
using IndexHandle = std::unique_ptr<git_index, Freed<git_index, git_index_free>>;
using ConfigHandle = std::unique_ptr<git_config, Freed<git_config, git_config_free>>;
using BlobHandle = std::unique_ptr<git_blob, Freed<git_blob, git_blob_free>>;
using OdbHandle = std::unique_ptr<git_odb, Freed<git_odb, git_odb_free>>;
using CommitHandle = std::unique_ptr<git_commit, Freed<git_commit, git_commit_free>>;
using TreeHandle = std::unique_ptr<::git_tree, Freed<::git_tree, git_tree_free>>;

struct GitTree::Repository {
  RepositoryHandle handle;
  IndexHandle index;
};

}  // namespace ingest
