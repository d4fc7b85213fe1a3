#include "app/workbench/page_renderer.h"

#include <utility>

#include "app/workbench/shown_values.h"
#include "ingest/reader_client.h"

namespace app {

PageRenderer::PageRenderer(std::filesystem::path reader_program, QObject& window)
    : reader_program_(std::move(reader_program)), window_(window) {}

PageRenderer::~PageRenderer() {
  stopAll();
  pool_.waitForDone();
}

void PageRenderer::render(const PageWish& wish, Show show) {
  std::stop_source& newest = newest_[wish.path];
  newest.request_stop();
  newest = std::stop_source();
  pool_.start([this, wish, show = std::move(show), stop = newest.get_token()] {
    const auto image = ingest::renderPage(reader_program_, wish.file, wish.page, wish.scale, stop);
    base::Result<ui::PdfPage> page;
    if (image) page = pdfPage(wish.path, *image, wish.boxes);
    else page = tl::make_unexpected(image.error());
    QMetaObject::invokeMethod(&window_, [show, stop, page] {
      if (!stop.stop_requested()) show(page);
    }, Qt::QueuedConnection);
  });
}

void PageRenderer::stopAll() {
  for (auto& [path, source] : newest_) source.request_stop();
  newest_.clear();
}

}  // namespace app
