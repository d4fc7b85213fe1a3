// plan_flags.h: the flags of commands that make a plan of sources.
#pragma once

#include <CLI/CLI.hpp>

#include "app/plan_choices.h"

namespace app {

void addPlanFlags(CLI::App& app, PlanChoices& choices);

}  // namespace app
