// model_fault.h: what happens when a mapped model file is shortened under a running engine.
//
// Touching a page that is gone raises SIGBUS in whatever thread computes; no stack can be unwound
// from there. The process says so and ends: it is lectern-engine, which is started again, or a
// command that computes itself. Nothing of the step that failed was stored.
#pragma once

namespace app {

// Exit code by which lectern knows the reason; no other path of our programs ends with it.
inline constexpr int kModelFaultExit = 73;

// From here on SIGBUS ends the process with kModelFaultExit and one line on stderr.
void endOnModelFault();

}  // namespace app
