// notebook_text.h: the cells of a Jupyter notebook: sources and text outputs, without the JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ingest {

bool isNotebook(std::string_view name, std::string_view head);

struct NotebookText {
  std::string text;
  // Line n of the text is what line n of the file says. False for files written on few lines: there
  // the lines are those of the cells.
  bool lines_kept = true;
};

// nullopt when it is not JSON, or nested deeper than any notebook.
std::optional<NotebookText> notebookText(std::string_view json);

}  // namespace ingest
