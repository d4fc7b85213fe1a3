// theme.h: every colour, font and size of the window.
//
// Colours are tokens (ui.md section 7.1), read from palette.json that is compiled in; no other file
// of ui/ names a colour. Sizes are given in pixels of the design at 100 % and grow with the text
// size. GUI thread only.
#pragma once

#include <array>

#include <QColor>
#include <QFont>
#include <QObject>

namespace ui {

// Name in C++ and name in palette.json.
#define LECTERN_TOKENS(X)                                                                        \
  X(kWindow, window) X(kSurface, surface) X(kPanel, panel) X(kSunken, sunken) X(kHover, hover)   \
  X(kSelected, selected) X(kLine, line) X(kLineStrong, lineStrong) X(kControl, control)          \
  X(kText, text) X(kText2, text2) X(kText3, text3) X(kAccent, accent)                            \
  X(kAccentHover, accentHover) X(kOnAccent, onAccent) X(kAccentSoft, accentSoft) X(kOk, ok)      \
  X(kOkSoft, okSoft) X(kWarn, warn) X(kWarnSoft, warnSoft) X(kDanger, danger)                    \
  X(kDangerSoft, dangerSoft) X(kMark, mark) X(kMarkLine, markLine) X(kMarkStrong, markStrong)    \
  X(kHeat0, heat0) X(kHeat1, heat1) X(kHeat2, heat2) X(kHeat3, heat3) X(kHeat4, heat4)           \
  X(kCode, kCode) X(kPdf, kPdf) X(kTalk, kTalk) X(kSys, kSys) X(kOnKind, onKind)                 \
  X(kSynKey, synKey) X(kSynType, synType) X(kSynStr, synStr) X(kSynNum, synNum)                  \
  X(kSynCom, synCom) X(kSynFn, synFn) X(kSynPre, synPre) X(kShadow, shadow)                      \
  X(kTooltip, tooltip) X(kOnTooltip, onTooltip)

enum class Token {
#define X(id, name) id,
  LECTERN_TOKENS(X)
#undef X
  kCount
};

enum class Scheme { kLight, kDark };

// Roles of section 7.2.
enum class FontRole {
  kInterface, kInterfaceStrong, kReading, kReadingStrong, kSmall, kSmallStrong, kSmallest, kTitle,
  kDisplay, kPaneHead, kCode
};

class Theme : public QObject {
  Q_OBJECT

 public:
  // The one theme of the program; needs a QGuiApplication.
  static Theme& instance();

  Scheme scheme() const { return scheme_; }
  // Repaints everything; no restart.
  void setScheme(Scheme scheme);
  // What the platform's palette suggests.
  static Scheme platformScheme();

  // 0.8 to 2.0.
  void setTextScale(double scale);
  double textScale() const { return text_scale_; }

  QColor color(Token token) const { return color(token, scheme_); }
  QColor color(Token token, Scheme scheme) const;
  QFont font(FontRole role) const;
  // Line height of the role, in pixels.
  int lineHeight(FontRole role) const;
  // Design pixels at the current text size.
  int px(double design_px) const;

 signals:
  void changed();

 private:
  Theme();
  void load();
  void apply();
  QString styleSheet() const;

  Scheme scheme_ = Scheme::kLight;
  double text_scale_ = 1;
  std::array<std::array<QColor, static_cast<int>(Token::kCount)>, 2> colors_;
  QString sans_, mono_;
  bool styled_ = false;
};

inline Theme& theme() { return Theme::instance(); }
inline QColor color(Token token) { return theme().color(token); }

}  // namespace ui
