// scenes.h: invented data for the window, the same in every test.
#pragma once

#include <QDateTime>

#include "ui/values.h"

namespace scenes {

// 24 November 2026, 14:32:07: what "now" is in the pictures.
QDateTime moment();

ui::WelcomeValue welcome();
ui::EngineValue engine(ui::EngineState state = ui::EngineState::kReady);
ui::PlanValue plan();
ui::ReadingValue reading();
// A session with one answered question: two quotes of code, one of a PDF, one without a source.
ui::SessionValue session();
ui::MessageValue answered();
std::vector<ui::SessionRow> sessions();
std::vector<ui::WorkspaceValue> workspaces();
// Of session 42: four turns on the main branch, two other branches.
ui::BranchesValue branches();
// Of session 42, for "rename durable".
std::vector<ui::SearchHitValue> hits();
ui::SpaceValue space();

// The file of the first citation, with the quote marked.
ui::DocumentText sourceText();
// A drawn page of a report, with the boxes of the quote in it.
ui::PdfPage pdfPage();

// `answer` in the writing of ui.md: <quote>...</quote>; one citation per quote in `citations`,
// placed where the n-th quote stands.
std::vector<base::Citation> placed(const std::string& answer,
                                   std::vector<base::Citation> citations);

}  // namespace scenes
