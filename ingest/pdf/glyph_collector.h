// glyph_collector.h: Poppler's drawing calls to glyphs. Draws nothing: pictures and painted areas
// leave only their place, so that white text on white paper can be told from white text on a bar.
#pragma once

#include <poppler/GfxState.h>
#include <poppler/OutputDev.h>

#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "ingest/pdf/glyph.h"

namespace ingest {

class GlyphCollector : public OutputDev {
 public:
  // Glyphs of the next page go to `page`, which must outlive the drawing.
  void collectInto(PageGlyphs& page);
  // After the page: characters of fonts whose codes mean nothing become unknown ones.
  void finishPage();

  bool upsideDown() override { return true; }
  bool useDrawChar() override { return true; }
  bool interpretType3Chars() override { return false; }
  // Patterns and shadings are not unrolled into their pieces.
  bool useTilingPatternFill() override { return true; }
  bool useShadedFills(int) override { return true; }

  void updateFillColor(GfxState*) override { ink_known_ = false; }
  void updateStrokeColor(GfxState*) override { ink_known_ = false; }
  void updateFillColorSpace(GfxState*) override { ink_known_ = false; }
  void updateStrokeColorSpace(GfxState*) override { ink_known_ = false; }
  void updateFillOpacity(GfxState*) override { ink_known_ = false; }
  void updateStrokeOpacity(GfxState*) override { ink_known_ = false; }
  void updateRender(GfxState*) override { ink_known_ = false; }
  void updateFont(GfxState*) override { font_ = nullptr; }
  void restoreState(GfxState*) override { ink_known_ = false, font_ = nullptr; }

  void drawChar(GfxState* state, double x, double y, double dx, double dy, double origin_x,
                double origin_y, CharCode code, int n_bytes, const Unicode* u,
                int n_unicode) override;
  void beginActualText(GfxState* state, const GooString* text) override;
  void endActualText(GfxState* state) override;

  void fill(GfxState* state) override { paintPath(state); }
  void eoFill(GfxState* state) override { paintPath(state); }
  void stroke(GfxState*) override { notePicture(); }
  bool tilingPatternFill(GfxState* state, Gfx*, Catalog*, GfxTilingPattern*, const double*, int,
                         int, int, int, double, double) override;
  bool functionShadedFill(GfxState* state, GfxFunctionShading*) override;
  bool axialShadedFill(GfxState* state, GfxAxialShading*, double, double) override;
  bool radialShadedFill(GfxState* state, GfxRadialShading*, double, double) override;
  bool gouraudTriangleShadedFill(GfxState* state, GfxGouraudTriangleShading*) override;
  bool patchMeshShadedFill(GfxState* state, GfxPatchMeshShading*) override;

  void drawImageMask(GfxState* state, Object* ref, Stream* stream, int width, int height,
                     bool invert, bool interpolate, bool inline_image) override;
  void drawImage(GfxState* state, Object* ref, Stream* stream, int width, int height,
                 GfxImageColorMap* colors, bool interpolate, const int* mask,
                 bool inline_image) override;
  void drawMaskedImage(GfxState* state, Object* ref, Stream* stream, int width, int height,
                       GfxImageColorMap* colors, bool interpolate, Stream* mask, int mask_width,
                       int mask_height, bool invert, bool mask_interpolate) override;
  void drawSoftMaskedImage(GfxState* state, Object* ref, Stream* stream, int width, int height,
                           GfxImageColorMap* colors, bool interpolate, Stream* mask, int mask_width,
                           int mask_height, GfxImageColorMap* mask_colors,
                           bool mask_interpolate) override;

 private:
  struct Colour {
    double red = 0, green = 0, blue = 0;
  };
  struct Paint {
    base::Box box;
    bool known = false;  // one colour over all of the box
    Colour colour = {};
  };
  // What a font tells about all of its characters.
  struct Font {
    double ascent = 0.9, descent = -0.25;
    double size_factor = 1;  // Type 3 fonts have a unit of their own
    bool vertical = false, bold = false, mono = false, has_map = true;
    // Codes handed out in the order of their first use mean nothing by themselves.
    std::vector<CharCode> codes;
    int n_in_order = 0;
    bool is_private = false;
  };

  Font& fontOf(GfxState* state);
  void noteCode(Font& font, CharCode code);
  void learnInk(GfxState* state);
  bool blendsIn(double x, double y) const;
  void notePicture() {
    if (page_ != nullptr) page_->has_pictures = true;
  }
  void paintPath(GfxState* state);
  void paintClip(GfxState* state);
  void paintImage(GfxState* state);
  void paint(const Paint& paint);

  PageGlyphs* page_ = nullptr;
  std::vector<Font*> glyph_fonts_;  // of every glyph of the page
  std::deque<Paint> paints_;
  std::unordered_map<std::string, Font> fonts_;
  Font* font_ = nullptr;
  bool ink_known_ = false;
  Colour ink_;
  bool invisible_ink_ = false;

  bool in_actual_text_ = false;
  std::u32string actual_text_;
  std::size_t actual_begin_ = 0;
};

}  // namespace ingest
