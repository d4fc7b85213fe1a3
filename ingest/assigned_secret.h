// assigned_secret.h: values given to names like `password`, in code and in configuration.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ingest {

// How a value without quotes is to be read: code computes there, configuration means it.
enum class BareValues { kAreCode, kAreText };
BareValues bareValuesOf(std::string_view file_name);

// `at` lies in a name that may be assigned to: its kind if the value looks like a secret.
std::optional<std::string> assignedSecret(std::string_view text, std::size_t at, BareValues bare);

}  // namespace ingest
