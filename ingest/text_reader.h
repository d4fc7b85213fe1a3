// text_reader.h: a text file in any common encoding to UTF-8.
//
// Encodings: UTF-8, UTF-16 and UTF-32 of either byte order with or without a byte order mark,
// ISO-2022-JP/KR/CN, and what uchardet recognises of the others (Latin and Windows code pages,
// Shift-JIS, EUC, Big5, GB18030, KOI8 ...), converted by iconv. The text is the file's: line ends
// (LF, CRLF, CR) and control characters stay as they are, so that a quote can be compared with the
// bytes. Only three things change: a byte order mark is left out, what does not decode becomes
// U+FFFD, and so does a NUL.
//
// Whole HTML pages and Jupyter notebooks become Markdown whose line n is what line n of the file
// says (html_text.h, notebook_text.h); templates and fragments of HTML are code and stay.
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>

#include "engine/base/document.h"
#include "engine/base/result.h"

namespace ingest {

// `relative` becomes Document::path; the kind follows from name and content and is never kPdf.
// Diagnostics: "encoding" (not UTF-8; which one, by its mark), "encoding_guessed" (by its
// statistics), "invalid_utf8" or "invalid_encoding" (bytes replaced by U+FFFD, or pairs of
// surrogates joined), "nul_bytes", "scripts_left_out", "lines_differ" (a notebook on few lines).
//
// Errors: kUnsupported (binary, or not a regular file), kTooLarge (above kTextBytesMax, asked
// before anything is allocated), kNotFound, kIo (unreadable, or changed meanwhile), kCancelled.
base::Result<base::Extracted> readText(const std::filesystem::path& file,
                                       const std::string& relative, std::stop_token stop);

}  // namespace ingest
