// page_renderer.h: pages of PDFs as pictures, made in the background.
//
// Lives in the window's thread and never waits there, except in the destructor. Per document the
// newest wish wins: an older page that is still being drawn is stopped and never shown.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <stop_token>
#include <vector>

#include <QObject>
#include <QString>
#include <QThreadPool>

#include "engine/base/result.h"
#include "engine/base/span.h"
#include "ui/values.h"

namespace app {

struct PageWish {
  QString path;                // in the context
  std::filesystem::path file;  // on disk
  int page = 1;                // 1-based
  double scale = 1;            // pixels per point
  std::vector<base::Box> boxes;
};

class PageRenderer {
 public:
  // In the window's thread. Errors as ingest::renderPage; kCancelled never arrives.
  using Show = std::function<void(const base::Result<ui::PdfPage>&)>;

  // `window` lives in the thread that creates this and outlives it.
  PageRenderer(std::filesystem::path reader_program, QObject& window);
  // Stops what is being drawn and waits for it.
  ~PageRenderer();
  PageRenderer(const PageRenderer&) = delete;
  PageRenderer& operator=(const PageRenderer&) = delete;

  void render(const PageWish& wish, Show show);
  // Nothing that was wished for before is shown any more.
  void stopAll();

 private:
  const std::filesystem::path reader_program_;
  QObject& window_;
  std::map<QString, std::stop_source> newest_;  // by path
  QThreadPool pool_;
};

}  // namespace app
