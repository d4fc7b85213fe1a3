#include "ingest/pdf/glyph_collector.h"

#include <poppler/GfxFont.h>
#include <poppler/UTF.h>
#include <poppler/goo/gmem.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace ingest {
namespace {

// Smaller text is for machines: no one reads a letter of a millimetre's third.
constexpr double kTinySize = 1.5;
constexpr double kTinyShare = 0.02;  // of the page's shorter side, where pages are tiny themselves
// In font sizes.
constexpr double kAscentMin = 0.88, kAscentMax = 1.05;
constexpr double kDescentMin = -0.4, kDescentMax = -0.21;
constexpr double kColourDistance = 0.06;
constexpr double kOpacityMin = 0.04;
// Painted areas that are remembered, and the smallest that can lie behind text, in square points.
constexpr std::size_t kPaintsMax = 256;
constexpr double kPaintAreaMin = 12;
constexpr int kPathPointsMax = 4000;
constexpr std::size_t kPrivateCodesMin = 6;

bool contains(const std::string& name, const char* part) {
  return name.find(part) != std::string::npos;
}

bool soundsMono(const std::string& name) {
  for (const char* part : {"Mono", "mono", "Courier", "CMTT", "cmtt", "SFTT", "LMTT", "Consolas",
                           "Typewriter", "Inconsolata", "Menlo", "Fixed", "Nimbus Mono"})
    if (contains(name, part)) return true;
  return false;
}

bool soundsBold(const std::string& name) {
  for (const char* part : {"Bold", "bold", "Black", "Heavy", "CMBX", "SFBX", "Demi", "-Medi"})
    if (contains(name, part)) return true;
  return false;
}

double colourDistance(double a, double b) { return std::abs(a - b); }

}  // namespace

void GlyphCollector::collectInto(PageGlyphs& page) {
  page_ = &page;
  glyph_fonts_.clear();
  paints_.clear();
  font_ = nullptr;
  ink_known_ = false;
  in_actual_text_ = false;
}

void GlyphCollector::finishPage() {
  for (std::size_t i = 0; i < glyph_fonts_.size(); ++i)
    if (glyph_fonts_[i]->is_private && page_->glyphs[i].text != U" ") page_->glyphs[i].text.clear();
}

GlyphCollector::Font& GlyphCollector::fontOf(GfxState* state) {
  if (font_ != nullptr) return *font_;
  const auto& font = state->getFont();
  const std::string key = std::to_string(font->getID()->num) + " " +
                          std::to_string(font->getID()->gen) + " " + font->getTag();
  const auto [place, is_new] = fonts_.try_emplace(key);
  font_ = &place->second;
  if (!is_new) return *font_;

  Font& facts = *font_;
  const std::string name = font->getName().value_or(std::string());
  facts.vertical = font->getWMode() != 0;
  facts.bold = font->isBold() || soundsBold(name) || font->getWeight() >= GfxFont::W700;
  facts.mono = font->isFixedWidth() || soundsMono(name);
  // Type 1 fonts name their glyphs: "parenleft" tells more than any code.
  facts.has_map = font->hasToUnicodeCMap() || font->getType() == fontType1 ||
                  font->getType() == fontType1C || font->getType() == fontType1COT;
  if (font->getType() == fontType3) {
    const double* matrix = font->getFontMatrix();
    const double* box = font->getFontBBox();
    const double height = std::abs(matrix[3]) * (box[3] - box[1]);
    facts.size_factor = height > 0 ? height : 1000 * std::abs(matrix[3]);
    if (facts.size_factor <= 0) facts.size_factor = 1;
    if (height > 0) {
      facts.ascent = std::abs(matrix[3]) * box[3] / facts.size_factor;
      facts.descent = std::abs(matrix[3]) * box[1] / facts.size_factor;
    }
  } else {
    facts.ascent = font->getAscent();
    facts.descent = font->getDescent();
  }
  // Fonts disagree about what an ascent is; a box has to cover letters and their tails.
  facts.ascent = std::clamp(facts.ascent, kAscentMin, kAscentMax);
  facts.descent = std::clamp(facts.descent, kDescentMin, kDescentMax);
  return facts;
}

void GlyphCollector::noteCode(Font& font, CharCode code) {
  if (font.has_map || code == 32 || font.codes.size() > 400) return;
  if (std::find(font.codes.begin(), font.codes.end(), code) != font.codes.end()) return;
  font.n_in_order += !font.codes.empty() && code == font.codes.back() + 1;
  font.codes.push_back(code);
  const std::size_t n = font.codes.size();
  font.is_private =
      n >= kPrivateCodesMin && 10 * static_cast<std::size_t>(font.n_in_order) >= 8 * n;
}

void GlyphCollector::learnInk(GfxState* state) {
  if (ink_known_) return;
  ink_known_ = true;
  const int mode = state->getRender() & 3;
  const bool stroked = mode == 1;
  GfxRGB rgb;
  if (stroked)
    state->getStrokeRGB(&rgb);
  else
    state->getFillRGB(&rgb);
  ink_ = {colToDbl(rgb.r), colToDbl(rgb.g), colToDbl(rgb.b)};
  const bool pattern =
      (stroked ? state->getStrokeColorSpace() : state->getFillColorSpace())->getMode() == csPattern;
  if (pattern) ink_ = {};
  const double opacity = stroked ? state->getStrokeOpacity() : state->getFillOpacity();
  // Mode 7 only clips, but then something is painted through the letters.
  invisible_ink_ = state->getRender() == 3 || opacity < kOpacityMin;
}

// Text in the colour of what lies behind it.
bool GlyphCollector::blendsIn(double x, double y) const {
  const auto alike = [&](const Colour& colour) {
    return colourDistance(colour.red, ink_.red) < kColourDistance &&
           colourDistance(colour.green, ink_.green) < kColourDistance &&
           colourDistance(colour.blue, ink_.blue) < kColourDistance;
  };
  for (auto paint = paints_.rbegin(); paint != paints_.rend(); ++paint)
    if (x >= paint->box.x0 && x <= paint->box.x1 && y >= paint->box.y0 && y <= paint->box.y1)
      return paint->known && alike(paint->colour);
  return alike({1, 1, 1});
}

void GlyphCollector::drawChar(GfxState* state, double x, double y, double dx, double dy, double,
                              double, CharCode code, int, const Unicode* u, int n_unicode) {
  if (page_ == nullptr || !state->getFont()) return;
  Font& font = fontOf(state);
  learnInk(state);
  noteCode(font, code);

  Glyph glyph;
  // The advance of the text holds the spacing asked for between letters and words.
  const double spacing = state->getCharSpace() + (code == 32 ? state->getWordSpace() : 0);
  double sx = 0, sy = 0;
  if (font.vertical)
    state->textTransformDelta(0, spacing, &sx, &sy);
  else
    state->textTransformDelta(spacing * state->getHorizScaling(), 0, &sx, &sy);
  double ax = 0, ay = 0, px = 0, py = 0;
  state->transform(x, y, &glyph.x, &glyph.y);
  state->transformDelta(dx - sx, dy - sy, &ax, &ay);
  state->transformDelta(sx, sy, &px, &py);

  glyph.size = std::abs(state->getTransformedFontSize()) * font.size_factor;
  glyph.vertical = font.vertical;
  if (font.vertical) {
    glyph.advance = std::abs(ay);
    glyph.spacing = std::abs(py);
  } else {
    const double* text = state->getTextMat();
    const double* page = state->getCTM();
    const double sign = state->getFontSize() < 0 ? -1 : 1;
    const double a = sign * (text[0] * page[0] + text[1] * page[2]);
    const double b = sign * (text[0] * page[1] + text[1] * page[3]);
    const double length = std::hypot(a, b);
    if (length > 0) {
      glyph.direction_x = a / length;
      glyph.direction_y = std::abs(b) < 1e-3 * length ? 0 : b / length;
      if (glyph.direction_y == 0) glyph.direction_x = a < 0 ? -1 : 1;
    }
    glyph.advance = ax * glyph.direction_x + ay * glyph.direction_y;
    glyph.spacing = px * glyph.direction_x + py * glyph.direction_y;
  }
  glyph.ascent = font.ascent;
  glyph.descent = font.descent;
  glyph.bold = font.bold;
  glyph.mono = font.mono;
  glyph.text.reserve(static_cast<std::size_t>(std::max(n_unicode, 0)));
  for (int i = 0; i < n_unicode; ++i) glyph.text.push_back(u[i]);

  // The middle of the character decides what it stands on.
  const double mx = glyph.x + ax / 2 + (glyph.vertical ? 0 : 0.3 * glyph.size * glyph.direction_y);
  const double my = glyph.y + ay / 2 - (glyph.vertical ? 0 : 0.3 * glyph.size * glyph.direction_x);
  double cx0, cy0, cx1, cy1;
  state->getClipBBox(&cx0, &cy0, &cx1, &cy1);
  const double slack = 0.1 * glyph.size;
  const bool clipped = mx < cx0 - slack || mx > cx1 + slack || my < cy0 - slack || my > cy1 + slack;
  const bool off_page = mx < 0 || my < 0 || mx > page_->width || my > page_->height;
  const double tiny = std::min(kTinySize, kTinyShare * std::min(page_->width, page_->height));
  glyph.invisible = invisible_ink_;
  glyph.hidden =
      glyph.size < tiny || (!off_page && (clipped || (!invisible_ink_ && blendsIn(mx, my))));
  page_->glyphs.push_back(std::move(glyph));
  glyph_fonts_.push_back(&font);
}

void GlyphCollector::beginActualText(GfxState*, const GooString* text) {
  if (in_actual_text_ || text == nullptr || page_ == nullptr) return;
  Unicode* characters = nullptr;
  const int n = TextStringToUCS4(text->toStr(), &characters);
  actual_text_.assign(characters, characters + std::max(n, 0));
  gfree(characters);
  in_actual_text_ = true;
  actual_begin_ = page_->glyphs.size();
}

// The text stands for all glyphs since: the first of them gets it and their place.
void GlyphCollector::endActualText(GfxState*) {
  if (!in_actual_text_) return;
  in_actual_text_ = false;
  if (actual_begin_ >= page_->glyphs.size()) return;
  Glyph& first = page_->glyphs[actual_begin_];
  const Glyph& last = page_->glyphs.back();
  const double reach =
      (last.x - first.x) * first.direction_x + (last.y - first.y) * first.direction_y;
  first.advance = std::max(first.advance, reach + last.advance);
  first.spacing = last.spacing;
  first.text = actual_text_;
  page_->glyphs.resize(actual_begin_ + 1);
  glyph_fonts_.resize(actual_begin_ + 1);
}

void GlyphCollector::paint(const Paint& paint) {
  const double area = (paint.box.x1 - paint.box.x0) * (paint.box.y1 - paint.box.y0);
  if (page_ == nullptr || !(area >= kPaintAreaMin)) return;
  if (paints_.size() == kPaintsMax) paints_.pop_front();
  paints_.push_back(paint);
}

void GlyphCollector::paintPath(GfxState* state) {
  notePicture();
  const GfxPath* path = state->getPath();
  base::Box box{1e30, 1e30, -1e30, -1e30};
  int n_points = 0;
  for (int i = 0; i < path->getNumSubpaths() && n_points < kPathPointsMax; ++i) {
    const GfxSubpath* part = path->getSubpath(i);
    for (int k = 0; k < part->getNumPoints() && n_points < kPathPointsMax; ++k, ++n_points) {
      double x, y;
      state->transform(part->getX(k), part->getY(k), &x, &y);
      box = {std::min(box.x0, x), std::min(box.y0, y), std::max(box.x1, x), std::max(box.y1, y)};
    }
  }
  double x0, y0, x1, y1;
  state->getClipBBox(&x0, &y0, &x1, &y1);
  box = {std::max(box.x0, x0), std::max(box.y0, y0), std::min(box.x1, x1), std::min(box.y1, y1)};
  if (state->getFillOpacity() < kOpacityMin) return;
  Paint painted{.box = box};
  GfxRGB rgb;
  state->getFillRGB(&rgb);
  painted.known = n_points <= 6 && state->getFillOpacity() > 0.95 &&
                  state->getFillColorSpace()->getMode() != csPattern;
  painted.colour = {colToDbl(rgb.r), colToDbl(rgb.g), colToDbl(rgb.b)};
  paint(painted);
}

void GlyphCollector::paintClip(GfxState* state) {
  notePicture();
  Paint painted;
  state->getClipBBox(&painted.box.x0, &painted.box.y0, &painted.box.x1, &painted.box.y1);
  paint(painted);
}

void GlyphCollector::paintImage(GfxState* state) {
  if (page_ == nullptr) return;
  notePicture();
  base::Box box{1e30, 1e30, -1e30, -1e30};
  for (const double u : {0.0, 1.0})
    for (const double v : {0.0, 1.0}) {
      double x, y;
      state->transform(u, v, &x, &y);
      box = {std::min(box.x0, x), std::min(box.y0, y), std::max(box.x1, x), std::max(box.y1, y)};
    }
  box = {std::max(box.x0, 0.0), std::max(box.y0, 0.0), std::min(box.x1, page_->width),
         std::min(box.y1, page_->height)};
  if (!(box.x1 > box.x0 && box.y1 > box.y0)) return;
  const double share = (box.x1 - box.x0) * (box.y1 - box.y0) / (page_->width * page_->height);
  page_->image_share = std::max(page_->image_share, share);
  paint({.box = box});
}

bool GlyphCollector::tilingPatternFill(GfxState* state, Gfx*, Catalog*, GfxTilingPattern*,
                                       const double*, int, int, int, int, double, double) {
  paintClip(state);
  return true;
}
bool GlyphCollector::functionShadedFill(GfxState* state, GfxFunctionShading*) {
  return paintClip(state), true;
}
bool GlyphCollector::axialShadedFill(GfxState* state, GfxAxialShading*, double, double) {
  return paintClip(state), true;
}
bool GlyphCollector::radialShadedFill(GfxState* state, GfxRadialShading*, double, double) {
  return paintClip(state), true;
}
bool GlyphCollector::gouraudTriangleShadedFill(GfxState* state, GfxGouraudTriangleShading*) {
  return paintClip(state), true;
}
bool GlyphCollector::patchMeshShadedFill(GfxState* state, GfxPatchMeshShading*) {
  return paintClip(state), true;
}

// The base class reads the data of inline images, which stand in the way otherwise.
void GlyphCollector::drawImageMask(GfxState* state, Object* ref, Stream* stream, int width,
                                   int height, bool invert, bool interpolate, bool inline_image) {
  paintImage(state);
  OutputDev::drawImageMask(state, ref, stream, width, height, invert, interpolate, inline_image);
}
void GlyphCollector::drawImage(GfxState* state, Object* ref, Stream* stream, int width, int height,
                               GfxImageColorMap* colors, bool interpolate, const int* mask,
                               bool inline_image) {
  paintImage(state);
  OutputDev::drawImage(state, ref, stream, width, height, colors, interpolate, mask, inline_image);
}
void GlyphCollector::drawMaskedImage(GfxState* state, Object*, Stream*, int, int, GfxImageColorMap*,
                                     bool, Stream*, int, int, bool, bool) {
  paintImage(state);
}
void GlyphCollector::drawSoftMaskedImage(GfxState* state, Object*, Stream*, int, int,
                                         GfxImageColorMap*, bool, Stream*, int, int,
                                         GfxImageColorMap*, bool) {
  paintImage(state);
}

}  // namespace ingest
