#include "ingest/pdf/page_notes.h"

#include <poppler/Annot.h>
#include <poppler/Form.h>
#include <poppler/Link.h>
#include <poppler/PDFDoc.h>
#include <poppler/Page.h>
#include <poppler/XRef.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <string_view>

#include "ingest/pdf/poppler_text.h"

namespace ingest {
namespace {

constexpr int kChoicesMax = 1000;

// Addresses that start or open something on this machine, or carry it with them.
bool isHarmless(std::string_view address) {
  for (const std::string_view scheme : {"file:", "javascript:", "vbscript:", "data:", "shell:"})
    if (address.size() >= scheme.size() &&
        std::equal(scheme.begin(), scheme.end(), address.begin(),
                   [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); }))
      return false;
  return true;
}

// A document beside this one: no path, no other machine.
bool isNeighbour(std::string_view name) {
  return !name.empty() && name.find_first_of("/\\:") == std::string_view::npos;
}

std::u32string latin1(std::string_view text) {
  std::u32string wide;
  for (const char c : text) wide.push_back(static_cast<unsigned char>(c));
  return wide;
}

// In the page as displayed, cut to it.
class PagePlaces {
 public:
  explicit PagePlaces(Page& page) : width_(page.getCropWidth()), height_(page.getCropHeight()) {
    if (page.getRotate() % 180 != 0) std::swap(width_, height_);
    page.getDefaultCTM(matrix_, 72, 72, 0, false, true);
  }
  base::Box box(const PDFRectangle& area) const {
    const auto x = [&](double px, double py) {
      return clamped(matrix_[0] * px + matrix_[2] * py + matrix_[4], width_);
    };
    const auto y = [&](double px, double py) {
      return clamped(matrix_[1] * px + matrix_[3] * py + matrix_[5], height_);
    };
    // The lists make values of what the calls return.
    const auto [x0, x1] = std::minmax({x(area.x1, area.y1), x(area.x2, area.y2)});
    const auto [y0, y1] = std::minmax({y(area.x1, area.y1), y(area.x2, area.y2)});
    return {x0, y0, x1, y1};
  }

 private:
  static double clamped(double value, double max) {
    return std::isfinite(value) ? std::clamp(value, 0.0, max) : 0;
  }
  double width_, height_;
  double matrix_[6];
};

std::string fieldValue(FormWidget& widget) {
  switch (widget.getType()) {
    case formText:
      return cleanUtf8(textOf(static_cast<FormWidgetText&>(widget).getContent()), kAsideBytesMax);
    case formButton:
      return static_cast<FormWidgetButton&>(widget).getState() ? "true" : "false";
    case formChoice: {
      auto& choice = static_cast<FormWidgetChoice&>(widget);
      std::u32string chosen;
      for (int i = 0; i < std::min(choice.getNumChoices(), kChoicesMax); ++i)
        if (choice.isSelected(i))
          chosen += (chosen.empty() ? U"" : U", ") + textOf(choice.getChoice(i));
      return cleanUtf8(chosen, kAsideBytesMax);
    }
    default:
      return {};
  }
}

class NoteCollector {
 public:
  NoteCollector(Page& page, bool& active) : places_(page), active_(active) {}

  void addAnnotation(Annot& annotation) {
    if (annotation.getType() == Annot::typeLink)
      return addLink(static_cast<AnnotLink&>(annotation));
    if (annotation.getType() == Annot::typeFileAttachment ||
        annotation.getType() == Annot::typeScreen)
      active_ = true;
    // What a free text says is drawn on the page.
    if (annotation.getType() == Annot::typeWidget || annotation.getType() == Annot::typePopup ||
        annotation.getType() == Annot::typeFreeText)
      return;
    add(PageAside::Kind::kNote, cleanUtf8(textOf(annotation.getContents()), kAsideBytesMax), {},
        annotation.getRect());
  }

  void addField(FormWidget& widget) {
    if (widget.getType() == formButton) {
      const auto kind = static_cast<FormWidgetButton&>(widget).getButtonType();
      if (kind == formButtonPush) {
        const LinkAction* action = widget.getActivationAction();
        active_ = active_ || (action != nullptr && action->getKind() != actionGoTo);
        return;
      }
    }
    PDFRectangle area;
    widget.getRect(&area.x1, &area.y1, &area.x2, &area.y2);
    std::string name = cleanUtf8(textOf(widget.getFullyQualifiedName()), kAsideBytesMax);
    if (name.empty()) return;
    asides_.push_back({.kind = PageAside::Kind::kField,
                       .text = fieldValue(widget),
                       .target = std::move(name),
                       .box = places_.box(area)});
  }

  std::vector<PageAside> take() {
    if (asides_.size() > kAsidesMax / 2) asides_.resize(kAsidesMax / 2);
    return std::move(asides_);
  }

 private:
  void addLink(AnnotLink& link) {
    const LinkAction* action = link.getAction();
    if (action == nullptr) return;
    switch (action->getKind()) {
      case actionURI: {
        const std::string& address = static_cast<const LinkURI*>(action)->getURI();
        if (!isHarmless(address)) active_ = true;
        add(PageAside::Kind::kLink, {}, cleanUtf8(latin1(address), kAsideBytesMax), link.getRect());
        return;
      }
      case actionGoToR: {
        const GooString* file = static_cast<const LinkGoToR*>(action)->getFileName();
        const std::string name = file != nullptr ? file->toStr() : std::string();
        if (!isNeighbour(name)) active_ = true;
        add(PageAside::Kind::kLink, {}, cleanUtf8(latin1(name), kAsideBytesMax), link.getRect());
        return;
      }
      case actionGoTo:
      case actionNamed:
        return;
      default:
        active_ = true;
    }
  }

  void add(PageAside::Kind kind, std::string text, std::string target, const PDFRectangle& area) {
    if (text.empty() && target.empty()) return;
    asides_.push_back({.kind = kind,
                       .text = std::move(text),
                       .target = std::move(target),
                       .box = places_.box(area)});
  }

  const PagePlaces places_;
  bool& active_;
  std::vector<PageAside> asides_;
};

bool isDangerous(const Object& action) {
  if (!action.isDict()) return false;
  const Object kind = action.dictLookup("S");
  for (const char* name : {"JavaScript", "Launch", "GoToR", "SubmitForm", "ImportData", "URI"})
    if (kind.isName(name)) return true;
  return false;
}

}  // namespace

std::vector<PageAside> pageNotes(Page& page, bool& active) {
  NoteCollector notes(page, active);
  if (page.getActions().isDict()) active = true;
  if (Annots* annotations = page.getAnnots())
    for (Annot* annotation : annotations->getAnnots()) notes.addAnnotation(*annotation);
  if (const auto fields = page.getFormWidgets())
    for (int i = 0; i < fields->getNumWidgets(); ++i) notes.addField(*fields->getWidget(i));
  return notes.take();
}

bool isActive(PDFDoc& document) {
  const Object catalog = document.getXRef()->getCatalog();
  if (!catalog.isDict()) return false;
  if (catalog.dictLookup("AA").isDict() || isDangerous(catalog.dictLookup("OpenAction")))
    return true;
  const Object names = catalog.dictLookup("Names");
  return names.isDict() &&
         (names.dictLookup("JavaScript").isDict() || names.dictLookup("EmbeddedFiles").isDict());
}

}  // namespace ingest
