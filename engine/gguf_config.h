// gguf_config.h: the metadata of a GGUF file of architecture deepseek4 as a ModelConfig
// (specification §15.8).
#pragma once

#include "engine/base/result.h"
#include "engine/gguf.h"
#include "engine/model_config.h"

namespace engine {

// kUnsupported with the key that is missing, of another kind, or beyond what the engine runs.
base::Result<ModelConfig> readGgufConfig(const GgufFile& file);

}  // namespace engine
