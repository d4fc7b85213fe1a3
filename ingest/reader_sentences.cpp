#include "ingest/reader_sentences.h"

namespace ingest {

using base::ErrorCode;
using Kind = ReaderFailure::Kind;

base::Error refusalError(Refusal refusal) {
  switch (refusal) {
    case Refusal::kNotPdf:
      return {ErrorCode::kCorrupt, "the file is not a PDF",
              "Give it the ending of what it is, or leave it out."};
    case Refusal::kDamaged:
      return {ErrorCode::kCorrupt, "the document is damaged beyond repair",
              "Get the file again from where it came from."};
    case Refusal::kLocked:
      return {ErrorCode::kLocked, "the document needs a password",
              "Read a PDF with `lectern extract --password`, or save a copy without a password and "
              "add that one."};
    case Refusal::kUnsupported:
      return {ErrorCode::kUnsupported, "the document is encrypted in a way this version does not know",
              "Save a copy without encryption and add that one."};
    case Refusal::kNoPages:
      return {ErrorCode::kCorrupt, "the document has no pages", "Leave it out."};
    case Refusal::kTooManyPages:
      return {ErrorCode::kTooLarge, "the document has too many pages",
              "Split it and add the parts you need."};
    case Refusal::kNoSuchPage:
      return {ErrorCode::kNotFound, "the document has no such page", "Choose another page."};
    case Refusal::kImageTooLarge:
      return {ErrorCode::kTooLarge, "the page cannot be drawn in the memory it may have",
              "Read its text instead."};
    case Refusal::kNotDocument:
      return {ErrorCode::kUnsupported, "the archive is no docx, odt or epub document",
              "Unpack it and add the files you need."};
    case Refusal::kArchiveTooLarge:
      return {ErrorCode::kTooLarge, "the document unpacks to more than any document has",
              "Leave it out; it may have been made to do harm."};
    case Refusal::kArchivePath:
      return {ErrorCode::kCorrupt, "the document's parts have names that lead elsewhere",
              "Leave it out; it may have been made to do harm."};
    case Refusal::kXmlEntities:
      return {ErrorCode::kCorrupt, "the document defines XML entities, which no writer does",
              "Leave it out; it may have been made to do harm."};
  }
  return {ErrorCode::kInternal, "unknown refusal", {}};
}

base::Error failureError(const ReaderFailure& failed, int page) {
  const std::string sentence = "lectern-reader " + failed.detail +
                               (page > 0 ? " on page " + std::to_string(page) : std::string());
  switch (failed.kind) {
    case Kind::kStopped: return {ErrorCode::kCancelled, "stopped", {}};
    case Kind::kNotStarted:
      return {ErrorCode::kIo, failed.detail,
              "Build or install Lectern again: a program of it is missing."};
    case Kind::kTimeout:
    case Kind::kOutOfMemory:
      return {ErrorCode::kTooLarge, sentence,
              "Print the document into a new PDF and add that, or leave it out."};
    case Kind::kKilled: return {ErrorCode::kIo, sentence, "Read the document again."};
    case Kind::kCrashed:
    case Kind::kBadMessage:
      return {ErrorCode::kCorrupt, sentence,
              "The document is probably damaged: open it in a viewer and save it as a new PDF."};
  }
  return {ErrorCode::kInternal, sentence, {}};
}

base::Diagnostic remarkDiagnostic(const PageRemark& remark) {
  switch (remark.remark) {
    case Remark::kRepaired:
      return {"repaired", "The file is damaged; its structure was rebuilt.", remark.page};
    case Remark::kNotPermitted:
      return {"extraction_not_permitted", "The author does not permit copying text.", remark.page};
    case Remark::kNoTextLayer:
      return {"no_text_layer", "The page shows something but has no text.", remark.page};
    case Remark::kUnmappedGlyphs:
      return {"unmapped_glyphs", "Some characters of the page are not known.", remark.page};
    case Remark::kOffPageText:
      return {"off_page_text", "Text outside of the visible page was left out.", remark.page};
    case Remark::kPageDamaged:
      return {"page_unreadable", "The page is damaged.", remark.page};
    case Remark::kPageTooLarge:
      return {"page_unreadable", "The page inflates beyond the limit and was left out.",
              remark.page};
    case Remark::kHiddenText:
      return {"hidden_text", "Text that no reader of the page sees was left out.", remark.page};
    case Remark::kOcrLayer:
      return {"ocr_layer", "The page is a scan; its text was recognised by some program.",
              remark.page};
    case Remark::kRecognised:
      return {"ocr", "The page is a scan; its text was recognised by Tesseract.", remark.page};
    case Remark::kNoRecognition:
      return {"no_text_layer",
              "The page shows something but has no text. With the package tesseract-ocr "
              "installed, scans are read.",
              remark.page};
    case Remark::kActiveContent:
      return {"active_content",
              "The document holds scripts or asks to start, open or send something; nothing of it "
              "was done.",
              remark.page};
    case Remark::kPageCountWrong:
      return {"page_count_wrong", "The file promises more pages than it has.", 0};
  }
  return {"unknown", "", remark.page};
}

}  // namespace ingest
