// transcript_accessible.h: the conversation as assistive technology reads it: a list of questions
// and answers, and the quotes as links that can be pressed.
#pragma once

namespace ui {

// Once per program; later calls do nothing.
void installTranscriptAccessibility();

}  // namespace ui
