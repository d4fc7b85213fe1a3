// byte_size.h: amounts of memory as people write them.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/base/result.h"

namespace app {

// "4GiB", "512 MiB", "3.5G", "1500000": K, M, G and T count in 1,024s, with or without "iB"; KB,
// MB, GB and TB in 1,000s. Case does not matter. kInvalidInput for anything else, and for none.
base::Result<std::int64_t> parseByteSize(std::string_view text);

}  // namespace app
